/** Agents that claim tasks by their ids over the coordinator dialect, each over a connection and with a token of its own. */
import { childArguments, serveParent } from '../child.js';
import { encodeRequest, type LoadResult, loadClosed } from '../http-load.js';

export interface ClaimsClientArgs {
  origin: string;
  /** One for each connection. */
  tokens: string[];
}

export interface ClaimsCommand {
  /** Tasks that are ready; each is claimed once. */
  taskIds: string[];
  durationMs: number;
}

const { origin, tokens } = childArguments<ClaimsClientArgs>();

serveParent<ClaimsCommand, LoadResult>({}, ({ taskIds, durationMs }) => {
  const left = taskIds.values();
  return loadClosed({
    origin,
    connections: tokens.length,
    durationMs,
    next: (connection) => {
      const { value: id } = left.next();
      if (id === undefined) return null;
      return encodeRequest(origin, {
        path: `/api/coord/tasks/${id}/claim`,
        headers: { authorization: `Bearer ${tokens[connection]}` },
        body: { lease_ttl_sec: 3600 },
      });
    },
    onAnswer: (_connection, status, body) => {
      const lease =
        status === 200 ? (JSON.parse(body.toString()) as { status: string; lease_expires_at: string; fence: number }) : null;
      if (lease?.status !== 'ok' || lease.fence !== 1 || Number.isNaN(Date.parse(lease.lease_expires_at)))
        throw new Error(`a claim was answered ${status}: ${body.toString('utf8', 0, 1000)}`);
    },
  });
});
