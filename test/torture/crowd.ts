import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Subscriber } from './history.js';
import { adminToken, type Stage } from './stage.js';

export interface CrowdOptions {
  /** Addresses over which the members spread, and which each tries in turn. */
  urls: string[];
  token: string;
  count: number;
  /** Cursor to begin after. */
  after: string;
}

export interface CrowdReport {
  connectionsLost: number;
  /** Of each lost connection: milliseconds until the first event on the next one. */
  reconnectMs: number[];
  /** Members that received the same. */
  groups: { count: number; failure: string | null; cursors: string[] }[];
}

/** Thousands of subscribers over websockets, in a process of their own. */
export interface Crowd {
  /** Resolves with what every member received, once all have this event, or the time is up. */
  reach(cursor: string, withinMs: number): Promise<CrowdReport>;
}

export async function startCrowd(stage: Stage, options: Omit<CrowdOptions, 'token'>): Promise<Crowd> {
  const argument = JSON.stringify({ ...options, token: adminToken } satisfies CrowdOptions);
  const child = stage.program('crowd-process.ts', [argument]);
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return {
    async reach(cursor, withinMs) {
      child.stdin.write(`${JSON.stringify({ reach: cursor, withinMs })}\n`);
      const [line] = await once(lines, 'line');
      return JSON.parse(line as string) as CrowdReport;
    },
  };
}

/** What a crowd received, for the checker. Throws when a member's subscription ended with an error. */
export function subscribersOf(name: string, after: string, { groups }: CrowdReport): Subscriber[] {
  return groups.map(({ count, failure, cursors }) => {
    if (failure) throw new Error(`${count} subscribers of ${name} were ended: ${failure}`);
    return { name, after, count, receptions: cursors.map((cursor) => ({ cursor })) };
  });
}
