import { setTimeout } from 'node:timers/promises';
import picocolors from 'picocolors';

/** Columns of a line: the time, a mark, who, and from here on what. */
const whoWidth = 8;
const whatColumn = 10 + whoWidth;

/** Columns of a terminal that does not say how many it has. */
const columnsDefault = 120;

export interface StageOptions {
  /** How slow the play is: 1 is for people, less is faster. */
  pace: number;
  /** Ends every pause: the play is over. */
  signal: AbortSignal;
}

/** The terminal that the demo plays on: what happens is told in columns of time, who and what. */
export class Stage {
  readonly #colors = picocolors.createColors(process.stdout.isTTY && !process.env.NO_COLOR);
  readonly #startedAt = performance.now();

  constructor(private readonly options: StageOptions) {}

  /** Announces what the next lines are about. */
  act(title: string): void {
    this.print(`\n${this.#colors.bold(title)}`);
  }

  /** Somebody does or learns something that is no event of the log. */
  tell(who: string, what: string): void {
    this.#line(' ', who, what);
  }

  /** An event, as the watcher received it. */
  live(who: string, what: string): void {
    this.#line(this.#colors.cyan('●'), who, what);
  }

  /** Something that the product is there for. */
  highlight(who: string, what: string): void {
    this.#line(' ', who, what, this.#colors.yellow);
  }

  verdict(isGood: boolean, sentence: string): void {
    this.print(`  ${isGood ? this.#colors.green('✓') : this.#colors.red('✗')} ${sentence}`);
  }

  /** A name and its value. */
  entry(name: string, value: string): void {
    this.print(`  ${this.#colors.dim(name.padEnd(22))}${value}`);
  }

  print(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** Lets this much of the play's time go by. Throws when the play was broken off. */
  pause(seconds: number): Promise<void> {
    return this.#wait(seconds * 1000 * this.options.pace);
  }

  /** Waits for what is about to happen by itself, such as an event to arrive. Throws when the play was broken off. */
  async until<Found>(find: () => Found | undefined): Promise<Found> {
    for (let found = find(); ; found = find()) {
      if (found !== undefined) return found;
      await this.#wait(20);
    }
  }

  async #wait(milliseconds: number): Promise<void> {
    const { signal } = this.options;
    await setTimeout(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
  }

  #line(mark: string, who: string, what: string, color: (text: string) => string = String): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const time = this.#colors.dim(seconds.toFixed(1).padStart(6));
    const lines = wrap(what, (process.stdout.columns ?? columnsDefault) - whatColumn).map(color);
    this.print(`${time} ${mark} ${this.#colors.bold(who.padEnd(whoWidth))} ${lines.join(`\n${' '.repeat(whatColumn)}`)}`);
  }
}

/** Breaks text between words into lines of at most so many characters; a longer word has a line to itself. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
