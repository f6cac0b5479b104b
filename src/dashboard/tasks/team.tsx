import { Link } from 'wouter';
import type { Agent } from '../agents/agents-page.js';
import { Avatar } from '../elements/avatar.js';
import { formatAge } from '../elements/time.js';
import { TeamDocument } from '../generated.js';
import type { FeedEvent } from '../live/feed.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useNow } from '../live/use-now.js';
import { Lease } from './lease.js';
import './team.css';

/** Milliseconds between two looks, however much happens. */
const restMs = 500;

/** Events after which somebody may do something else than before. */
export function mayChangeWork(event: FeedEvent): boolean {
  return 'agent' in event || ('task' in event && event.kind !== 'TASK_CREATED' && event.kind !== 'TASK_UPDATED');
}

/** Who is doing what right now: the first thing to see on the board. */
export function Team() {
  const { data } = useLiveQuery(TeamDocument, {}, mayChangeWork, { restMs });
  if (!data) return <section className="team" aria-label="Who does what" aria-busy="true" />;
  const { working, idle, known } = data;
  // Who works comes first, each group by name, so that nobody jumps about.
  const shown = [working.nodes, idle.nodes].flatMap((nodes: readonly Agent[]) =>
    nodes.toSorted((one, other) => one.name.localeCompare(other.name)),
  );
  const isCut = working.pageInfo.hasNextPage || idle.pageInfo.hasNextPage;
  return (
    <section className="team" aria-label="Who does what">
      {shown.length === 0 && (
        <p className="team-none">
          {known.nodes.length === 0 ? (
            <>
              No agent has registered yet. One does so by the mutation <code>agentRegister</code>, with the SDK, or over one of
              the older REST dialects. To see a team at work, run <code>npm run demo</code>.
            </>
          ) : (
            <>
              Nobody is online. <Link href="/ui/agents">See all agents</Link>
            </>
          )}
        </p>
      )}
      <ul className="list team-list">
        {shown.map((agent) => (
          <li key={agent.id}>
            <Member agent={agent} />
          </li>
        ))}
      </ul>
      {isCut && (
        <Link className="team-others" href="/ui/agents">
          and more: see all agents
        </Link>
      )}
    </section>
  );
}

function Member({ agent }: { agent: Agent }) {
  const tasks = agent.claimedTasks?.nodes ?? [];
  const [current] = tasks.toSorted((one, other) => Number(other.status === 'IN_PROGRESS') - Number(one.status === 'IN_PROGRESS'));
  return (
    <article className={`member ${current ? '' : 'member-idle'}`}>
      <div className="member-head">
        <Link className="member-name" href={`/ui/agents/${agent.id}`}>
          <Avatar name={agent.name} health={agent.health} />
          <span>
            <strong>{agent.name}</strong>
            <Wellbeing agent={agent} />
          </span>
        </Link>
        {current?.lease && <Lease {...current.lease} />}
      </div>
      {current ? (
        <p className="member-task">
          <Link href={`/ui/tasks/${current.id}`} title={current.title}>
            {current.title}
          </Link>
          {tasks.length > 1 && (
            <span className="tag" title={tasks.map(({ title }) => title).join('\n')}>
              +{tasks.length - 1}
            </span>
          )}
        </p>
      ) : (
        <p className="member-task member-skills">{agent.specializations.join(', ') || 'any work'}</p>
      )}
    </article>
  );
}

function Wellbeing({ agent: { health, lastHeartbeatAt, claimedTasks, status } }: { agent: Agent }) {
  const now = useNow();
  const activity = (claimedTasks?.nodes.length ?? 0) > 0 ? 'working' : status === 'ACTIVE' ? 'idle' : status.toLowerCase();
  if (health === 'ONLINE') return <small>{activity}</small>;
  if (!lastHeartbeatAt) return <small>{activity}, without heartbeats</small>;
  const silence = `silent for ${formatAge(now - Date.parse(lastHeartbeatAt))}`;
  return <small className="member-silent">{silence}</small>;
}
