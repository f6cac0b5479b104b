import type { ConflictType } from './orchestrator.model.js';

/**
 * What happened between orchestrators, by event type. `recordId` is the coordination record, which keeps the rest: notes,
 * contexts and resolutions are not copied.
 */
export interface OrchestratorEventData {
  /** `orchestratorId` as it was and as it is; likewise `priority` and `dueAt` where they changed. */
  TaskDelegated: TransferData;
  TaskHandedOff: TransferData;
  CollaborationRequested: {
    recordId: string;
    orchestratorId: string;
    collaborators: { orchestratorId: string; role: string }[];
  };
  ConflictResolved: ConflictData;
  TeamConflictResolved: ConflictData;
}

interface TransferData {
  recordId: string;
  before: Record<string, unknown>;
  after: Record<string, unknown>;
}

interface ConflictData {
  recordId: string;
  conflictType: ConflictType;
  orchestratorIds: string[];
}
