import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { unwrap } from '../../sdk/errors.js';
import { Choice, named } from '../elements/choice.js';
import { Dialog } from '../elements/dialog.js';
import { Field, OtherProblems, type Problems, problemsOf } from '../elements/fields.js';
import { useNotices } from '../elements/notices.js';
import {
  CreateTaskDocument,
  type EditableTaskFragment,
  EditTaskDocument,
  SpecializationsDocument,
  TaskToEditDocument,
} from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { useProjectNames } from './project-names.js';
import {
  changedFields,
  fieldsOf,
  merge,
  newTaskFields,
  type TaskFieldName,
  type TaskFields,
  taskFieldNames,
  toInput,
} from './task-fields.js';

/** Times that a change is tried again because others, who change other fields, were faster. */
const triesMax = 5;

/** A new task. */
export function CreateTask({ projectId, onClose }: { projectId: string | null; onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const [fields, setFields] = useState<TaskFields>({ ...newTaskFields, projectId: projectId ?? '' });
  const [isParked, setParked] = useState(false);

  const create = async () => {
    const { title = '', ...input } = toInput(fields, taskFieldNames);
    // What stays empty is not said at all: a new task has nothing to clear.
    const said = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
    const { taskCreate } = await client.request(CreateTaskDocument, {
      input: { title: title ?? '', ...said, status: isParked ? 'BACKLOG' : 'READY' },
    });
    notices.tell(`“${unwrap(taskCreate).task?.title}” was created.`);
    onClose();
  };
  return (
    <Dialog title="New task" onClose={onClose}>
      <TaskForm fields={fields} onChange={setFields} action="Create" onSubmit={create} onClose={onClose}>
        <label className="check">
          <input type="checkbox" checked={isParked} onChange={({ target }) => setParked(target.checked)} />
          Park it in the backlog: no agent takes it yet
        </label>
      </TaskForm>
    </Dialog>
  );
}

/**
 * Changes a task. Only what was touched is written, and never over what somebody else has made of it meanwhile: then the form
 * says so, beside the field, and lets one choose.
 */
export function EditTask({ task, onClose }: { task: EditableTaskFragment; onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const [known, setKnown] = useState({ updatedAt: task.updatedAt, fields: fieldsOf(task) });
  const [fields, setFields] = useState(known.fields);
  const [contested, setContested] = useState<readonly TaskFieldName[]>([]);

  const save = async () => {
    let [before, edited] = [known, fields];
    for (let tries = 1; ; tries++) {
      const names = changedFields(before.fields, edited);
      if (names.length === 0) break;
      const { taskUpdate } = await client.request(EditTaskDocument, {
        input: { ...toInput(edited, names), taskId: task.id, expectedUpdatedAt: before.updatedAt },
      });
      if (taskUpdate.errors[0]?.code !== 'TASK_CHANGED' || tries === triesMax) {
        unwrap(taskUpdate);
        break;
      }
      const { task: now } = await client.request(TaskToEditDocument, { id: task.id });
      if (!now) throw new Error('The task is gone.');
      const merged = merge(before.fields, edited, fieldsOf(now));
      [before, edited] = [{ updatedAt: now.updatedAt, fields: fieldsOf(now) }, merged.fields];
      setKnown(before);
      setFields(edited);
      setContested(merged.contested);
      if (merged.contested.length > 0) return;
    }
    notices.tell('The task was changed.');
    onClose();
  };
  const take = (name: TaskFieldName) => {
    setFields({ ...fields, [name]: known.fields[name] });
    setContested(contested.filter((each) => each !== name));
  };
  return (
    <Dialog title="Edit the task" onClose={onClose}>
      <TaskForm
        fields={fields}
        onChange={setFields}
        action={contested.length > 0 ? 'Save mine' : 'Save'}
        onSubmit={save}
        onClose={onClose}
        remark={(name) =>
          contested.includes(name) && (
            <span className="field-contested" role="alert">
              Somebody else has changed this meanwhile, to <q>{known.fields[name] || 'nothing'}</q>{' '}
              <button type="button" className="button" onClick={() => take(name)}>
                Take theirs
              </button>
            </span>
          )
        }
      />
    </Dialog>
  );
}

/** The fields, with what the server says of each. */
function TaskForm({
  fields,
  onChange,
  action,
  onSubmit,
  onClose,
  remark = () => null,
  children,
}: {
  fields: TaskFields;
  onChange: (fields: TaskFields) => void;
  action: string;
  /** Rejects with what the server does not take. */
  onSubmit: () => Promise<void>;
  onClose: () => void;
  /** What else is to be said about a field. */
  remark?: (name: TaskFieldName) => ReactNode;
  children?: ReactNode;
}) {
  const [problems, setProblems] = useState<Problems>({});
  const [isBusy, setBusy] = useState(false);
  const projects = useProjectNames();
  const { data } = useLiveQuery(SpecializationsDocument, {}, () => false);
  const listId = useId();

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblems({});
    try {
      await onSubmit();
    } catch (error) {
      setProblems(error instanceof SyntaxError ? { metadata: `This is no JSON: ${error.message}` } : problemsOf(error));
    }
    setBusy(false);
  };
  const set = (name: TaskFieldName, value: string) => onChange({ ...fields, [name]: value });
  const bind = (name: TaskFieldName) => ({
    value: fields[name],
    onChange: ({ target }: { target: { value: string } }) => set(name, target.value),
  });
  const about = (name: TaskFieldName, label: string, hint?: string) => ({ name, label, hint, problems, remark: remark(name) });
  const isUnusual = changedFields(newTaskFields, fields).some((name) => ['kind', 'modelTier', 'metadata'].includes(name));
  const [isMoreOpen, setMoreOpen] = useState(isUnusual);
  return (
    <form className="form" onSubmit={submit} noValidate>
      <Field {...about('title', 'Title')}>{(control) => <input {...control} {...bind('title')} />}</Field>
      <Field {...about('description', 'Description')}>
        {(control) => <textarea {...control} {...bind('description')} rows={6} placeholder="Markdown" />}
      </Field>
      <div className="form-row">
        <Field {...about('projectId', 'Project')}>
          {(control) => (
            <Choice
              {...control}
              all="None"
              value={fields.projectId || null}
              options={named(projects)}
              list={projects}
              onChange={(id) => set('projectId', id ?? '')}
            />
          )}
        </Field>
        <Field {...about('requiredSpecialization', 'Specialization')}>
          {(control) => (
            <input {...control} {...bind('requiredSpecialization')} list={listId} placeholder="Any agent may do it" />
          )}
        </Field>
        <datalist id={listId}>
          {(data?.specializations ?? []).map(({ name }) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </div>
      <div className="form-row">
        <Field {...about('priority', 'Priority', '0 most urgent, 100 least')}>
          {(control) => <input {...control} {...bind('priority')} type="number" step={1} />}
        </Field>
        <Field {...about('dueAt', 'Due')}>{(control) => <input {...control} {...bind('dueAt')} type="datetime-local" />}</Field>
      </div>
      <details
        className="form-more"
        open={isMoreOpen || ['kind', 'modelTier', 'metadata'].some((name) => name in problems)}
        onToggle={({ currentTarget }) => setMoreOpen(currentTarget.open)}
      >
        <summary>Kind, model, metadata</summary>
        <div className="form-row">
          <Field {...about('kind', 'Kind of work')}>{(control) => <input {...control} {...bind('kind')} />}</Field>
          <Field {...about('modelTier', 'Model that it needs')}>
            {(control) => <input {...control} {...bind('modelTier')} />}
          </Field>
        </div>
        <Field {...about('metadata', 'Metadata')}>
          {(control) => <textarea {...control} {...bind('metadata')} className="code" rows={4} spellCheck={false} />}
        </Field>
      </details>
      {children}
      <OtherProblems problems={problems} fields={taskFieldNames} />
      <div className="form-actions">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" className="button button-primary" disabled={isBusy}>
          {action}
        </button>
      </div>
    </form>
  );
}
