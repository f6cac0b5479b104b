import type { z } from '@hono/zod-openapi';
import type { PresentedCredentials } from '../auth/authenticator.js';
import type { Viewer } from '../auth/viewer.js';
import type { Failure } from './failure.js';

/** How a dialect's endpoint is guarded: `agent` endpoints serve worker processes, `open` ones ask for no credential. */
export type Access = 'caller' | 'agent' | 'open';

/** Finds who is calling; throws a DomainError that turns the caller away. */
export type Authenticate = (credentials: PresentedCredentials, access: Access) => Promise<Viewer>;

/** Counts the request of a caller, tells it by headers how many it has left, and throws a DomainError when it has none. */
export type Admit = (viewer: Viewer, setHeader: (name: string, value: string) => void) => Promise<void>;

/** One of the four older APIs: what its endpoints have in common. */
export interface Dialect {
  name: 'coordinator' | 'orchestrator' | 'queue' | 'worker';
  /** Whose it is and how its clients sign in, in Markdown, for the reader of the OpenAPI document. */
  description: string;
  /** Beginnings of the paths that are its own, also of those that lead nowhere. */
  prefixes: readonly string[];
  /** The body of every failure. */
  failureSchema: z.ZodType;
  /** Puts a failure into the words of the dialect; `status` only where it is another than the shared table's. */
  render(failure: Failure): { status?: number; body: Record<string, unknown> };
}
