import { useEffect, useState } from 'react';
import { Choice, named } from '../elements/choice.js';
import { CloseIcon, SearchIcon } from '../elements/icons.js';
import { AgentNamesDocument, SpecializationsDocument, type TaskSource } from '../generated.js';
import { type LiveList, useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { type BoardFilter, isFiltered } from './board-filter.js';
import { sourceWords } from './status.js';

/** Milliseconds that somebody types on before the text is searched for. */
const typingMs = 250;

/** Milliseconds between two looks at the specializations: they are counted over all ready tasks. */
const specializationsRestMs = 5000;

export function BoardFilters({
  filter,
  projects,
  onChange,
}: {
  filter: BoardFilter;
  projects: LiveList<{ id: string; name: string }>;
  onChange: (change: Partial<BoardFilter>) => void;
}) {
  const { data } = useLiveQuery(SpecializationsDocument, {}, ({ kind }) => ['AGENT_REGISTERED', 'TASK_CREATED'].includes(kind), {
    restMs: specializationsRestMs,
  });
  const agents = useLiveList(
    AgentNamesDocument,
    {},
    (names) => names.agents,
    ({ kind }) => kind === 'AGENT_REGISTERED',
  );
  return (
    <search className="filters" aria-label="Filter the tasks">
      <TextFilter text={filter.text} onChange={(text) => onChange({ text })} />
      <Choice
        aria-label="Project"
        all="All projects"
        value={filter.projectId}
        options={named(projects)}
        list={projects}
        onChange={(projectId) => onChange({ projectId })}
      />
      <Choice
        aria-label="Specialization"
        all="All specializations"
        value={filter.specialization}
        options={(data?.specializations ?? []).map(({ name }) => ({ value: name, label: name }))}
        onChange={(specialization) => onChange({ specialization })}
      />
      <Choice
        aria-label="Agent"
        all="All agents"
        value={filter.agentId}
        options={named(agents)}
        list={agents}
        onChange={(agentId) => onChange({ agentId })}
      />
      <Choice
        aria-label="Source"
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
