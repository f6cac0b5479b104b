import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TaskEventRow } from './checker.js';
import type { Subscriber } from './history.js';
import { adminToken, type Stage } from './stage.js';

export interface CrowdOptions {
  /** Addresses over which the members spread, and which each tries in turn. */
  urls: string[];
  token: string;
  count: number;
  /** Cursor to begin after. */
  after: string;
  /** Projects over which the members spread: each follows what happens in one. Without any, each follows everything. */
  projectIds?: readonly string[];
}

export interface CrowdReport {
  connectionsLost: number;
  /** Of each lost connection: milliseconds until the next one has subscribed and something asked after that is answered. */
  reconnectMs: number[];
  /** Members that received the same. */
  groups: { projectId: string | null; count: number; failure: string | null; cursors: string[] }[];
}

/** Asks for the report. */
export interface CrowdQuestion {
  /** The last event of each project; of everything, under the empty name. */
  ends: Record<string, string>;
  withinMs: number;
}

/** Thousands of subscribers over websockets, in a process of their own. */
export interface Crowd {
  /** Resolves with what every member received, once all have the last of these events that concerns them, or the time is up. */
  reach(events: readonly TaskEventRow[], withinMs: number): Promise<CrowdReport>;
}

export async function startCrowd(stage: Stage, options: Omit<CrowdOptions, 'token'>): Promise<Crowd> {
  const argument = JSON.stringify({ ...options, token: adminToken } satisfies CrowdOptions);
  const child = stage.program('crowd-process.ts', [argument]);
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return {
    async reach(events, withinMs) {
      const ends: Record<string, string> = {};
      for (const { projectId, cursor } of events) ends[options.projectIds ? (projectId ?? '') : ''] = cursor;
      child.stdin.write(`${JSON.stringify({ ends, withinMs } satisfies CrowdQuestion)}\n`);
      const [line] = await once(lines, 'line');
      return JSON.parse(line as string) as CrowdReport;
    },
  };
}

/** What a crowd received, for the checker. Throws when a member's subscription ended with an error. */
export function subscribersOf(name: string, after: string, { groups }: CrowdReport): Subscriber[] {
  return groups.map(({ projectId, count, failure, cursors }) => {
    if (failure) throw new Error(`${count} subscribers of ${name} were ended: ${failure}`);
    return { name, after, projectId, count, receptions: cursors.map((cursor) => ({ cursor })) };
  });
}
