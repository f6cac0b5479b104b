import { type DragEvent, type KeyboardEvent, memo } from 'react';
import { Link } from 'wouter';
import { Avatar } from '../elements/avatar.js';
import { MoveIcon } from '../elements/icons.js';
import { Ago, formatAge } from '../elements/time.js';
import type { TaskCardFragment } from '../generated.js';
import { useNow } from '../live/use-now.js';
import { Lease } from './lease.js';
import { endedStatuses, Priority, sourceWords } from './status.js';

export interface TaskCardProps {
  task: TaskCardFragment;
  /** Whether it names its project. */
  hasProject: boolean;
  /** The one card of its column that the Tab key goes to. */
  isActive: boolean;
  isDragged: boolean;
  onFocus: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onMove: () => void;
  onDragStart: (event: DragEvent) => void;
  onDragEnd: () => void;
}

/** A task at a glance: what, how urgent, who holds it and for how long, and why it does not go on. */
export const TaskCard = memo(function TaskCard({
  task,
  hasProject,
  isActive,
  isDragged,
  onFocus,
  onKeyDown,
  onMove,
  onDragStart,
  onDragEnd,
}: TaskCardProps) {
  const { assignee, lease, requiredSpecialization, project, blocker, failureReason, releaseReason } = task;
  const isEnded = endedStatuses.includes(task.status);
  const trouble = blocker ?? failureReason ?? (task.status === 'READY' ? releaseReason : null);
  const isMovable = task.nextStatuses.length > 0;
  return (
    <article
      className={`card ${isDragged ? 'card-dragged' : ''}`}
      draggable={isMovable}
      onDragStart={onDragStart}
      onDragEnd={onDragEnd}
      data-task={task.id}
    >
      <Link
        className="card-link"
        href={`/ui/tasks/${task.id}`}
        tabIndex={isActive ? 0 : -1}
        draggable={false}
        aria-keyshortcuts={isMovable ? 'm' : undefined}
        onFocus={onFocus}
        onKeyDown={onKeyDown}
      >
        {task.number !== null && <span className="card-number">#{task.number}</span>}
        {task.title}
      </Link>
      {trouble && <p className={`card-trouble ${task.status === 'READY' ? 'card-note' : ''}`}>{trouble}</p>}
      <div className="card-facts">
        {!isEnded && <Priority priority={task.priority} />}
        {requiredSpecialization && (
          <span className="tag" title="An agent must have this specialization to claim it">
            {requiredSpecialization}
          </span>
        )}
        {task.source !== 'GRAPHQL' && <span className="tag">{sourceWords[task.source]}</span>}
        {hasProject && project && <span className="card-project">{project.name}</span>}
      </div>
      {(assignee || isEnded || task.dueAt) && (
        <div className="card-foot">
          {assignee && (
            <span className="who card-who">
              <Avatar name={assignee.name} isAgent={assignee.__typename === 'Agent'} />
              <span className="card-name">{assignee.name}</span>
            </span>
          )}
          {lease && <Lease expiresAt={lease.expiresAt} ttlSeconds={lease.ttlSeconds} />}
          {isEnded && task.completedAt && (
            <span className="card-when">
              <Ago at={task.completedAt} />
            </span>
          )}
          {!isEnded && task.dueAt && <Due at={task.dueAt} />}
        </div>
      )}
      {isMovable && (
        <button
          type="button"
          className="icon-button card-move"
          tabIndex={-1}
          aria-label={`Move “${task.title}”`}
          title="Move (m)"
          onClick={onMove}
        >
          <MoveIcon />
        </button>
      )}
    </article>
  );
});

function Due({ at }: { at: string }) {
  const leftMs = Date.parse(at) - useNow();
  return (
    <time className={`card-when ${leftMs < 0 ? 'card-overdue' : ''}`} dateTime={at} title={new Date(at).toLocaleString()}>
      {leftMs < 0 ? `due ${formatAge(-leftMs)} ago` : `due in ${formatAge(leftMs)}`}
    </time>
  );
}
