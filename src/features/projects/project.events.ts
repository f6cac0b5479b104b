/** What happened to projects, by event type. */
export interface ProjectEventData {
  ProjectCreated: { name: string };
}
