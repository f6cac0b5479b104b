import type { ErrorFieldsFragment } from '../sdk/generated.js';

/** The server refused what should have succeeded. */
export class RefusedError extends Error {
  constructor(errors: readonly ErrorFieldsFragment[]) {
    super(errors.map(({ code, message }) => `${code}: ${message}`).join('\n'));
    this.name = 'RefusedError';
  }
}

interface Payload {
  errors: readonly ErrorFieldsFragment[];
}

/** The payload of a mutation that must have succeeded. Throws RefusedError. */
export function accepted<Answer extends Payload>(payload: Answer): Answer {
  if (payload.errors.length > 0) throw new RefusedError(payload.errors);
  return payload;
}

/** What a payload that succeeded always carries. */
export function present<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined)
    throw new Error('The server answered without errors, and without what was asked for.');
  return value;
}
