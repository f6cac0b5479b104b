import { setTimeout as pause } from 'node:timers/promises';
import type { TicketName, WorkerApi } from '../api/worker-api.js';

/** Milliseconds that lines wait for others to be sent with. */
const batchMs = 2_000;

/** Characters of one entry. */
const entryLength = 64 * 1024;

/** Characters that wait for a server that is away; the oldest are given up. */
const waitingLengthMax = 1024 * 1024;

/** Milliseconds that the end of a run waits for its last lines to be kept. */
const flushMs = 15_000;

/** Characters of the summary: enough for a line in a list. */
const summaryLength = 500;

/** Puts what an agent puts out into the log of its ticket, many lines in one entry. The coordinator's log has it all anyway. */
export class TicketLog {
  #waiting: string[] = [];
  #waitingLength = 0;
  #lostLines = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #hasFailed = false;

  constructor(
    private readonly parts: {
      api: Pick<WorkerApi, 'log'>;
      ticket: TicketName;
      jobId: string;
      /** Told once when entries cannot be kept. */
      onTrouble: (error: unknown) => void;
    },
  ) {}

  /** Adds a line, without its secrets. */
  append(line: string): void {
    this.#waiting.push(line);
    this.#waitingLength += line.length + 1;
    while (this.#waitingLength > waitingLengthMax) this.#giveUp(1);
    if (this.#waitingLength >= entryLength) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), batchMs);
  }

  /** Waits, for a while, until all that was added is kept. */
  async finish(): Promise<void> {
    let isLate = false;
    const late = pause(flushMs, undefined, { ref: false }).then(() => {
      isLate = true;
    });
    while (!isLate && (this.#waiting.length > 0 || this.#sending)) {
      this.#send();
      await Promise.race([this.#sending, late]);
    }
    clearTimeout(this.#timer);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending || this.#waiting.length === 0) return;
    this.#sending = this.#post(this.#takeEntry()).finally(() => {
      this.#sending = undefined;
      if (this.#waitingLength >= entryLength) this.#send();
      else if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#send(), batchMs);
    });
  }

  async #post(lines: string[]): Promise<void> {
    const { api, ticket, jobId, onTrouble } = this.parts;
    const lastLine = lines.findLast((line) => line.trim() !== '') ?? '';
    try {
      await api.log(ticket, {
        sessionId: jobId,
        step: 'container_output',
        summary: lastLine.trim().slice(0, summaryLength).toWellFormed(),
        rawOutput: lines.join('\n'),
      });
      this.#hasFailed = false;
    } catch (error) {
      this.#lostLines += lines.length;
      if (!this.#hasFailed) onTrouble(error);
      this.#hasFailed = true;
    }
  }

  #takeEntry(): string[] {
    const lines: string[] = [];
    for (let length = 0; this.#waiting[0] !== undefined; ) {
      length += this.#waiting[0].length + 1;
      if (lines.length > 0 && length > entryLength) break;
      lines.push(...this.#waiting.splice(0, 1));
    }
    this.#waitingLength -= lines.reduce((sum, line) => sum + line.length + 1, 0);
    if (this.#lostLines > 0) lines.unshift(`(${this.#lostLines} lines could not be kept)`);
    this.#lostLines = 0;
    return lines;
  }

  #giveUp(count: number): void {
    for (const line of this.#waiting.splice(0, count)) this.#waitingLength -= line.length + 1;
    this.#lostLines += count;
  }
}
