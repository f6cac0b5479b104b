import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { FeedSubscription, TaskHistoryQuery } from '../generated.js';
import { statusWords } from '../tasks/status.js';

type FeedEvent = FeedSubscription['events'];

/** An event of a task's history: as the feed has it, without what it is about. */
export type HistoryEvent = NonNullable<TaskHistoryQuery['task']>['history']['nodes'][number];

const labelWords: Record<string, string> = {
  admin: 'The admin token',
  anonymous: 'Somebody',
  system: 'Baton',
  worker: 'A worker',
};

/** Who did it, linked where they have a page. */
export function Doer({ event: { actor, actorLabel } }: { event: Pick<FeedEvent, 'actor' | 'actorLabel'> }) {
  if (!actor) return <strong>{labelWords[actorLabel ?? 'system'] ?? actorLabel}</strong>;
  if (actor.__typename === 'Agent') return <Link href={`/ui/agents/${actor.id}`}>{actor.name}</Link>;
  return <strong>{actor.name}</strong>;
}

function Quote({ children }: { children: ReactNode }) {
  return <span className="event-reason">“{children}”</span>;
}

function because(reason: string | null | undefined): ReactNode {
  return reason ? (
    <>
      : <Quote>{reason}</Quote>
    </>
  ) : null;
}

/** What happened, without who did it. `about` is what it happened to: a name with a link, or a word where that is clear. */
export function whatHappened(event: FeedEvent | HistoryEvent, about: ReactNode): ReactNode {
  switch (event.__typename) {
    case 'TaskCreated':
      return <>created {about}</>;
    case 'TaskUpdated':
      return (
        <>
          changed {changedFields(event.data)} of {about}
        </>
      );
    case 'TaskClaimed':
      return (
        <>
          claimed {about}
          {event.isOverride && ', overriding the specialization it requires'}
        </>
      );
    case 'TaskReleased':
      return (
        <>
          gave {about} back{because(event.reason)}
        </>
      );
    case 'TaskLeaseExpired':
      return (
        <>
          took {about} back: no heartbeat of {event.formerHolder?.name ?? 'its holder'} came in time
        </>
      );
    case 'TaskStatusChanged':
      return event.status === 'BLOCKED' ? (
        <>
          blocked {about}
          {because(event.reason)}
        </>
      ) : (
        <>
          moved {about} to {statusWords[event.status].toLowerCase()}
        </>
      );
    case 'TaskCompleted':
      return <>completed {about}</>;
    case 'TicketCompleted':
      return (
        <>
          handed in {about}
          {because(event.summary)}
        </>
      );
    case 'TaskFailed':
      return (
        <>
          gave {about} up{because(event.reason)}
        </>
      );
    case 'TaskCanceled':
      return (
        <>
          canceled {about}
          {because(event.reason)}
        </>
      );
    case 'TaskReset':
      return (
        <>
          wants {about} done again{because(event.reason)}
        </>
      );
    case 'TaskCancelRequested':
      return <>asked that the work on {about} be stopped</>;
    case 'TaskDelegated':
      return (
        <>
          delegated {about} to {event.toOrchestrator.name}
        </>
      );
    case 'TaskHandedOff':
      return (
        <>
          handed {about} off to {event.toOrchestrator.name}
        </>
      );
    case 'CollaborationRequested':
      return (
        <>
          asked {event.record.participants.map(({ orchestrator }) => orchestrator.name).join(', ')} to collaborate on {about}
          {because(event.record.note)}
        </>
      );
    case 'ConflictResolved':
      return <>settled a conflict about {about}</>;
    case 'TeamConflictResolved':
      return <>settled a conflict</>;
    case 'AgentRegistered':
      return <>registered {about}</>;
    case 'AgentUpdated':
      return <>changed what {about} says of itself</>;
    case 'AgentHealthChanged':
      return (
        <>
          saw {about} {event.health === 'ONLINE' ? 'come online' : event.health === 'STALE' ? 'miss heartbeats' : 'go offline'}
        </>
      );
    case 'AgentStatusChanged':
      return (
        <>
          set {about} {event.agentStatus.toLowerCase()}
        </>
      );
    case 'MessagePosted':
      return <>wrote in {about}</>;
    case 'ThreadCreated':
      return <>opened {about}</>;
    case 'PlanCreated':
      return <>wrote the plan {about}</>;
    case 'PlanRevised':
      return (
        <>
          revised the plan {about}: revision {event.revision}
        </>
      );
    case 'PlanStatusChanged':
      return (
        <>
          set the plan {about} {event.planStatus.toLowerCase()}
        </>
      );
    case 'DecisionRecorded':
      return <>decided: {about}</>;
    case 'JobEnqueued':
      return <>queued a job for {about}</>;
    case 'JobStarted':
      return <>started a job for {about}</>;
    case 'JobCompleted':
      return <>completed the job for {about}</>;
    case 'JobFailed':
      return (
        <>
          failed the job for {about}
          {because(event.reason)}
        </>
      );
    case 'JobReleased':
      return <>gave the job for {about} back</>;
    case 'JobLeaseExpired':
      return <>took the job for {about} back: its run fell silent</>;
    case 'ExecutionLogAppended':
      return <>wrote to the log of a job</>;
    case 'ProjectCreated':
      return <>created the project {about}</>;
    case 'ProjectUpdated':
      return <>changed the project {about}</>;
    case 'ProjectDeleted':
      return <>deleted a project</>;
    case 'BoardReplaced':
    case 'GraphReplaced':
      return (
        <>
          rearranged the {event.__typename === 'BoardReplaced' ? 'board' : 'graph'} of {about}
        </>
      );
    case 'NoteCreated':
      return <>wrote a note</>;
    case 'NoteUpdated':
      return <>changed a note</>;
    case 'NoteDeleted':
      return <>deleted a note</>;
    case 'MemoryIndexed':
      return <>added {event.count} to the memory</>;
    case 'MemoryDeleted':
      return <>removed {event.count} from the memory</>;
    case 'SessionCreated':
      return <>signed in</>;
    case 'SessionEnded':
      return <>signed out</>;
    case 'UserCreated':
      return <>created a user</>;
    case 'ApiKeyCreated':
      return <>created an API key</>;
    case 'ApiKeyRevoked':
      return <>revoked an API key</>;
    case 'SettingsChanged':
      return <>changed settings</>;
    case 'OrganizationCreated':
      return <>created an organization</>;
  }
}

