import { keep, readKept, readKeptRecord } from '../elements/kept.js';

/** Until where each thread was read: the id of a message, by the id of the thread. Ids rise with time. */
type Marks = Readonly<Record<string, string>>;

/** Threads whose marks are kept: enough for years, and far below what a browser has room for. */
const marksMax = 5000;

/** Stands for all threads: what was there before this browser was first used is not told as unread. */
const everywhere = '*';

/** What one person has read, in this browser; its tabs know it of each other. */
export class ReadMarks {
  readonly #key: string;
  readonly #watchers = new Set<() => void>();
  #marks: Marks;

  /** `person` and `organization` are their ids: who signs in after somebody else has marks of their own. */
  constructor({ person, organization, now }: { person: string; organization: string; now: number }) {
    this.#key = `baton.read.${organization}.${person}`;
    if (readKept('browser', this.#key) === null) this.#write({ [everywhere]: idAt(now) });
    this.#marks = readKeptRecord(this.#key);
  }

  readonly marks = (): Marks => this.#marks;

  readonly watch = (watcher: () => void): (() => void) => {
    const take = (event: StorageEvent) => event.key === this.#key && this.#reread();
    addEventListener('storage', take);
    this.#watchers.add(watcher);
    return () => {
      removeEventListener('storage', take);
      this.#watchers.delete(watcher);
    };
  };

  mark(threadId: string, messageId: string): void {
    // Another tab may have written since.
    const kept: Marks = readKeptRecord(this.#key);
    if ((kept[threadId] ?? '') < messageId) this.#write(newest({ ...kept, [threadId]: messageId }));
    this.#reread();
  }

  #write(marks: Marks): void {
    keep('browser', this.#key, JSON.stringify(marks));
  }

  #reread(): void {
    this.#marks = readKeptRecord(this.#key);
    for (const watcher of this.#watchers) watcher();
  }
}

export function isRead(marks: Marks, threadId: string, messageId: string): boolean {
  return messageId <= (marks[threadId] ?? '') || messageId <= (marks[everywhere] ?? '');
}

function newest(marks: Marks): Marks {
  const entries = Object.entries(marks);
  if (entries.length <= marksMax) return marks;
  const ordered = entries.toSorted(([, one], [, other]) => (one < other ? 1 : -1));
  const { [everywhere]: floor = '' } = marks;
  return { ...Object.fromEntries(ordered.slice(0, marksMax / 2)), [everywhere]: floor };
}

/** What an id that is made at that time begins with. */
function idAt(time: number): string {
  const hex = Math.floor(time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
