import { useVirtualizer } from '@tanstack/react-virtual';
import { type DragEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { Failure } from '../elements/empty.js';
import type { TaskCardFragment, TaskStatus } from '../generated.js';
import type { Column } from './board-store.js';
import { moveName } from './moves.js';
import { statusMeanings, statusWords } from './status.js';
import { TaskCard } from './task-card.js';

/** Pixels of a card before it was measured. */
const cardHeight = 104;

/** What a drag carries besides the task itself, so that other windows see text. */
const dragType = 'text/plain';

export interface BoardColumnProps {
  status: TaskStatus;
  column: Column;
  /** Not every task of the status is wanted. */
  isFiltered: boolean;
  /** Whether cards name their project. */
  hasProjects: boolean;
  /** Otherwise it is a narrow strip. */
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  /** The task that is being dragged, from whichever column. */
  dragged: TaskCardFragment | null;
  onDrag: (task: TaskCardFragment | null) => void;
  onDrop: (task: TaskCardFragment) => void;
  /** Asks where to move the task. */
  onChoose: (task: TaskCardFragment) => void;
  onLoadMore: () => void;
  /** Tells which tasks are on screen. */
  onShow: (ids: readonly string[]) => void;
  onFocusBeside: (step: -1 | 1) => void;
}

/** The tasks of one status. Only those on screen are in the page, however many there are. */
export function BoardColumn(props: BoardColumnProps) {
  const { status, column, isOpen, onOpen, dragged, onDrop } = props;
  const [isOver, setOver] = useState(false);
  const mayDrop = dragged?.nextStatuses.includes(status) ?? false;
  const drop = {
    onDragOver: (event: DragEvent) => {
      if (!mayDrop) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'move';
      setOver(true);
    },
    onDragLeave: (event: DragEvent) => {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
    },
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      if (dragged && mayDrop) onDrop(dragged);
    },
  };
  const dragClass = dragged && dragged.status !== status ? (mayDrop ? 'column-legal' : 'column-illegal') : '';
  // Nothing is said until something is known.
  const count = column.count ?? (column.hasMore ? null : column.tasks.length);

  if (!isOpen) {
    return (
      <section
        className={`column column-narrow status-${status.toLowerCase()} ${dragClass} ${isOver ? 'column-over' : ''}`}
        aria-label={statusWords[status]}
        data-status={status}
        {...drop}
      >
        <button type="button" aria-expanded={false} title={statusMeanings[status]} onClick={() => onOpen(true)}>
          <span className="column-count">{count?.toLocaleString()}</span>
          <span className="column-name">{statusWords[status]}</span>
        </button>
      </section>
    );
  }
  return (
    <section
      className={`column status-${status.toLowerCase()} ${dragClass} ${isOver ? 'column-over' : ''}`}
      aria-label={statusWords[status]}
      data-status={status}
      data-column={status}
      {...drop}
    >
      <header className="column-head">
        <h2 title={statusMeanings[status]}>
          <button type="button" aria-expanded={true} onClick={() => onOpen(false)}>
            {statusWords[status]}
          </button>
        </h2>
        <span className="column-count">{count?.toLocaleString()}</span>
      </header>
      {dragged && mayDrop && <p className="column-hint">{moveName(dragged, status)}</p>}
      <Cards {...props} />
    </section>
  );
}

function Cards({
  status,
  column,
  isFiltered,
  hasProjects,
  dragged,
  onDrag,
  onChoose,
  onLoadMore,
  onShow,
  onFocusBeside,
}: BoardColumnProps) {
  const { tasks, count, hasMore, isLoading, error } = column;
  const list = useRef<HTMLUListElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  // Where more is to come, its place is kept, so that the scroll bar tells how much there is.
  const total = hasMore ? Math.max(count ?? 0, tasks.length + 1) : tasks.length;
  const virtualizer = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => cardHeight,
    getItemKey: (index) => tasks[index]?.id ?? index,
    overscan: 6,
    gap: 8,
    paddingStart: 2,
    paddingEnd: 12,
  });
  const items = virtualizer.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (hasMore && !isLoading && !error && lastIndex >= tasks.length - 10) onLoadMore();
  }, [hasMore, isLoading, error, lastIndex, tasks.length, onLoadMore]);

  const shown = items.map(({ index }) => tasks[index]?.id ?? '').join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the ids are what matters, not who asks.
  useEffect(() => onShow(shown.split(',').filter(Boolean)), [shown]);

  const activeIndex = Math.min(active, Math.max(0, tasks.length - 1));
  const focus = (index: number) => {
    const next = Math.min(Math.max(0, index), tasks.length - 1);
    setActive(next);
    virtualizer.scrollToIndex(next);
    // The card may only come into the page with the scroll.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-index="${next}"] .card-link`)?.focus()),
    );
  };
  const onKeyDown = (event: KeyboardEvent, index: number, task: TaskCardFragment) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const actions: Record<string, () => void> = {
      ArrowDown: () => focus(index + 1),
      ArrowUp: () => focus(index - 1),
      Home: () => focus(0),
      End: () => focus(tasks.length - 1),
      ArrowRight: () => onFocusBeside(1),
      ArrowLeft: () => onFocusBeside(-1),
      m: () => onChoose(task),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  };

  if (error && tasks.length === 0) return <Failure error={error} onRetry={onLoadMore} />;
  if (!isLoading && tasks.length === 0)
    return <p className="column-empty">{isFiltered ? 'None that you look for.' : emptiness[status]}</p>;
  return (
    <div className="column-scroll" ref={scroller} tabIndex={-1}>
      <ul ref={list} className="list column-list" style={{ height: virtualizer.getTotalSize() }} aria-busy={isLoading}>
        {items.map(({ index, key, start }) => {
          const task = tasks[index];
          return (
            <li
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              aria-setsize={count ?? -1}
              aria-posinset={index + 1}
              style={{ transform: `translateY(${start}px)` }}
            >
              {task ? (
                <TaskCard
                  task={task}
                  hasProject={hasProjects}
                  isActive={index === activeIndex}
                  isDragged={dragged?.id === task.id}
                  onFocus={() => setActive(index)}
                  onKeyDown={(event) => onKeyDown(event, index, task)}
                  onMove={() => onChoose(task)}
                  onDragStart={(event) => {
                    event.dataTransfer.effectAllowed = 'move';
                    event.dataTransfer.setData(dragType, task.title);
                    onDrag(task);
                  }}
                  onDragEnd={() => onDrag(null)}
                />
              ) : (
                <div className="card card-waiting" aria-hidden="true" />
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const emptiness: Record<TaskStatus, string> = {
  BACKLOG: 'Nothing is parked.',
  READY: 'Nothing waits for an agent.',
  CLAIMED: 'Nothing is claimed and not begun.',
  IN_PROGRESS: 'Nobody works right now.',
  REVIEW: 'Nothing waits for a review.',
  BLOCKED: 'Nothing is stuck.',
  DONE: 'Nothing is done yet.',
  FAILED: 'Nothing has failed.',
  CANCELED: 'Nothing was canceled.',
};
