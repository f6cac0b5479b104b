import type { BatonClient } from '../../sdk/baton-client.js';
import { type Lease, type LeaseLossReason, LeaseLostError, withLease } from '../../sdk/lease.js';
import { claimNext, work as workOn } from '../../sdk/work.js';
import { CommandFailure } from '../command-failure.js';
import { type ChildEnd, runChild } from './child-command.js';
import { type Output, oneLine } from './output.js';
import type { QueueClient, QueueTask } from './queue-client.js';

/** Seconds that a claim outlives its worker; heartbeats are sent at a third of it. */
const leaseSeconds = 120;

/** Characters of the command's output that are kept with the task: its end. */
const tailLength = 16_384;

/** Exit code of a single run for which there was no task. */
export const nothingToDo = 3;

export interface WorkOptions {
  /** The command and its arguments. */
  command: [string, ...string[]];
  /** Goes on with the next task, and waits for one, until it is stopped. */
  loop: boolean;
  /** Only tasks of this kind. */
  kind?: string | undefined;
  /** Seconds between two looks for a task at most, when nothing announces one. */
  pollSeconds: number;
  /** Seconds that the command gets to end after SIGTERM, before SIGKILL. */
  graceSeconds: number;
  /** Id of the agent; undefined when its key says who it is. */
  agentId: string | undefined;
  /** Tells of each task by one JSON object; what the command writes goes to stderr then. */
  wantsJson: boolean;
  /** Stops the command and gives the task back. */
  signal: AbortSignal;
}

/**
 * Claims the next task of the queue and runs a command for it; with `loop` one after the other.
 *
 * The claim is kept alive while the command runs. Exit code 0 finishes the task, any other fails it. The command is
 * stopped when the claim is lost, and when `signal` aborts: then the task is given back.
 * Answers the exit code of the command, or `nothingToDo`. Throws CommandFailure when the command cannot be started or
 * the claim was lost, the reason of the signal, and what the SDK throws.
 */
export async function work(client: BatonClient, queue: QueueClient, output: Output, options: WorkOptions): Promise<number> {
  const runner = new TaskRunner(queue, output, options);
  const { agentId, kind, signal } = options;
  const wanted = { agentId, leaseSeconds, sources: ['QUEUE' as const], ...(kind !== undefined && { kinds: [kind] }) };
  // What goes wrong beside the command is not the task's fault: another worker may have it.
  const holding = { agentId, signal, onError: 'release' as const };
  if (!options.loop) {
    const [claim] = (await claimNext(client, { ...wanted, signal })).claims;
    if (claim) return withLease(client, claim, (lease) => runner.run(lease), holding).catch(lostInWords);
    if (options.wantsJson) output.print(JSON.stringify({ outcome: 'none' }));
    else output.warn('No tasks found.');
    return nothingToDo;
  }
  const broken = new AbortController();
  await workOn(client, (lease) => runner.run(lease), {
    ...wanted,
    ...holding,
    pollMs: options.pollSeconds * 1000,
    drain: broken.signal,
    onReport: (report) => {
      if (!('error' in report) || signal.aborted || report.error instanceof LeaseLostError) return;
      // A command that cannot be started for one task cannot be started for the next.
      if (report.error instanceof CommandFailure) broken.abort(report.error);
      else output.warn(`Error: ${report.error instanceof Error ? report.error.message : String(report.error)}`);
    },
  });
  signal.throwIfAborted();
  throw broken.signal.reason;
}

class TaskRunner {
  constructor(
    private readonly queue: QueueClient,
    private readonly output: Output,
    private readonly options: WorkOptions,
  ) {}

  /** Runs the command for one task, ends the task accordingly, and says what became of it. Answers the exit code. */
  async run(lease: Lease): Promise<number> {
    const { number: id, title } = lease.task;
    this.#tell(`Task #${id} claimed: ${oneLine(title)}`);
    try {
      const task = await this.queue.getTask(String(id));
      await lease.setStatus('IN_PROGRESS');
      const { stdout, ...end } = await this.#runCommand({ ...task, status: 'running' }, lease.signal);
      // It was stopped, whatever it made of that.
      lease.signal.throwIfAborted();
      await this.#settle(lease, end, stdout);
      return end.exitCode;
    } catch (error) {
      const [outcome, words] = error instanceof LeaseLostError ? ['lost', 'lost'] : ['released', 'given back'];
      this.#tell(`Task #${id} ${words}`);
      this.#report(lease, { outcome });
      throw error;
    }
  }

  async #runCommand(task: QueueTask, signal: AbortSignal): Promise<ChildEnd & { stdout: string }> {
    const { command, graceSeconds, wantsJson } = this.options;
    let tail = '';
    const end = await runChild(command, {
      variables: variablesOf(task),
      input: JSON.stringify(task),
      signal,
      graceMs: graceSeconds * 1000,
      onOutput: (text) => {
        this.output.passOn(text, { toStderr: wantsJson });
        tail = (tail + text).slice(-tailLength);
      },
    });
    // What no task can keep: U+0000, and half of the character at which the tail was cut.
    return { ...end, stdout: tail.replaceAll('\0', '').toWellFormed() };
  }

  async #settle(lease: Lease, { exitCode, how }: ChildEnd, stdout: string): Promise<void> {
    const ended = `${this.options.command[0]} ${how}`;
    const lastLine = stdout.trimEnd().split('\n').at(-1)?.trim();
    const result = { description: lastLine?.slice(0, 500).toWellFormed() || ended, exitCode, stdout };
    if (exitCode === 0) await lease.complete(result);
    else await lease.fail(ended, result);
    const { number: id } = lease.task;
    this.#tell(exitCode === 0 ? `Task #${id} completed` : `Task #${id} failed: ${ended}`);
    this.#report(lease, { outcome: exitCode === 0 ? 'done' : 'failed', exitCode, description: result.description });
  }

  #tell(text: string): void {
    if (!this.options.wantsJson) this.output.warn(text);
  }

  #report({ task: { number: id, title } }: Lease, facts: object): void {
    if (this.options.wantsJson) this.output.print(JSON.stringify({ id, title, ...facts }));
  }
}

function variablesOf(task: QueueTask): Record<string, string> {
  // No variable can hold U+0000, and no task has it.
  return {
    TQC_TASK_ID: String(task.id),
    TQC_TASK_TITLE: task.title,
    TQC_TASK_DESCRIPTION: task.description ?? '',
    TQC_TASK_KIND: task.kind,
    TQC_TASK_PRIORITY: String(task.priority),
    TQC_TASK_TIER: task.model_tier,
    TQC_TASK_METADATA: JSON.stringify(task.metadata),
  };
}

const lossWords: Record<LeaseLossReason, string> = {
  TAKEN_AWAY: 'it was given back, finished, or lapsed',
  CANCELED: 'the task was cancelled',
  EXPIRED: 'no heartbeat got through in time',
  REFUSED: 'the server refuses its heartbeats',
};

function lostInWords(error: unknown): never {
  if (!(error instanceof LeaseLostError)) throw error;
  throw new CommandFailure(`The claim was lost: ${lossWords[error.reason]}.`, { facts: { reason: error.reason }, cause: error });
}
