import { type FormEvent, useState } from 'react';
import { Dialog } from '../elements/dialog.js';
import { useNotices } from '../elements/notices.js';
import type { TaskCardFragment, TaskStatus } from '../generated.js';
import { useSession } from '../session/session.js';
import { type MovableTask, moveName, moveTask, reasonsAsked } from './moves.js';
import { StatusBadge, statusWords } from './status.js';
import './move-dialog.css';

export interface Mover {
  /** Moves the task, after asking for a reason where one is wanted. */
  move(task: MovableTask, status: TaskStatus): void;
  /** Asks where to, and moves it there. */
  choose(task: MovableTask): void;
  dialog: React.ReactNode;
}

export interface MoverOptions {
  /** Called as the move goes out; answers how to undo what it did, should the server refuse. */
  onMoving?: (task: MovableTask, status: TaskStatus) => () => void;
  onMoved?: (task: TaskCardFragment) => void;
}

/** Moving tasks, by whatever means: drag and drop, keys and menus all end here. */
export function useMover({ onMoving, onMoved }: MoverOptions = {}): Mover {
  const { client } = useSession();
  const notices = useNotices();
  const [question, setQuestion] = useState<{ task: MovableTask; status: TaskStatus | null } | null>(null);

  const carryOut = async (task: MovableTask, status: TaskStatus, reason?: string) => {
    const undo = onMoving?.(task, status);
    try {
      const moved = await moveTask(client, task, status, reason);
      if (moved) onMoved?.(moved);
      notices.tell(`“${task.title}” is ${statusWords[status].toLowerCase()}.`);
    } catch (error) {
      undo?.();
      notices.complain(error);
    }
  };
  const move = (task: MovableTask, status: TaskStatus) => {
    if (reasonsAsked[status]) setQuestion({ task, status });
    else void carryOut(task, status);
  };
  const close = () => setQuestion(null);
  return {
    move,
    choose: (task) => setQuestion({ task, status: null }),
    dialog: question && (
      <MoveDialog
        task={question.task}
        status={question.status}
        onClose={close}
        onMove={(status, reason) => {
          close();
          void carryOut(question.task, status, reason);
        }}
      />
    ),
  };
}

function MoveDialog({
  task,
  status: given,
  onMove,
  onClose,
}: {
  task: MovableTask;
  status: TaskStatus | null;
  onMove: (status: TaskStatus, reason?: string) => void;
  onClose: () => void;
}) {
  const [status, setStatus] = useState(given);
  const asked = status && reasonsAsked[status];
  if (!status || !asked) {
    return (
      <Dialog title={`Move “${task.title}”`} onClose={onClose}>
        {task.nextStatuses.length === 0 && <p className="hint">It cannot be moved from here.</p>}
        <ul className="list move-choices">
          {task.nextStatuses.map((next) => (
            <li key={next}>
              <button type="button" onClick={() => (reasonsAsked[next] ? setStatus(next) : onMove(next))}>
                <StatusBadge status={next} />
                {moveName(task, next) !== statusWords[next] && <span>{moveName(task, next).replace(/^Ready: /, '')}</span>}
              </button>
            </li>
          ))}
        </ul>
      </Dialog>
    );
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get('reason') ?? '').trim();
    onMove(status, reason || undefined);
  };
  return (
    <Dialog title={`${asked.action}: “${task.title}”`} onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          {asked.question}
          <textarea name="reason" required={asked.isRequired} maxLength={2000} />
        </label>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Back
          </button>
          <button type="submit" className="button button-primary">
            {asked.action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
