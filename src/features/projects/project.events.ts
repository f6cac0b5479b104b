import type { BoardColumn } from './project.model.js';

/** What happened to projects, by event type. */
export interface ProjectEventData {
  ProjectCreated: { name: string };
  /** Fields that changed, as they were and as they are. */
  ProjectUpdated: { before: Record<string, unknown>; after: Record<string, unknown> };
  ProjectDeleted: { name: string };
  /** The graph itself is not copied. */
  GraphReplaced: { before: GraphSummary; after: GraphSummary };
  BoardReplaced: { before: BoardColumn[]; after: BoardColumn[] };
}

interface GraphSummary {
  version: number;
  nodes: number;
  edges: number;
}
