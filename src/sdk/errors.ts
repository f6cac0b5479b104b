import type { GraphQLFormattedError } from 'graphql';
import type { ErrorFieldsFragment } from './generated.js';

/** Codes of failures that may be gone the next time. */
const passingCodes: readonly (string | undefined)[] = ['INTERNAL_ERROR', 'RATE_LIMITED'];

/** HTTP statuses of the same; a proxy may answer them without a word of GraphQL. */
const passingStatuses: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/**
 * The server answered a request with top-level errors: a bad document, no valid credential, a fault of the server. Or
 * something between answered with what is no GraphQL at all; `errors` is empty then.
 */
export class BatonRequestError extends Error {
  constructor(
    readonly errors: readonly GraphQLFormattedError[],
    /** HTTP status of the answer; 200 for the errors of a subscription. */
    readonly status: number,
  ) {
    super(errors.map((error) => error.message).join('\n') || `The server answered ${status}, and nothing that is GraphQL.`);
    this.name = 'BatonRequestError';
  }

  /** Code of the first error; docs/errors.md has them all. */
  get code(): string | undefined {
    return this.errors[0]?.extensions?.code as string | undefined;
  }

  /** Milliseconds after which the server asks to be asked again; 0 when it does not say. */
  get retryAfterMs(): number {
    const seconds = Number(this.errors[0]?.extensions?.retryAfterSeconds ?? 0);
    return Number.isFinite(seconds) ? seconds * 1000 : 0;
  }

  /** Whether the same request may succeed a moment later: a fault or an overload of the server, not of the request. */
  get isRetriable(): boolean {
    return passingCodes.includes(this.code) || (this.code === undefined && passingStatuses.includes(this.status));
  }
}

/**
 * A stream cannot go on after its cursor without a gap: the events are no longer kept, or the cursor is of another log.
 *
 * To recover, read `client.eventCursor()`, then read the state afresh, then follow after that cursor.
 */
export class ResyncRequiredError extends BatonRequestError {
  constructor(errors: readonly GraphQLFormattedError[]) {
    super(errors, 200);
    this.name = 'ResyncRequiredError';
  }
}

/** A mutation was refused, for a reason that its payload's `errors` tell: nothing was changed. */
export class BatonCommandError extends Error {
  constructor(readonly errors: readonly ErrorFieldsFragment[]) {
    super(errors.map(({ code, message }) => `${code}: ${message}`).join('\n'));
    this.name = 'BatonCommandError';
  }

  /** Code of the first error. */
  get code(): ErrorFieldsFragment['code'] | undefined {
    return this.errors[0]?.code;
  }
}

/** Close codes of a websocket after which another attempt would end the same way: the client speaks the protocol wrongly. */
const finalCloseCodes: readonly (number | undefined)[] = [1009, 4400, 4401, 4406, 4409, 4429];

/** The server could not be reached, did not answer in time, or the connection broke. `cause` has what the transport said. */
export class BatonConnectionError extends Error {
  constructor(
    message: string,
    options: {
      cause?: unknown;
      /** Code with which a websocket was closed. */
      closeCode?: number | undefined;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'BatonConnectionError';
    this.closeCode = options.closeCode;
  }

  readonly closeCode: number | undefined;

  get isRetriable(): boolean {
    return !finalCloseCodes.includes(this.closeCode);
  }
}

/** Whether the same call may succeed a moment later: the network or the server failed, and not what was asked. */
export function isRetriable(error: unknown): boolean {
  return (error instanceof BatonRequestError || error instanceof BatonConnectionError) && error.isRetriable;
}

/** Milliseconds to wait at least before the same call is made again. */
export function retryAfterMsOf(error: unknown): number {
  return error instanceof BatonRequestError ? error.retryAfterMs : 0;
}

/** The error that the top-level errors of an answer amount to. */
export function requestError(errors: readonly GraphQLFormattedError[], status: number): BatonRequestError {
  const isLost = errors[0]?.extensions?.code === 'RESYNC_REQUIRED';
  return isLost ? new ResyncRequiredError(errors) : new BatonRequestError(errors, status);
}

/** The payload of a mutation that must have succeeded. Throws BatonCommandError. */
export function unwrap<Payload extends { errors: readonly ErrorFieldsFragment[] }>(payload: Payload): Payload {
  if (payload.errors.length > 0) throw new BatonCommandError(payload.errors);
  return payload;
}
