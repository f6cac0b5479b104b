import { StringDecoder } from 'node:string_decoder';

/** Characters of a line that are told; nobody reads more. */
const lengthMax = 8_192;

/** Characters of a line that are waited for until its end. */
const bufferMax = 1_048_576;

/**
 * Cuts what a program puts out into lines. A line comes whole, so that no secret in it is cut in two before `hide` has seen
 * it, and is shortened afterwards.
 */
export class OutputLines {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #dropped = 0;

  constructor(
    private readonly hide: (text: string) => string,
    private readonly onLine: (line: string) => void,
  ) {}

  write(piece: Buffer): void {
    this.#take(this.#decoder.write(piece));
  }

  /** The last line may have no end. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '' || this.#dropped > 0) this.#finishLine();
  }

  #take(text: string): void {
    const [first = '', ...others] = text.split('\n');
    this.#append(first);
    for (const next of others) {
      this.#finishLine();
      this.#append(next);
    }
  }

  #append(text: string): void {
    const room = bufferMax - this.#rest.length;
    this.#rest += text.slice(0, room);
    this.#dropped += Math.max(0, text.length - room);
  }

  #finishLine(): void {
    // Of a line that a program wrote over again, as progress bars do, the last state counts.
    const line = this.#rest.replace(/\r$/, '');
    const shown = this.hide(line.slice(line.lastIndexOf('\r') + 1));
    const hidden = Math.max(0, shown.length - lengthMax) + this.#dropped;
    this.onLine(hidden > 0 ? `${shown.slice(0, lengthMax).toWellFormed()}... (${hidden} more characters)` : shown);
    this.#rest = '';
    this.#dropped = 0;
  }
}
