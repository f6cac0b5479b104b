/** A command could not do what it was asked to; the user is told in one line, without a stack. */
export class CommandFailure extends Error {
  /** More lines for people. */
  readonly hint: string | undefined;
  /** What `--json` says beside the message. */
  readonly facts: Record<string, unknown>;

  constructor(message: string, options: { hint?: string | undefined; facts?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CommandFailure';
    this.hint = options.hint;
    this.facts = options.facts ?? {};
  }
}
