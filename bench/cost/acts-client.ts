/** Agents that each send the same mutation again and again, over a connection of their own. */
import { childArguments, serveParent } from '../child.js';
import { encodeRequest, type LoadResult, loadClosed } from '../http-load.js';

export interface ActsClientArgs {
  origin: string;
  /** One for each connection. */
  tokens: string[];
}

export interface ActsCommand {
  /** A document of one mutation. */
  query: string;
  durationMs: number;
}

export type ActsResult = LoadResult;

const { origin, tokens } = childArguments<ActsClientArgs>();

serveParent<ActsCommand, ActsResult>({}, ({ query, durationMs }) => {
  const requests = tokens.map((token) =>
    encodeRequest(origin, { path: '/graphql', headers: { authorization: `Bearer ${token}` }, body: { query } }),
  );
  return loadClosed({
    origin,
    connections: tokens.length,
    durationMs,
    next: (connection) => requests[connection] ?? null,
    onAnswer: (_connection, status, body) => {
      const { data } = JSON.parse(body.toString()) as { data?: Record<string, { errors: unknown[] | null }> };
      const [payload] = Object.values(data ?? {});
      if (status !== 200 || !payload || payload.errors?.length)
        throw new Error(`a mutation was answered ${status}: ${body.toString('utf8', 0, 1000)}`);
    },
  });
});
