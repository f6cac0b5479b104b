/** What subscribers ask for: what a board would show of new tasks. */

const header = 'taskEvents(filter: { kinds: [TASK_CREATED] })';
/** Parts that the documents have or leave out; six of them make 64 documents that are really different. */
const parts = ['kind', 'occurredAt', 'actorLabel'] as const;
const taskParts = ['status', 'priority', 'requiredSpecialization'] as const;

/** The document that all send when there is only one. */
export const wholeDocument = documentOf([...parts], [...taskParts]);

/** So many documents, at most 64, none of which selects the same fields as another. */
export function variedDocuments(count: number): string[] {
  return Array.from({ length: count }, (_, bits) =>
    documentOf(
      parts.filter((_part, index) => bits & (1 << index)),
      taskParts.filter((_part, index) => bits & (1 << (parts.length + index))),
    ),
  );
}

function documentOf(eventFields: readonly string[], taskFields: readonly string[]): string {
  return `subscription NewTasks {
  ${header} { __typename cursor ${eventFields.join(' ')} task { id title ${taskFields.join(' ')} } ... on TaskCreated { after } }
}`;
}

/** The title of the nth task: what a subscriber tells by that no event was lost, doubled or out of order. Always as long. */
export function markerOf(number: number): string {
  return `~${String(number).padStart(markerDigits, '0')}`;
}

export const markerStart = '~'.charCodeAt(0);
export const markerDigits = 6;
