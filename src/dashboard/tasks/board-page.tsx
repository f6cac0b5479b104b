import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { PlusIcon } from '../elements/icons.js';
import { keep, readKeptRecord } from '../elements/kept.js';
import type { TaskCardFragment, TaskStatus } from '../generated.js';
import { useSession } from '../session/session.js';
import { Attention } from './attention.js';
import { BoardColumn } from './board-column.js';
import { isFiltered, useBoardFilter } from './board-filter.js';
import { BoardFilters } from './board-filters.js';
import { BoardStore } from './board-store.js';
import { Lately } from './lately.js';
import { useMover } from './move-dialog.js';
import { useProjectNames } from './project-names.js';
import { statuses } from './status.js';
import { CreateTask } from './task-form.js';
import { Team } from './team.js';
import './board.css';

/** Columns that start as a narrow strip: of interest now and then. Which ones are open is kept in the browser. */
const narrowAtFirst: readonly TaskStatus[] = ['BACKLOG', 'FAILED', 'CANCELED'];

export function BoardPage() {
  const { client, feed } = useSession();
  const [filter, setFilter] = useBoardFilter();
  const projects = useProjectNames();
  const store = useMemo(() => new BoardStore(client, feed, filter), [client, feed, filter]);
  useEffect(() => store.start(), [store]);
  useSyncExternalStore(store.watch, store.version);

  const [dragged, setDragged] = useState<TaskCardFragment | null>(null);
  const [isCreating, setCreating] = useState(false);
  const [openness, setOpenness] = useOpenness();
  const board = useRef<HTMLDivElement>(null);
  const mover = useMover({
    onMoving: ({ id }, status) => {
      const task = store.task(id);
      return task ? store.anticipate(task, status) : () => {};
    },
    onMoved: (task) => store.put(task),
  });

  /** From one column to the next one that has cards; within a column, the column moves the focus itself. */
  const focusBeside = (status: TaskStatus, step: -1 | 1) => {
    for (let index = statuses.indexOf(status) + step; index >= 0 && index < statuses.length; index += step) {
      const card = board.current?.querySelector<HTMLElement>(`[data-column="${statuses[index]}"] .card-link[tabindex="0"]`);
      if (card) return card.focus();
    }
  };

  return (
    <main className="board-page">
      <h1 className="visually-hidden">Board</h1>
      <Team />
      <Lately />
      <Attention />
      <div className="board-bar">
        <BoardFilters filter={filter} projects={projects} onChange={setFilter} />
        <button type="button" className="button button-primary" onClick={() => setCreating(true)}>
          <PlusIcon />
          New task
        </button>
      </div>
      <div className="board" ref={board}>
        {statuses.map((status) => {
          const column = store.column(status);
          return (
            <BoardColumn
              key={status}
              status={status}
              column={column}
              isFiltered={isFiltered(filter)}
              hasProjects={filter.projectId === null && (projects.nodes?.length ?? 0) > 1}
              isOpen={openness[status] ?? !narrowAtFirst.includes(status)}
              onOpen={(isOpen) => setOpenness(status, isOpen)}
              dragged={dragged}
              onDrag={setDragged}
              onDrop={(task) => mover.move(store.task(task.id) ?? task, status)}
              onChoose={mover.choose}
              onLoadMore={() => store.loadMore(status)}
              onShow={(ids) => store.show(status, ids)}
              onFocusBeside={(step) => focusBeside(status, step)}
            />
          );
        })}
      </div>
      {mover.dialog}
      {isCreating && <CreateTask projectId={filter.projectId} onClose={() => setCreating(false)} />}
    </main>
  );
}

type Openness = Partial<Record<TaskStatus, boolean>>;

const opennessKey = 'baton.columns';

function useOpenness(): [Openness, (status: TaskStatus, isOpen: boolean) => void] {
  const [openness, setOpenness] = useState<Openness>(() => readKeptRecord(opennessKey));
  const set = (status: TaskStatus, isOpen: boolean) => {
    const next = { ...openness, [status]: isOpen };
    keep('browser', opennessKey, JSON.stringify(next));
    setOpenness(next);
  };
  return [openness, set];
}
