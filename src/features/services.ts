import type { SignInLimit } from '../auth/sign-in-limit.js';
import type { Database } from '../database/database.js';
import { AgentService } from './agents/agent.service.js';
import { ApiKeyService } from './api-keys/api-key.service.js';
import { DecisionService } from './decisions/decision.service.js';
import { ExecutionLogService } from './execution-logs/execution-log.service.js';
import { type JobOptions, JobService } from './jobs/job.service.js';
import { MemoryService } from './memory/memory.service.js';
import { MessageService } from './messages/message.service.js';
import { OrchestratorService } from './orchestrators/orchestrator.service.js';
import { OrganizationService } from './organizations/organization.service.js';
import { PlanService } from './plans/plan.service.js';
import { NoteService } from './projects/note.service.js';
import { ProjectService } from './projects/project.service.js';
import { ReviewService } from './pull-requests/review.service.js';
import { type SettingOptions, SettingService } from './settings/setting.service.js';
import { TaskActivity } from './tasks/task.activity.js';
import { TaskService } from './tasks/task.service.js';
import { TicketService } from './tickets/ticket.service.js';
import { TicketCompletionService } from './tickets/ticket-completion.service.js';
import { SessionService } from './users/session.service.js';
import { UserService } from './users/user.service.js';

/** The commands of every feature, and the reads that remember something. */
export interface Services {
  activity: TaskActivity;
  agents: AgentService;
  apiKeys: ApiKeyService;
  decisions: DecisionService;
  executionLogs: ExecutionLogService;
  jobs: JobService;
  memory: MemoryService;
  messages: MessageService;
  orchestrators: OrchestratorService;
  notes: NoteService;
  organizations: OrganizationService;
  plans: PlanService;
  projects: ProjectService;
  reviews: ReviewService;
  sessions: SessionService;
  settings: SettingService;
  tasks: TaskService;
  ticketCompletion: TicketCompletionService;
  tickets: TicketService;
  users: UserService;
}

/** What commands need beside the database. */
export interface ServiceOptions extends JobOptions, SettingOptions {
  onLease: (leaseSeconds: number) => void;
  /** Hours for which a sign-in lasts. */
  sessionHours: number;
  signInLimit: SignInLimit;
}

/** Builds the commands on one database: the application's own, or one open transaction. */
export function createServices(database: Database, options: ServiceOptions): Services {
  return {
    activity: new TaskActivity(database),
    agents: new AgentService(database),
    apiKeys: new ApiKeyService(database),
    decisions: new DecisionService(database),
    executionLogs: new ExecutionLogService(database),
    jobs: new JobService(database, options),
    memory: new MemoryService(database),
    messages: new MessageService(database),
    orchestrators: new OrchestratorService(database),
    notes: new NoteService(database),
    organizations: new OrganizationService(database),
    plans: new PlanService(database),
    projects: new ProjectService(database),
    reviews: new ReviewService(database),
    sessions: new SessionService(database, options),
    settings: new SettingService(database, options),
    tasks: new TaskService(database, options.onLease),
    ticketCompletion: new TicketCompletionService(database),
    tickets: new TicketService(database),
    users: new UserService(database),
  };
}
