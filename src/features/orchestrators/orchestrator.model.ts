/** What orchestrators may disagree about; stored and sent over REST as these words. */
export const conflictTypes = [
  'resource_conflict',
  'priority_conflict',
  'dependency_conflict',
  'ownership_conflict',
  'deadline_conflict',
  'other',
] as const;

export type ConflictType = (typeof conflictTypes)[number];

/** Orchestrators that one request for collaboration may name, and that one conflict may be between. */
export const collaboratorsMax = 10;
export const partiesMax = 10;

/** Characters of a note: of a delegation or a request for collaboration, and of a handoff or a conflict. */
export const noteMax = 1000;
export const longNoteMax = 2000;

/** Characters of a collaborator's role, and the role of one that was given none. */
export const roleMax = 100;
export const defaultRole = 'collaborator';
