/** What happened to sessions, by event type. */
export interface SessionEventData {
  SessionCreated: { expiresAt: string };
  /** The user signed out. */
  SessionEnded: Record<string, never>;
}
