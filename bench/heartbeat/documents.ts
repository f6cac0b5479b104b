/** What an agent sends to stay the holder, and reads: until when it is, and whether it shall stop. */
export const heartbeatDocument = `mutation Heartbeat($input: TaskHeartbeatInput!) {
  taskHeartbeat(input: $input) { task { lease { expiresAt } } cancelRequested errors { code message } }
}`;

/** Tasks that one agent holds, and how it signs in. */
export interface Holding {
  token: string;
  taskIds: string[];
}
