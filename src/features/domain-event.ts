import type { AgentEventData } from './agents/agent.events.js';
import type { ApiKeyEventData } from './api-keys/api-key.events.js';
import type { DecisionEventData } from './decisions/decision.events.js';
import type { ExecutionLogEventData } from './execution-logs/execution-log.events.js';
import type { JobEventData } from './jobs/job.events.js';
import type { MemoryEventData } from './memory/memory.events.js';
import type { MessageEventData } from './messages/message.events.js';
import type { OrchestratorEventData } from './orchestrators/orchestrator.events.js';
import type { OrganizationEventData } from './organizations/organization.events.js';
import type { PlanEventData } from './plans/plan.events.js';
import type { NoteEventData } from './projects/note.events.js';
import type { ProjectEventData } from './projects/project.events.js';
import type { SettingEventData } from './settings/setting.events.js';
import type { TaskEventData } from './tasks/task.events.js';
import type { TicketCompletionEventData } from './tickets/ticket-completion.events.js';
import type { SessionEventData } from './users/session.events.js';
import type { UserEventData } from './users/user.events.js';

/** The facts of every event there is, by type. */
export interface DomainEventData
  extends TaskEventData,
    OrchestratorEventData,
    AgentEventData,
    ProjectEventData,
    MemoryEventData,
    NoteEventData,
    MessageEventData,
    PlanEventData,
    DecisionEventData,
    JobEventData,
    ExecutionLogEventData,
    TicketCompletionEventData,
    OrganizationEventData,
    UserEventData,
    SessionEventData,
    ApiKeyEventData,
    SettingEventData {}

export type EventType = keyof DomainEventData;

/** Every type of event, and when it happens: all live traffic at a glance. */
export const eventTypes: Record<EventType, string> = {
  TaskCreated: 'A task was created.',
  TaskUpdated: 'Descriptive fields of a task were changed.',
  TaskClaimed: 'An agent claimed a task: it holds the lease now.',
  TaskReleased: 'The holder, or a person, gave a task back: it is READY again.',
  TaskLeaseExpired: 'A lease lapsed without a heartbeat: the task is READY again, and the last holder may no longer write to it.',
  TaskStatusChanged: 'A task moved along the pipeline, or was blocked or unblocked.',
  TaskCompleted: 'A task was finished: DONE.',
  TaskFailed: 'A task was finished without success: FAILED.',
  TaskCanceled: 'A task was ended before it was finished: CANCELED.',
  TaskReset: 'A task was put back to be done again: READY, without a holder and without a result.',
  TaskDelegated: 'An orchestrator gave a task to another, which owns it from then on.',
  TaskHandedOff: 'An orchestrator handed a task under work to another, with what it needs to know.',
  CollaborationRequested: 'An orchestrator asked others for help with a task; it goes on owning it.',
  ConflictResolved: 'A conflict between orchestrators about a task was settled.',
  TeamConflictResolved: 'A conflict between orchestrators about no single task was settled.',
  TaskCancelRequested: 'Somebody asked that the work on a ticket be stopped; whoever works on it ends in its own time.',
  AgentRegistered: 'An agent registered for the first time.',
  AgentUpdated: 'The profile of an agent changed.',
  AgentStatusChanged: 'An agent, or a person for it, set its status.',
  AgentHealthChanged: 'An agent fell silent, or was heard of again.',
  ProjectCreated: 'A project was created.',
  MemoryIndexed: 'A project remembers texts that it did not before.',
  MemoryDeleted: 'A project has forgotten texts.',
  ProjectUpdated: 'A project was changed.',
  ProjectDeleted: 'A project was deleted, with its board, graph, notes and tickets.',
  GraphReplaced: 'The graph of a project was changed: it has a new version.',
  BoardReplaced: 'The columns of the board of a project were changed.',
  NoteCreated: 'A note was written and kept with a project.',
  NoteUpdated: 'A note was changed.',
  NoteDeleted: 'A note was deleted.',
  ThreadCreated: 'A thread was opened.',
  MessagePosted: 'Somebody said something in a thread.',
  PlanCreated: 'A plan was written.',
  PlanRevised: 'The title or the text of a plan was changed: it has a new revision.',
  PlanStatusChanged: 'Somebody said where a plan stands now.',
  DecisionRecorded: 'A decision was recorded, and perhaps took the place of another.',
  JobEnqueued: 'A job was put into the queue: a run of a ticket, or the answer to a comment on its pull request.',
  JobStarted: 'A coordinator took a job: it runs under a lease.',
  JobReleased: 'A run ended without a result, as its coordinator gave the job back: it is PENDING again.',
  JobLeaseExpired: 'A run was lost, as its lease lapsed without a heartbeat: the job is PENDING again.',
  JobCompleted: 'A run ended well. What became of the ticket is said by the ticket.',
  JobFailed: 'A run ended badly, or the job was lost for the last time: FAILED.',
  TicketCompleted: 'An agent finished its work on a ticket, which waits for a review now unless it was over already.',
  ExecutionLogAppended: 'An agent logged a step of its work on a task.',
  OrganizationCreated: 'The organization was created.',
  UserCreated: 'A user was created, and can sign in.',
  SessionCreated: 'A user signed in.',
  SessionEnded: 'A user signed out.',
  ApiKeyCreated: 'An API key was created, besides the first one that an agent gets when it registers.',
  ApiKeyRevoked: 'An API key was revoked: what is open under it is closed.',
  SettingsChanged: 'Settings were set or removed; which ones, and not to what.',
};
