import { Presets, SingleBar } from 'cli-progress';
import type { ArchiveProgress } from '../../database/archive/archive-format.js';
import { note } from './terminal.js';

/** How often a line is written off a terminal. */
const lineIntervalMs = 3000;

/** Shows on standard error how far rows have come: a bar on a terminal, a line every few seconds off it. */
export class RowProgress implements ArchiveProgress {
  #total = 0;
  #done = 0;
  #startedAt = performance.now();
  #bar: SingleBar | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `verb` stands before the numbers: `exported`. */
  constructor(private readonly verb: string) {}

  /** How many rows there are in all; known once the work has begun. */
  get total(): number {
    return this.#total;
  }

  begin(rows: number): void {
    this.#total = rows;
    this.#startedAt = performance.now();
    if (process.stderr.isTTY) {
      const format = `${this.verb} {bar} {percentage}% | {value} of {total} rows | {rate} rows/s | {eta_formatted} left`;
      this.#bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, etaBuffer: 100 }, Presets.shades_classic);
      this.#bar.start(rows, 0, { rate: 0 });
      return;
    }
    this.#timer = setInterval(() => note(this.#line()), lineIntervalMs);
    this.#timer.unref();
  }

  advance(rows: number): void {
    this.#done += rows;
    this.#bar?.update(this.#done, { rate: this.#rate() });
  }

  end(): void {
    this.#bar?.stop();
    clearInterval(this.#timer);
  }

  #line(): string {
    const percent = this.#total === 0 ? 100 : Math.floor((this.#done / this.#total) * 100);
    const rate = this.#rate();
    const left = rate === 0 ? 'unknown time' : `${Math.ceil((this.#total - this.#done) / rate)} s`;
    return `${this.verb} ${this.#done} of ${this.#total} rows (${percent}%), ${rate} rows/s, ${left} left`;
  }

  #rate(): number {
    return Math.round(this.#done / Math.max(0.001, (performance.now() - this.#startedAt) / 1000));
  }
}
