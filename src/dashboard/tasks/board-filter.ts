import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import type { TaskCardFragment, TaskFilter, TaskSource } from '../generated.js';
import { sourceWords } from './status.js';

/** Which tasks the board shows. It stands in the address, so that a view can be shared and gone back to. */
export interface BoardFilter {
  projectId: string | null;
  specialization: string | null;
  agentId: string | null;
  source: TaskSource | null;
  text: string | null;
}

const names = {
  projectId: 'project',
  specialization: 'specialization',
  agentId: 'agent',
  source: 'source',
  text: 'text',
} as const;

export function useBoardFilter(): [BoardFilter, (change: Partial<BoardFilter>) => void] {
  const [params, setParams] = useSearchParams();
  const text = params.toString();
  const filter = useMemo(() => {
    const read = new URLSearchParams(text);
    const source = read.get(names.source);
    return {
      projectId: read.get(names.projectId),
      specialization: read.get(names.specialization),
      agentId: read.get(names.agentId),
      source: source && source in sourceWords ? (source as TaskSource) : null,
      text: read.get(names.text),
    };
  }, [text]);
  const change = (changes: Partial<BoardFilter>) =>
    setParams(
      (last) => {
        const next = new URLSearchParams(last);
        for (const [key, value] of Object.entries(changes) as [keyof BoardFilter, string | null][]) {
          if (value) next.set(names[key], value);
          else next.delete(names[key]);
        }
        return next;
      },
      { replace: true },
    );
  return [filter, change];
}

export function isFiltered(filter: BoardFilter): boolean {
  return Object.values(filter).some((value) => value !== null);
}

/** The same for the server. */
export function toTaskFilter({ projectId, specialization, agentId, source, text }: BoardFilter): TaskFilter {
  return {
    projectId: projectId ?? undefined,
    requiredSpecialization: specialization ?? undefined,
    assigneeId: agentId ?? undefined,
    sources: source ? [source] : undefined,
    text: text ?? undefined,
  };
}

/**
 * Whether a task that has changed is one of those; undefined when only the server can tell, as the text may stand in the
 * description, which cards do not have.
 */
export function matches(task: TaskCardFragment, filter: BoardFilter): boolean | undefined {
  if (filter.projectId && task.project?.id !== filter.projectId) return false;
  if (filter.specialization && task.requiredSpecialization !== filter.specialization) return false;
  if (filter.agentId && task.assignee?.id !== filter.agentId) return false;
  if (filter.source && task.source !== filter.source) return false;
  if (filter.text && !task.title.toLowerCase().includes(filter.text.toLowerCase())) return undefined;
  return true;
}
