import type { Server } from 'node:http';

/**
 * Milliseconds for which clients are told, in the header `Keep-Alive`, that they may use an idle connection. A server that stops
 * waits at least as long before it closes those that are left.
 */
const idleHintMs = 5000;

/** Milliseconds after which an idle connection is closed. Load balancers heed no hint, and mostly keep one for 60 seconds. */
const idleLimitMs = 75_000;

/**
 * Lets clients close the connections that they do not use: only they know that no request of theirs is on its way. A server that
 * closes one may cut off a request that it has not seen yet, and the client cannot tell whether it was served.
 */
export function leaveIdleConnectionsToClients(server: Server): void {
  server.keepAliveTimeout = idleHintMs;
  // Emitted when the hint has passed, instead of closing the connection.
  server.on('timeout', (socket) => {
    if (socket.timeout === idleLimitMs) socket.destroy();
    else socket.setTimeout(idleLimitMs);
  });
}
