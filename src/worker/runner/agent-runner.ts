import { EnvironmentError, type RunKind, type RunnerEnvironment, readEnvironment } from './environment.js';
import { runAgent } from './run.js';
import { RunStopped } from './run-errors.js';

/** Runs `baton agent-runner ticket|review` in this process, and answers the exit code. Source: contracts.md 4.3. */
export async function agentRunner(args: readonly string[]): Promise<number> {
  const [kind] = args;
  if (args.length !== 1 || !isKind(kind)) {
    process.stderr.write('Usage: baton agent-runner ticket|review\n');
    return 1;
  }
  let environment: RunnerEnvironment;
  try {
    environment = readEnvironment(kind);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return 1;
  }
  return untilSignal((stop) => runAgent(environment, stop));
}

function isKind(word: string | undefined): word is RunKind {
  return word === 'ticket' || word === 'review';
}

/** A signal has the run end by itself: OpenCode is told to stop, the log is told why, and the clone is removed. */
async function untilSignal<Result>(work: (stop: AbortSignal) => Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => stop.abort(new RunStopped(signal));
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  try {
    return await work(stop.signal);
  } finally {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  }
}
