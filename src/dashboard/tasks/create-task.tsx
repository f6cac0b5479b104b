import { type FormEvent, useState } from 'react';
import { unwrap } from '../../sdk/errors.js';
import { Dialog } from '../elements/dialog.js';
import { useNotices } from '../elements/notices.js';
import { CreateTaskDocument, FilterChoicesDocument } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';

export function CreateTask({ projectId, onClose }: { projectId: string | null; onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const [isBusy, setBusy] = useState(false);
  const { data } = useLiveQuery(FilterChoicesDocument, {}, () => false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '').trim() || undefined;
    const dueAt = text('dueAt');
    setBusy(true);
    try {
      const { taskCreate } = await client.request(CreateTaskDocument, {
        input: {
          title: text('title') ?? '',
          description: text('description'),
          projectId: text('projectId'),
          requiredSpecialization: text('specialization'),
          priority: Number(text('priority')),
          dueAt: dueAt && new Date(dueAt).toISOString(),
          status: form.get('isParked') ? 'BACKLOG' : 'READY',
        },
      });
      const { task } = unwrap(taskCreate);
      notices.tell(`“${task?.title}” was created.`);
      onClose();
    } catch (error) {
      notices.complain(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title="New task" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          Title
          <input name="title" required maxLength={500} />
        </label>
        <label>
          Description
          <textarea name="description" rows={5} placeholder="Markdown" />
        </label>
        <div className="form-row">
          <label>
            Project
            <select name="projectId" defaultValue={projectId ?? ''}>
              <option value="">None</option>
              {(data?.projects.nodes ?? []).map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label>
            Specialization
            <input name="specialization" list="specializations" placeholder="Any agent may do it" maxLength={100} />
            <datalist id="specializations">
              {(data?.specializations ?? []).map(({ name }) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
        </div>
        <div className="form-row">
          <label>
            Priority, 0 most urgent
            <input name="priority" type="number" min={0} max={100} defaultValue={50} required />
          </label>
          <label>
            Due
            <input name="dueAt" type="datetime-local" />
          </label>
        </div>
        <label className="check">
          <input name="isParked" type="checkbox" />
          Park it in the backlog: no agent takes it yet
        </label>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary" disabled={isBusy}>
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
}
