/**
 * Wakes the readers of the event log, in this process and in the other replicas.
 *
 * It carries no truth, only "look again": a nudge may be lost, doubled or merged with others, and readers that hear none
 * poll. Nudge after the commit, never inside the transaction.
 */
export interface EventBus {
  /** Connects. Resolves once nudges of other replicas arrive, or once it is plain that this may take a while; never rejects. */
  start(): Promise<void>;
  /** Tells every reader to look again. Returns at once and never throws; many nudges in one turn of the event loop are one. */
  nudge(): void;
  /** Calls `listener` for each nudge, whoever gave it; returns the function that ends this. */
  onNudge(listener: () => void): () => void;
  /** Whether nudges travel between replicas right now. */
  readonly isHealthy: boolean;
  /** Ends all connections; nothing is delivered afterwards. */
  close(): Promise<void>;
}
