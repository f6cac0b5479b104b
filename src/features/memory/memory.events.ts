/** What happened to the memory of a project, by event type. The texts are not copied. */
export interface MemoryEventData {
  MemoryIndexed: { count: number; documentIds: string[] };
  MemoryDeleted: { count: number; documentIds: string[] };
}
