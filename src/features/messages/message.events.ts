/** What happened in threads, by event type. The messages themselves are not copied: readers fetch them by their id. */
export interface MessageEventData {
  ThreadCreated: { title: string | null; type: string };
  /** `type` and `createdAt` are those of the message, for filters; `replyToId` is absent unless it is a reply. */
  MessagePosted: { type: string; senderName: string; createdAt: string; replyToId?: string };
}
