import type { EditableTaskFragment, TaskUpdateInput } from '../generated.js';

/** The fields of a task that people edit, as text, by their names in the API. */
export type TaskFields = Record<TaskFieldName, string>;

export const taskFieldNames = [
  'title',
  'description',
  'projectId',
  'requiredSpecialization',
  'priority',
  'dueAt',
  'kind',
  'modelTier',
  'metadata',
] as const;

export type TaskFieldName = (typeof taskFieldNames)[number];

/** What somebody who writes a new task begins with. */
export const newTaskFields: TaskFields = {
  title: '',
  description: '',
  projectId: '',
  requiredSpecialization: '',
  priority: '50',
  dueAt: '',
  kind: 'general',
  modelTier: 'standard',
  metadata: '{}',
};

export function fieldsOf(task: EditableTaskFragment): TaskFields {
  return {
    title: task.title,
    description: task.description ?? '',
    projectId: task.project?.id ?? '',
    requiredSpecialization: task.requiredSpecialization ?? '',
    priority: String(task.priority),
    dueAt: task.dueAt ? localTime(task.dueAt) : '',
    kind: task.kind,
    modelTier: task.modelTier,
    metadata: JSON.stringify(task.metadata, null, 2),
  };
}

/** The input for those of the fields that are to be written. Throws SyntaxError on metadata that is no JSON. */
export function toInput(fields: TaskFields, names: readonly TaskFieldName[]): Omit<TaskUpdateInput, 'taskId'> {
  const parse: { [Name in TaskFieldName]: (text: string) => unknown } = {
    title: (text) => text.trim(),
    description: (text) => text || null,
    projectId: (text) => text || null,
    requiredSpecialization: (text) => text.trim() || null,
    priority: Number,
    dueAt: (text) => (text ? new Date(text).toISOString() : null),
    kind: (text) => text.trim(),
    modelTier: (text) => text.trim(),
    metadata: (text) => JSON.parse(text || '{}'),
  };
  return Object.fromEntries(names.map((name) => [name, parse[name](fields[name])]));
}

/** What a person has changed of what was there. */
export function changedFields(before: TaskFields, after: TaskFields): TaskFieldName[] {
  return taskFieldNames.filter((name) => before[name] !== after[name]);
}

/**
 * What a form shows once it has learned that the task became `now` while it was edited: whatever was not touched is as it is
 * now. `contested` are the fields that both have changed, and not to the same.
 */
export function merge(
  before: TaskFields,
  edited: TaskFields,
  now: TaskFields,
): { fields: TaskFields; contested: readonly TaskFieldName[] } {
  const mine = changedFields(before, edited);
  const fields = { ...now, ...Object.fromEntries(mine.map((name) => [name, edited[name]])) };
  const theirs = changedFields(before, now);
  return { fields, contested: mine.filter((name) => theirs.includes(name) && edited[name] !== now[name]) };
}

/** As `datetime-local` wants it: this machine's time, without a zone. */
function localTime(instant: string): string {
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
