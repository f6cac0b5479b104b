/** What happened to execution logs, by event type. The output stays in the entry: an event goes to every dashboard. */
export interface ExecutionLogEventData {
  /** `summary` is cut; `jobId` is absent when no job of the task was running. */
  ExecutionLogAppended: { sessionId: string; step: string; summary: string; jobId?: string; success?: boolean };
}
