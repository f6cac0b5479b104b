import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { AlertIcon } from '../elements/icons.js';
import { Ago, formatAge } from '../elements/time.js';
import { AttentionDocument } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useNow } from '../live/use-now.js';
import './attention.css';

/** Milliseconds between two looks, however much happens. */
const restMs = 1000;

/** Lines that are shown before the rest is folded. */
const linesMax = 4;

/** What is stuck, and why: blocked tasks, work that nobody can take, and holders who have fallen silent. */
export function Attention() {
  const { data } = useLiveQuery(AttentionDocument, {}, (event) => 'task' in event || 'agent' in event, { restMs });
  if (!data) return null;
  const lines: { key: string; line: ReactNode }[] = [];
  for (const { id, title, blocker, updatedAt } of data.blocked.nodes) {
    lines.push({
      key: id,
      line: (
        <>
          <Link href={`/ui/tasks/${id}`}>{title}</Link> is blocked: {blocker ?? 'nobody said why'} <Since at={updatedAt} />
        </>
      ),
    });
  }
  for (const { name, readyCount, agentCount, onlineAgentCount } of data.specializations) {
    if (readyCount === 0 || onlineAgentCount > 0) continue;
    const who = whoIsMissing(agentCount);
    lines.push({
      key: `specialization ${name}`,
      line: (
        <>
          <Link href={`/?specialization=${encodeURIComponent(name)}`}>
            {readyCount === 1 ? '1 ready task needs' : `${readyCount} ready tasks need`} {name}
          </Link>
          , and {who}
        </>
      ),
    });
  }
  for (const { id, name, lastHeartbeatAt, claimedTasks } of data.lost.nodes) {
    // Who never said anything is not missed: its leases tell whether it is alive.
    if (!lastHeartbeatAt) continue;
    for (const task of claimedTasks.nodes) {
      lines.push({
        key: task.id,
        line: (
          <>
            <Link href={`/ui/agents/${id}`}>{name}</Link> has fallen silent for <Silence since={lastHeartbeatAt} /> and still
            holds <Link href={`/ui/tasks/${task.id}`}>{task.title}</Link>
          </>
        ),
      });
    }
  }
  if (lines.length === 0) return null;
  return (
    <section className="attention" aria-label="What is stuck">
      <AlertIcon />
      <ul className="list">
        {lines.slice(0, linesMax).map(({ key, line }) => (
          <li key={key}>{line}</li>
        ))}
        {lines.length > linesMax && (
          <li>
            <details>
              <summary>{lines.length - linesMax} more</summary>
              <ul className="list">
                {lines.slice(linesMax).map(({ key, line }) => (
                  <li key={key}>{line}</li>
                ))}
              </ul>
            </details>
          </li>
        )}
      </ul>
    </section>
  );
}

function whoIsMissing(agentCount: number): string {
  if (agentCount === 0) return 'no agent has it';
  return agentCount === 1 ? 'the one agent who has it is not online' : `none of the ${agentCount} agents who have it is online`;
}

function Since({ at }: { at: string }) {
  return (
    <span className="attention-since">
      <Ago at={at} />
    </span>
  );
}

function Silence({ since }: { since: string }) {
  return formatAge(useNow() - Date.parse(since));
}
