import type { ErrorCode } from '../features/error-code.js';

/** An HTTP request that is answered without running anything, because of how it was sent. */
export class RequestRefusal extends Error {
  constructor(
    readonly status: number,
    readonly code: ErrorCode,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
    this.name = 'RequestRefusal';
  }
}