/** What the feed says an event is about, as a link. */
export function Subject({ event }: { event: FeedEvent }): ReactNode {
  if ('task' in event) return <Link href={`/ui/tasks/${event.task.id}`}>{event.task.title}</Link>;
  if ('agent' in event) return <Link href={`/ui/agents/${event.agent.id}`}>{event.agent.name}</Link>;
  if ('message' in event) return <Link href={`/ui/threads/${event.message.thread.id}`}>{threadName(event.message.thread)}</Link>;
  if ('thread' in event) return <Link href={`/ui/threads/${event.thread.id}`}>{threadName(event.thread)}</Link>;
  if ('plan' in event) return <Link href={`/ui/plans/${event.plan.id}`}>{event.plan.title}</Link>;
  if ('decision' in event) return <Link href={`/ui/decisions/${event.decision.id}`}>{event.decision.title}</Link>;
  if ('job' in event) return <Link href={`/ui/jobs/${event.job.id}`}>{event.job.task.title}</Link>;
  if ('project' in event && event.project) return <strong>{event.project.name}</strong>;
  return null;
}

export function threadName({ title, task }: { title: string | null; task?: { title: string } | null }): string {
  return title ?? task?.title ?? 'a thread';
}

function changedFields(data: unknown): string {
  const after = (data as { after?: object } | null)?.after ?? {};
  const words = Object.keys(after).map((name) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
  return words.length > 0 ? `the ${words.join(', ')}` : 'something';
}
