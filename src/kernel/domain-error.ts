/**
 * An expected failure: the caller's input, rights or timing, never a bug.
 *
 * `code` is stable and listed in `features/error-code.ts`; the message is for the caller, names the thing and says
 * what to do next; subclasses carry facts. `inputPath` names the input field at fault, outermost first, when there is one.
 */
export abstract class DomainError extends Error {
  abstract readonly code: string;
  /** Not `path`: GraphQL takes an error with a path for one that it has located already, and adds no place to it. */
  readonly inputPath: string[] | undefined;

  constructor(message: string, options: { path?: string[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.inputPath = options.path;
  }
}
