import type { Database } from '../database/database.js';
import { AgentService } from './agents/agent.service.js';
import { DecisionService } from './decisions/decision.service.js';
import { MessageService } from './messages/message.service.js';
import { PlanService } from './plans/plan.service.js';
import { ProjectService } from './projects/project.service.js';
import { TaskService } from './tasks/task.service.js';

/** The commands of every feature. */
export interface Services {
  agents: AgentService;
  decisions: DecisionService;
  messages: MessageService;
  plans: PlanService;
  projects: ProjectService;
  tasks: TaskService;
}

/** What commands need beside the database. */
export interface ServiceOptions {
  onLease: (leaseSeconds: number) => void;
}

/** Builds the commands on one database: the application's own, or one open transaction. */
export function createServices(database: Database, options: ServiceOptions): Services {
  return {
    agents: new AgentService(database),
    decisions: new DecisionService(database),
    messages: new MessageService(database),
    plans: new PlanService(database),
    projects: new ProjectService(database),
    tasks: new TaskService(database, options.onLease),
  };
}
