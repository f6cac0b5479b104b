import { useEffect, useState } from 'react';
import { CloseIcon, SearchIcon } from '../elements/icons.js';
import { AgentsDocument, FilterChoicesDocument, type TaskSource } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { type BoardFilter, isFiltered } from './board-filter.js';
import { sourceWords } from './status.js';

/** Milliseconds that somebody types on before the text is searched for. */
const typingMs = 250;

export function BoardFilters({ filter, onChange }: { filter: BoardFilter; onChange: (change: Partial<BoardFilter>) => void }) {
  const { data } = useLiveQuery(FilterChoicesDocument, {}, (event) =>
    ['PROJECT_CREATED', 'PROJECT_UPDATED', 'PROJECT_DELETED', 'AGENT_REGISTERED', 'TASK_CREATED'].includes(event.kind),
  );
  const { data: agentData } = useLiveQuery(AgentsDocument, { first: 100 }, (event) => event.kind === 'AGENT_REGISTERED');
  const named = (items: readonly { id: string; name: string }[] | undefined) =>
    (items ?? []).map(({ id, name }) => ({ value: id, label: name }));
  return (
    <search className="filters" aria-label="Filter the tasks">
      <TextFilter text={filter.text} onChange={(text) => onChange({ text })} />
      <Choice
        label="Project"
        all="All projects"
        value={filter.projectId}
        options={named(data?.projects.nodes)}
        onChange={(projectId) => onChange({ projectId })}
      />
      <Choice
        label="Specialization"
        all="All specializations"
        value={filter.specialization}
        options={(data?.specializations ?? []).map(({ name }) => ({ value: name, label: name }))}
        onChange={(specialization) => onChange({ specialization })}
      />
      <Choice
        label="Agent"
        all="All agents"
        value={filter.agentId}
        options={named(agentData?.agents.nodes)}
        onChange={(agentId) => onChange({ agentId })}
      />
      <Choice
        label="Source"
        all="All sources"
        value={filter.source}
        options={Object.entries(sourceWords).map(([value, label]) => ({ value, label }))}
        onChange={(source) => onChange({ source: source as TaskSource | null })}
      />
      {isFiltered(filter) && (
        <button
          type="button"
          className="button filters-clear"
          onClick={() => onChange({ projectId: null, specialization: null, agentId: null, source: null, text: null })}
        >
          <CloseIcon />
          Clear
        </button>
      )}
    </search>
  );
}

function TextFilter({ text, onChange }: { text: string | null; onChange: (text: string | null) => void }) {
  const [typed, setTyped] = useState(text ?? '');
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is typed counts once the typing rests.
  useEffect(() => {
    if (typed === (text ?? '')) return;
    const timer = setTimeout(() => onChange(typed.trim() || null), typingMs);
    return () => clearTimeout(timer);
  }, [typed]);
  useEffect(() => setTyped((last) => (last.trim() === (text ?? '') ? last : (text ?? ''))), [text]);
  return (
    <span className="filters-text">
      <SearchIcon />
      <input
        type="search"
        aria-label="Text in title or description"
        placeholder="Search tasks"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
    </span>
  );
}

function Choice({
  label,
  all,
  value,
  options,
  onChange,
}: {
  label: string;
  all: string;
  value: string | null;
  options: readonly { value: string; label: string }[];
  onChange: (value: string | null) => void;
}) {
  // What the address names may not be among the first hundred, or not be there at all.
  const isListed = value === null || options.some((option) => option.value === value);
  return (
    <select
      aria-label={label}
      className={value ? 'filters-set' : ''}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value || null)}
    >
      <option value="">{all}</option>
      {!isListed && <option value={value}>{value}</option>}
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
