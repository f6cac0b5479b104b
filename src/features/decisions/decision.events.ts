/** What happened to decisions, by event type. */
export interface DecisionEventData {
  /** `supersededId` is the decision that this one took the place of; absent when it did of none. */
  DecisionRecorded: { title: string; supersededId?: string };
}
