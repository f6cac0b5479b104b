import type { Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { queueDepthStatement, type SpanRow, spansStatement } from './sql/activity.sql.js';

/** What happened to tasks within one span of time, and how many there were at its end. */
export interface Activity extends Omit<SpanRow, 'index' | 'readyChange' | 'unfinishedChange'> {
  startsAt: Date;
  endsAt: Date;
  readyCount: number;
  unfinishedCount: number;
}

/** Milliseconds after its end from which on a span is taken for final: no transaction that wrote in it is still open. */
const settledMs = 5 * 60_000;

/** Kinds of spans (of an organization, a project, a length) of which final ones are remembered. */
const kindsMax = 200;

/** Of each kind. */
const spansMax = 400;

/**
 * Counts the event log. Spans end at multiples of their length since 1970, so that one that is over stays the same in every
 * answer: those are remembered, and a chart that stays open reads the last minutes of the log, however far back it goes.
 */
export class TaskActivity {
  readonly #known = new Map<string, Map<number, SpanRow>>();

  constructor(private readonly database: Database) {}

  /** The last `count` spans, oldest first, of which the last one still runs; `now` is on the database's clock. */
  async spans(
    viewer: Viewer,
    { projectId, spanSeconds, count }: { projectId: string | null; spanSeconds: number; count: number },
    now: Date,
  ): Promise<Activity[]> {
    const scope = [viewer.organizationId, projectId];
    const known = this.#ofKind([...scope, spanSeconds].join());
    const spanMs = spanSeconds * 1000;
    const last = Math.floor(now.getTime() / spanMs);
    const first = last - count + 1;
    let unknown = first;
    while (known.has(unknown)) unknown++;
    const [rows, [depth]] = await Promise.all([
      this.database.query<SpanRow>(spansStatement, [...scope, unknown, last, spanSeconds]),
      this.database.query<{ ready: number; unfinished: number }>(queueDepthStatement, scope),
    ]);
    const read = new Map(rows.map((row) => [row.index, row]));
    for (let index = unknown; (index + 1) * spanMs + settledMs <= now.getTime(); index++) {
      const span = read.get(index);
      if (span) known.set(index, span);
    }
    for (const index of known.keys()) {
      if (known.size <= spansMax) break;
      known.delete(index);
    }

    // How many there were is reckoned back from how many there are, by what has happened since.
    let { ready, unfinished } = depth ?? { ready: 0, unfinished: 0 };
    const spans: Activity[] = [];
    for (let at = last; at >= first; at--) {
      const span = read.get(at) ?? known.get(at);
      if (!span) throw new Error(`no span ${at} of ${spanSeconds} s was read`);
      const { index: _, readyChange, unfinishedChange, ...counts } = span;
      spans.push({
        ...counts,
        startsAt: new Date(at * spanMs),
        endsAt: new Date((at + 1) * spanMs),
        readyCount: Math.max(0, ready),
        unfinishedCount: Math.max(0, unfinished),
      });
      ready -= readyChange;
      unfinished -= unfinishedChange;
    }
    return spans.reverse();
  }

  #ofKind(kind: string): Map<number, SpanRow> {
    const known = this.#known.get(kind) ?? new Map<number, SpanRow>();
    // The kind that nobody has asked for in the longest time makes room.
    this.#known.delete(kind);
    this.#known.set(kind, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= kindsMax) break;
      this.#known.delete(oldest);
    }
    return known;
  }
}
