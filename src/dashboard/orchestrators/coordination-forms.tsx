import { type FormEvent, useState } from 'react';
import { unwrap } from '../../sdk/errors.js';
import { Dialog } from '../elements/dialog.js';
import { Field, OtherProblems, type Problems, problemsOf } from '../elements/fields.js';
import { useNotices } from '../elements/notices.js';
import {
  type ConflictType,
  DelegateDocument,
  HandOffDocument,
  type OrchestratorsQuery,
  RequestCollaborationDocument,
  ResolveConflictDocument,
} from '../generated.js';
import { useSession } from '../session/session.js';

export type Orchestrator = OrchestratorsQuery['orchestrators']['nodes'][number];

/** What one orchestrator can do with a task it owns, or about a conflict. */
export type Act = 'delegate' | 'hand-off' | 'collaborate' | 'settle';

const titles: Record<Act, string> = {
  delegate: 'Delegate',
  'hand-off': 'Hand off',
  collaborate: 'Ask for help with',
  settle: 'Settle a conflict',
};

const sent: Record<Act, string> = {
  delegate: 'The task was delegated.',
  'hand-off': 'The task was handed off.',
  collaborate: 'Help was asked for.',
  settle: 'The conflict is settled, and on record.',
};

const fieldsOf: Record<Act, readonly string[]> = {
  delegate: ['toOrchestratorId', 'note', 'priority', 'dueAt'],
  'hand-off': ['toOrchestratorId', 'context', 'note'],
  collaborate: ['collaborators', 'role', 'note'],
  settle: ['orchestratorIds', 'conflictType', 'resolution', 'note'],
};

const conflictWords: Record<ConflictType, string> = {
  OWNERSHIP_CONFLICT: 'Who owns it',
  PRIORITY_CONFLICT: 'What comes first',
  RESOURCE_CONFLICT: 'Who gets what there is',
  DEADLINE_CONFLICT: 'By when',
  DEPENDENCY_CONFLICT: 'What waits for what',
  OTHER: 'Something else',
};

export interface CoordinationFormProps {
  act: Act;
  /** Who acts. */
  from: Orchestrator | null;
  task: { id: string; title: string } | null;
  orchestrators: readonly Orchestrator[];
  onClose: () => void;
}

export function CoordinationForm({ act, from, task, orchestrators, onClose }: CoordinationFormProps) {
  const { client } = useSession();
  const notices = useNotices();
  const [problems, setProblems] = useState<Problems>({});
  const [isBusy, setBusy] = useState(false);
  const others = orchestrators.filter(({ id }) => id !== from?.id);

  const send = async (form: FormData) => {
    const text = (name: string) => String(form.get(name) ?? '').trim() || undefined;
    const all = (name: string) => form.getAll(name).map(String);
    const about = { fromOrchestratorId: from?.id ?? '', taskId: task?.id ?? '', note: text('note') };
    switch (act) {
      case 'delegate': {
        const [priority, dueAt] = [text('priority'), text('dueAt')];
        const input = {
          ...about,
          toOrchestratorId: text('toOrchestratorId') ?? '',
          priority: priority === undefined ? undefined : Number(priority),
          dueAt: dueAt && new Date(dueAt).toISOString(),
        };
        return unwrap((await client.request(DelegateDocument, { input })).taskDelegate);
      }
      case 'hand-off': {
        const context = text('context');
        const input = { ...about, toOrchestratorId: text('toOrchestratorId') ?? '', context: context && { summary: context } };
        return unwrap((await client.request(HandOffDocument, { input })).taskHandOff);
      }
      case 'collaborate': {
        const role = text('role');
        const input = { ...about, collaborators: all('collaborators').map((orchestratorId) => ({ orchestratorId, role })) };
        return unwrap((await client.request(RequestCollaborationDocument, { input })).collaborationRequest);
      }
      default: {
        const input = {
          orchestratorIds: all('orchestratorIds'),
          conflictType: text('conflictType') as ConflictType,
          resolution: { decision: text('resolution') ?? '' },
          note: text('note'),
          taskId: task?.id,
        };
        return unwrap((await client.request(ResolveConflictDocument, { input })).conflictResolve);
      }
    }
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    try {
      await send(new FormData(event.currentTarget));
      notices.tell(sent[act]);
      onClose();
    } catch (error) {
      setProblems(problemsOf(error));
      setBusy(false);
    }
  };

  return (
    <Dialog title={task ? `${titles[act]} “${task.title}”` : titles[act]} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        {(act === 'delegate' || act === 'hand-off') && (
          <Field name="toOrchestratorId" label="To" problems={problems}>
            {(control) => (
              <select {...control} required defaultValue="">
                <option value="" disabled>
                  Choose an orchestrator
                </option>
                {others.map(({ id, name, role }) => (
                  <option key={id} value={id}>
                    {role ? `${name}, ${role}` : name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {act === 'collaborate' && (
          <Several name="collaborators" label="Who is asked" orchestrators={others} problems={problems} />
        )}
        {act === 'collaborate' && (
          <Field name="role" label="As what" hint="Such as code_reviewer. Left empty: as a collaborator." problems={problems}>
            {(control) => <input {...control} />}
          </Field>
        )}
        {act === 'settle' && (
          <>
            <Several name="orchestratorIds" label="Between whom" orchestrators={orchestrators} problems={problems} />
            <Field name="conflictType" label="About what" problems={problems}>
              {(control) => (
                <select {...control} required>
                  {Object.entries(conflictWords).map(([type, words]) => (
                    <option key={type} value={type}>
                      {words}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field name="resolution" label="What is decided" problems={problems}>
              {(control) => <textarea {...control} required />}
            </Field>
          </>
        )}
        {act === 'hand-off' && (
          <Field name="context" label="What the next owner needs to know" problems={problems}>
            {(control) => <textarea {...control} rows={4} />}
          </Field>
        )}
        <Field name="note" label={act === 'settle' ? 'Why' : 'Note'} problems={problems}>
          {(control) => <textarea {...control} rows={3} />}
        </Field>
        {act === 'delegate' && (
          <div className="form-row">
            <Field name="priority" label="New priority" hint="0 most urgent, 100 least" problems={problems}>
              {(control) => <input {...control} type="number" placeholder="unchanged" />}
            </Field>
            <Field name="dueAt" label="New due time" problems={problems}>
              {(control) => <input {...control} type="datetime-local" />}
            </Field>
          </div>
        )}
        <OtherProblems problems={problems} fields={fieldsOf[act]} />
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={isBusy}>
            {act === 'collaborate' ? 'Ask' : act === 'settle' ? 'Settle' : titles[act]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Several({
  name,
  label,
  orchestrators,
  problems,
}: {
  name: string;
  label: string;
  orchestrators: readonly Orchestrator[];
  problems: Problems;
}) {
  return (
    <fieldset className="several">
      <legend>{label}</legend>
      {orchestrators.map((orchestrator) => (
        <label key={orchestrator.id} className="check">
          <input type="checkbox" name={name} value={orchestrator.id} />
          {orchestrator.role ? `${orchestrator.name}, ${orchestrator.role}` : orchestrator.name}
        </label>
      ))}
      {problems[name] && (
        <span className="field-problem" role="alert">
          {problems[name]}
        </span>
      )}
    </fieldset>
  );
}
