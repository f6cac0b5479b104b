import { z } from '@hono/zod-openapi';
import type { Viewer } from '../auth/viewer.js';
import type { Database } from '../database/database.js';
import type { DatabaseClock } from '../database/database-clock.js';
import type { HealthLimits } from '../features/agents/agent.model.js';
import type { MemorySearch } from '../features/memory/memory.search.js';
import type { Services } from '../features/services.js';
import type { Access, Dialect } from './dialect.js';

type Shape = z.ZodObject | undefined;
type Parsed<Schema extends Shape> = Schema extends z.ZodObject ? z.output<Schema> : Record<string, never>;

/** The parts of the server that endpoints stand on. */
export interface RestContext {
  database: Database;
  /** For what only a service can read. Commands go through `run`. */
  services: Services;
  clock: DatabaseClock;
  healthLimits: HealthLimits;
  memory: MemorySearch;
  /** Seconds that a claim over the queue dialect lasts, which cannot say it itself. */
  queueLeaseSeconds: number;
}

/** One request, parsed: who asks for what, and the means to answer. */
export interface Call<Params extends Shape = Shape, Query extends Shape = Shape, Body extends Shape = Shape> extends RestContext {
  viewer: Viewer;
  params: Parsed<Params>;
  query: Parsed<Query>;
  body: Parsed<Body>;
  /** A header of the request, blanks around it cut; undefined when it is missing or empty. */
  header(name: string): string | undefined;
  /**
   * Runs a command. Everything it does is one transaction when it says `atomic`, or when the request has an
   * `Idempotency-Key`: then the same caller with the same request gets the first answer again.
   */
  run<Result>(command: Command<Result>, options?: { atomic?: boolean }): Promise<Result>;
}

/** Changes something through services, and reads what became of it through the same database. Its result is kept with an idempotency key: no secrets but as `Secret`. */
export type Command<Result> = (services: Services, database: Database) => Promise<Result>;

/** What an endpoint answers; no body means an empty one. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One endpoint of a dialect, declared once: from it come the route, the checks and the entry of the OpenAPI document. */
export interface Endpoint<Params extends Shape = Shape, Query extends Shape = Shape, Body extends Shape = Shape> {
  dialect: Dialect;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With its parameters in braces: `/tasks/{id}`. */
  path: `/${string}`;
  summary: string;
  description?: string;
  /** Default `caller`: whoever the dialect lets in. */
  access?: Access;
  params?: Params;
  query?: Query;
  /** A JSON object; a body that is absent or empty counts as `{}`, whatever its content type. */
  body?: Body;
  /** Newer names of fields of the body, which clients may send as well, with the names that stand in `body`. */
  aliases?: Record<string, string>;
  /** Headers that the endpoint reads, and what for. */
  headers?: Record<string, string>;
  answers: Record<number, { description: string; schema?: z.ZodType }>;
  /** Statuses with the dialect's failure as their body, besides those that any endpoint may answer. */
  failures?: Record<number, string>;
  handle(call: Call<Params, Query, Body>): Promise<Answer>;
}

/** Declares an endpoint. */
export function endpoint<Params extends Shape = undefined, Query extends Shape = undefined, Body extends Shape = undefined>(
  declared: Endpoint<Params, Query, Body>,
): Endpoint {
  return declared as unknown as Endpoint;
}

/** The one parameter of most paths; what it may look like is the business of who looks it up. */
export const idParams = z.object({ id: z.string().describe('Id of the thing that the path names.') });
