import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { AgentProcessOptions } from './agent-process.js';
import type { Grant, History, Operation } from './history.js';
import type { Stage } from './stage.js';

/** An agent that runs in a process of its own. */
export interface AgentProcess {
  child: ChildProcess;
  /** Lets it finish what it is at, and resolves when all that it did is in the history. */
  finish(): Promise<void>;
}

/** Starts an agent; what it does is recorded in the history. */
export function startAgentProcess(
  stage: Stage,
  history: History,
  options: AgentProcessOptions,
  environment: Record<string, string> = {},
): AgentProcess {
  const child = stage.program('agent-process.ts', [JSON.stringify(options)], environment);
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => history.record(withDates(JSON.parse(line) as Operation)));
  const closed = once(lines, 'close');
  return {
    child,
    finish: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

/** JSON has no dates. */
function withDates(operation: Operation): Operation {
  const revive = (instant: Date) => new Date(instant);
  if (operation.kind === 'claim') {
    const grants = operation.grants.map((grant): Grant => ({ ...grant, leaseExpiresAt: revive(grant.leaseExpiresAt) }));
    return { ...operation, grants };
  }
  if (operation.kind !== 'heartbeat' || !operation.leaseExpiresAt) return operation;
  return { ...operation, leaseExpiresAt: revive(operation.leaseExpiresAt) };
}
