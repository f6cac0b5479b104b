import { inspect } from 'node:util';

/** A credential in plain text, on its way to the one answer that shows it. It reads as null or `[secret]` everywhere else. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): null {
    return null;
  }

  toString(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
