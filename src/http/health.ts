import type { IncomingMessage, ServerResponse } from 'node:http';

export interface HealthServerOptions {
  /** Whether the database answers. */
  isReadable: () => boolean;
  /** The last migration that the database had when this server began to listen: it brings a database up to date before, or does not start. */
  migration: string;
  /** Whether replicas can wake each other; null when they are not meant to. */
  bus: (() => boolean) | null;
}

const paths = ['/livez', '/readyz'];

/**
 * What whoever runs the server asks, with no credential: `/livez`, whether the process is to be replaced, and `/readyz`, whether it is
 * to be sent requests. They ask no other system for it, so that they may be asked often, and answer at once.
 */
export class HealthServer {
  #isLeaving = false;

  constructor(private readonly options: HealthServerOptions) {}

  answers(pathname: string | undefined): boolean {
    return pathname !== undefined && paths.includes(pathname);
  }

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    response.setHeader('cache-control', 'no-store');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const answer = request.url?.startsWith('/livez') ? { status: 'ok' } : this.#readiness();
    const isGood = answer.status === 'ok';
    response.writeHead(isGood ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };

  /** Says from now on that the server is not to be sent requests. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Without Redis events come later, but everything is served: that is told, and is no reason to send nothing. */
  #readiness() {
    const { isReadable, migration, bus } = this.options;
    const database = isReadable() ? 'ok' : 'failing';
    const redis = bus === null ? 'none' : bus() ? 'ok' : 'away';
    const status = this.#isLeaving ? 'draining' : database;
    return { status, database, migration, redis };
  }
}
