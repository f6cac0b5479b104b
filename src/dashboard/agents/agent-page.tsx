import { Link } from 'wouter';
import { unwrap } from '../../sdk/errors.js';
import { Avatar, Health } from '../elements/avatar.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { hasContent, Json } from '../elements/json.js';
import { useNotices } from '../elements/notices.js';
import { Ago } from '../elements/time.js';
import { AgentPageDocument, type AgentPageQuery, type AgentStatus, SetAgentStatusDocument } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { StatusBadge } from '../tasks/status.js';
import { mayChangeWork } from '../tasks/team.js';
import { Specializations, Work } from './agents-page.js';
import { Heartbeats, useHeartbeatWatch } from './heartbeats.js';
import './agents-page.css';

type Agent = NonNullable<AgentPageQuery['agent']>;

export default function AgentPage({ id }: { id: string }) {
  const { data, error, reload } = useLiveQuery(AgentPageDocument, { id }, mayChangeWork);
  useHeartbeatWatch([id]);
  if (!data) return <main className="page">{error ? <Failure error={error} onRetry={reload} /> : <Loading />}</main>;
  const { agent, finished } = data;
  if (!agent) {
    return (
      <main className="page">
        <Empty title="There is no such agent">
          It may be of another organization. <Link href="/ui/agents">See all agents</Link>
        </Empty>
      </main>
    );
  }
  return (
    <main className="page">
      <nav className="crumbs" aria-label="Where this is">
        <Link href="/ui/agents">Agents</Link>
      </nav>
      <div className="page-head">
        <div className="agent-title">
          <Avatar name={agent.name} health={agent.health} />
          <h1>{agent.name}</h1>
        </div>
        <Health health={agent.health} />
        <div className="page-actions">
          <Link className="button" href={`/?agent=${agent.id}`}>
            Its tasks on the board
          </Link>
          <StatusChoice agent={agent} />
        </div>
      </div>
      <div className="agent-layout">
        <div>
          <section className="panel">
            <h2>Holds now</h2>
            <div className="panel-body">
              <Work tasks={agent.claimedTasks.nodes} />
            </div>
          </section>
          <section className="panel">
            <h2>Ended last</h2>
            <div className="panel-body">
              {finished.nodes.length === 0 && <p className="hint">Nothing has ended with this agent yet.</p>}
              <ul className="list agent-ended">
                {finished.nodes.map(({ id: taskId, title, status, completedAt }) => (
                  <li key={taskId}>
                    <Link href={`/ui/tasks/${taskId}`}>{title}</Link>
                    <StatusBadge status={status} />
                    {completedAt && <Ago at={completedAt} />}
                  </li>
                ))}
              </ul>
            </div>
          </section>
        </div>
        <div>
          <section className="panel">
            <h2>About</h2>
            <div className="panel-body">
              <dl className="facts">
                <dt>Heartbeats</dt>
                <dd>
                  <Heartbeats agentId={agent.id} lastHeartbeatAt={agent.lastHeartbeatAt} />
                  <p className="hint">As seen since you opened this page</p>
                </dd>
                <dt>Knows</dt>
                <dd>
                  <Specializations agent={agent} />
                </dd>
                {agent.role && (
                  <>
                    <dt>Role</dt>
                    <dd>{agent.role}</dd>
                  </>
                )}
                {agent.discipline && (
                  <>
                    <dt>Discipline</dt>
                    <dd>{agent.discipline}</dd>
                  </>
                )}
                <dt>Goes by</dt>
                <dd>
                  <code>{agent.externalId}</code>
                </dd>
                {agent.owner && (
                  <>
                    <dt>Owner</dt>
                    <dd>{agent.owner.name}</dd>
                  </>
                )}
                <dt>Registered</dt>
                <dd>
                  <Ago at={agent.createdAt} />
                </dd>
              </dl>
            </div>
          </section>
          {hasContent(agent.capabilities) && (
            <section className="panel">
              <h2>Capabilities</h2>
              <div className="panel-body">
                <Json value={agent.capabilities} />
              </div>
            </section>
          )}
          {hasContent(agent.metadata) && (
            <section className="panel">
              <h2>Metadata</h2>
              <div className="panel-body">
                <Json value={agent.metadata} />
              </div>
            </section>
          )}
        </div>
      </div>
    </main>
  );
}

const statusWords: Record<AgentStatus, string> = {
  PENDING: 'Pending: may not claim yet',
  ACTIVE: 'Active',
  BUSY: 'Busy',
  AWAY: 'Away',
  INACTIVE: 'Inactive: switched off',
};

/** Lets people set what the agent may do; the server says who may. */
function StatusChoice({ agent }: { agent: Agent }) {
  const { client } = useSession();
  const notices = useNotices();
  const change = async (status: AgentStatus) => {
    try {
      unwrap((await client.request(SetAgentStatusDocument, { input: { agentId: agent.id, status } })).agentSetStatus);
      notices.tell(`${agent.name} is ${status.toLowerCase()}.`);
    } catch (error) {
      notices.complain(error);
    }
  };
  return (
    <select
      aria-label="Status"
      className="agent-status"
      value={agent.status}
      onChange={(event) => change(event.target.value as AgentStatus)}
    >
      {Object.entries(statusWords).map(([status, words]) => (
        <option key={status} value={status}>
          {words}
        </option>
      ))}
    </select>
  );
}
