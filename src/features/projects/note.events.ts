/** What happened to the notes of projects, by event type. The texts are not copied. */
export interface NoteEventData {
  NoteCreated: { title: string };
  /** Names of the fields that changed. */
  NoteUpdated: { title: string; changed: string[] };
  NoteDeleted: { title: string };
}
