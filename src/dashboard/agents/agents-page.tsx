import { useState } from 'react';
import { Link } from 'wouter';
import { Avatar, Health } from '../elements/avatar.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { AgentsDocument, type AgentsQuery } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { Lease } from '../tasks/lease.js';
import { StatusBadge } from '../tasks/status.js';
import { mayChangeWork } from '../tasks/team.js';
import { Heartbeats, useHeartbeatWatch } from './heartbeats.js';
import './agents-page.css';

export type Agent = AgentsQuery['agents']['nodes'][number];

/** The server's largest page. */
const agentsShown = 100;

export default function AgentsPage() {
  const { data, error, reload } = useLiveQuery(AgentsDocument, { first: agentsShown }, mayChangeWork);
  const [wanted, setWanted] = useState('');
  const agents = data?.agents.nodes ?? [];
  useHeartbeatWatch(agents.map(({ id }) => id));
  const online = agents.filter(({ health }) => health === 'ONLINE').length;
  const shown = agents.filter(matcherOf(wanted)).toSorted(byHealth);
  return (
    <main className="page">
      <div className="page-head">
        <h1>Agents</h1>
        <div className="page-actions">
          <input
            type="search"
            aria-label="Name or specialization"
            placeholder="Name or specialization"
            value={wanted}
            onChange={(event) => setWanted(event.target.value)}
          />
        </div>
        {data && (
          <p>
            {online} of {agents.length}
            {data.agents.pageInfo.hasNextPage && '+'} online, {agents.filter(isWorking).length} at work
          </p>
        )}
      </div>
      {error && !data && <Failure error={error} onRetry={reload} />}
      {!data && !error && <Loading />}
      {data && agents.length === 0 && (
        <Empty title="No agent has registered yet">
          An agent registers by the mutation <code>agentRegister</code>, with the SDK, or over one of the older REST dialects.
        </Empty>
      )}
      {agents.length > 0 && shown.length === 0 && <Empty title={`No agent is like “${wanted}”`} />}
      <ul className="list agents">
        {shown.map((agent) => (
          <li key={agent.id}>
            <AgentItem agent={agent} />
          </li>
        ))}
      </ul>
    </main>
  );
}

function AgentItem({ agent }: { agent: Agent }) {
  const tasks = agent.claimedTasks.nodes;
  return (
    <article className="panel agent">
      <header>
        <Avatar name={agent.name} health={agent.health} />
        <div className="agent-name">
          <h2>
            <Link href={`/ui/agents/${agent.id}`}>{agent.name}</Link>
          </h2>
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

export function Work({ tasks }: { tasks: Agent['claimedTasks']['nodes'] }) {
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

function isWorking({ claimedTasks }: Agent): boolean {
  return claimedTasks.nodes.length > 0;
}

function matcherOf(wanted: string): (agent: Agent) => boolean {
  const text = wanted.trim().toLowerCase();
  return ({ name, externalId, specializations, role }) =>
    [name, externalId, role ?? '', ...specializations].some((each) => each.toLowerCase().includes(text));
}

const healthOrder = { ONLINE: 0, STALE: 1, OFFLINE: 2 } as const;

function byHealth(one: Agent, other: Agent): number {
  return (
    healthOrder[one.health] - healthOrder[other.health] ||
    Number(isWorking(other)) - Number(isWorking(one)) ||
    one.name.localeCompare(other.name)
  );
}
