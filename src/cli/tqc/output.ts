import picocolors from 'picocolors';
import { pythonJson } from './python-json.js';
import type { QueueAgent, QueueTask } from './queue-client.js';

/** Where a command writes to, and how. */
export interface Output {
  /** Writes one line, or several, to stdout. */
  print(text: string): void;
  /** Writes a value to stdout as one JSON document. */
  printJson(value: unknown): void;
  /** Writes one line to stderr. */
  warn(text: string): void;
  /** Writes what another program has written, as it came. */
  passOn(text: string, options: { toStderr: boolean }): void;
  colors: ReturnType<typeof picocolors.createColors>;
}

/** Colours only on a terminal, and never against NO_COLOR. */
export function createOutput({ stdout, stderr, env }: Pick<NodeJS.Process, 'stdout' | 'stderr' | 'env'>): Output {
  return {
    print: (text) => void stdout.write(`${text}\n`),
    printJson: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    warn: (text) => void stderr.write(`${text}\n`),
    passOn: (text, { toStderr }) => void (toStderr ? stderr : stdout).write(text),
    colors: picocolors.createColors(Boolean(stdout.isTTY) && !env.NO_COLOR),
  };
}

/** A whole task or agent below a line that says what became of it. */
export function document(value: unknown): string {
  return pythonJson(value, { indent: 2 });
}

export function taskList(tasks: QueueTask[], colors: Output['colors']): string {
  if (tasks.length === 0) return 'No tasks found.';
  const blocks = tasks.map((task) =>
    [
      `${colors.bold(`#${task.id}`)} [${coloredStatus(task.status, colors)}] ${oneLine(task.title)}`,
      `  Kind: ${oneLine(task.kind)} | Priority: ${task.priority} | Tier: ${task.model_tier}`,
      ...(task.claimed_by ? [`  Claimed by: ${oneLine(task.claimed_by)}`] : []),
      '',
    ].join('\n'),
  );
  return [`Found ${tasks.length} task(s):`, '', ...blocks].join('\n');
}

export function agentList(agents: QueueAgent[], colors: Output['colors']): string {
  if (agents.length === 0) return 'No agents registered.';
  const blocks = agents.map((agent) =>
    [
      colors.bold(oneLine(agent.id)),
      // A host of null reads as Python's None, one that is left out as unknown.
      `  Host: ${agent.host === undefined ? 'unknown' : oneLine(agent.host ?? 'None')}`,
      ...(agent.last_heartbeat ? [`  Last heartbeat: ${agent.last_heartbeat}`] : []),
      '',
    ].join('\n'),
  );
  return [`Registered agents (${agents.length}):`, '', ...blocks].join('\n');
}

/** Text of others cannot begin a line of its own, which a script would take for a task, nor drive the terminal. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

export function coloredStatus(status: string, colors: Output['colors']): string {
  switch (status) {
    case 'queued':
      return colors.cyan(status);
    case 'claimed':
    case 'running':
      return colors.yellow(status);
    case 'done':
      return colors.green(status);
    case 'failed':
      return colors.red(status);
    default:
      return colors.dim(status);
  }
}
