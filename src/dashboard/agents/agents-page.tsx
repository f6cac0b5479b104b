import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { Avatar, Health } from '../elements/avatar.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { More } from '../elements/more.js';
import {
  type AgentCardFragment,
  type AgentHealth,
  type AgentProfileFragment,
  FreeAgentsDocument,
  WorkingAgentsDocument,
} from '../generated.js';
import { type LiveList, useLiveList } from '../live/use-live-list.js';
import { Lease } from '../tasks/lease.js';
import { StatusBadge } from '../tasks/status.js';
import { mayChangeWork } from '../tasks/team.js';
import { Heartbeats, useHeartbeatWatch } from './heartbeats.js';
import './agents-page.css';

/** With the tasks that it holds; without them, it holds none. */
export type Agent = AgentProfileFragment & Partial<Pick<AgentCardFragment, 'claimedTasks'>>;

/** Milliseconds between two looks, however much happens. */
const restMs = 1000;

/** Milliseconds that somebody types on before the text is searched for. */
const typingMs = 250;

export default function AgentsPage() {
  const [typed, setTyped] = useState('');
  const [text, setText] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setText(typed.trim()), typingMs);
    return () => clearTimeout(timer);
  }, [typed]);
  // Everybody is in exactly one of these.
  const working = useLiveList(WorkingAgentsDocument, { text }, ({ agents }) => agents, mayChangeWork, { restMs });
  const idle = useFreeAgents({ text, healths: ['ONLINE'] });
  const away = useFreeAgents({ text, healths: ['STALE', 'OFFLINE'] });
  const lists = [working, idle, away];
  const error = lists.find((list) => list.error && !list.nodes)?.error;
  const isComplete = lists.every(({ nodes }) => nodes);
  const isEmpty = isComplete && lists.every(({ nodes }) => nodes?.length === 0);
  return (
    <main className="page">
      <div className="page-head">
        <h1>Agents</h1>
        <div className="page-actions">
          <input
            type="search"
            aria-label="Name or specialization"
            placeholder="Name or specialization"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
      </div>
      {error && (
        <Failure
          error={error}
          onRetry={() => {
            for (const { reload } of lists) reload();
          }}
        />
      )}
      {!isComplete && !error && <Loading />}
      {isEmpty && text !== '' && <Empty title={`No agent is like “${text}”`} />}
      {isEmpty && text === '' && (
        <Empty title="No agent has registered yet">
          An agent registers by the mutation <code>agentRegister</code>, with the SDK, or over one of the older REST dialects.
        </Empty>
      )}
      {isComplete && (
        <>
          <Group name="At work" list={working} />
          <Group name="Idle" list={idle} />
          <Group name="Silent or offline" list={away} />
        </>
      )}
    </main>
  );
}

function useFreeAgents(wanted: { text: string; healths: AgentHealth[] }): LiveList<Agent> {
  return useLiveList(FreeAgentsDocument, wanted, ({ agents }) => agents, mayChangeWork, { restMs });
}

function Group({ name, list }: { name: string; list: LiveList<Agent> }) {
  const agents = list.nodes ?? [];
  useHeartbeatWatch(agents.map(({ id }) => id));
  if (agents.length === 0) return null;
  return (
    <section className="agents-group">
      <h2>
        {name} <span className="agents-count">{list.hasMore ? `${agents.length}+` : agents.length}</span>
      </h2>
      <ul className="list agents">
        {agents.map((agent) => (
          <li key={agent.id}>
            <AgentItem agent={agent} />
          </li>
        ))}
      </ul>
      <More list={list} what="agents" />
    </section>
  );
}

function AgentItem({ agent }: { agent: Agent }) {
  const tasks = agent.claimedTasks?.nodes ?? [];
  return (
    <article className="panel agent">
      <header>
        <Avatar name={agent.name} health={agent.health} />
        <div className="agent-name">
          <h3>
            <Link href={`/ui/agents/${agent.id}`}>{agent.name}</Link>
          </h3>
          <p className="hint">{agent.role ?? agent.externalId}</p>
        </div>
        <div className="agent-state">
          <Health health={agent.health} />
          {agent.status !== 'ACTIVE' && <span className="tag">{agent.status.toLowerCase()}</span>}
        </div>
      </header>
      <Specializations agent={agent} />
      <Work tasks={tasks} />
      <Heartbeats agentId={agent.id} lastHeartbeatAt={agent.lastHeartbeatAt} />
    </article>
  );
}

export function Specializations({ agent: { specializations } }: { agent: Pick<Agent, 'specializations'> }) {
  if (specializations.length === 0) return <p className="hint agent-skills">Takes tasks that need no specialization.</p>;
  return (
    <ul className="list agent-skills" aria-label="Specializations">
      {specializations.map((name) => (
        <li key={name} className="tag">
          {name}
        </li>
      ))}
    </ul>
  );
}

export function Work({ tasks }: { tasks: AgentCardFragment['claimedTasks']['nodes'] }) {
  if (tasks.length === 0) return <p className="hint agent-work">Holds no task.</p>;
  return (
    <ul className="list agent-work">
      {tasks.map(({ id, title, status, lease }) => (
        <li key={id}>
          <Link href={`/ui/tasks/${id}`}>{title}</Link>
          <StatusBadge status={status} />
          {lease && <Lease expiresAt={lease.expiresAt} ttlSeconds={lease.ttlSeconds} />}
        </li>
      ))}
    </ul>
  );
}
