import { agentCoordEndpoints } from '../features/agents/agent.coord.rest.js';
import { agentQueueEndpoints } from '../features/agents/agent.queue.rest.js';
import { decisionCoordEndpoints } from '../features/decisions/decision.coord.rest.js';
import { executionLogEndpoints } from '../features/execution-logs/execution-log.worker.rest.js';
import { jobEndpoints } from '../features/jobs/job.worker.rest.js';
import { workerContextEndpoints } from '../features/jobs/worker-context.worker.rest.js';
import { memoryEndpoints } from '../features/memory/memory.worker.rest.js';
import { messageCoordEndpoints } from '../features/messages/message.coord.rest.js';
import { coordinationEndpoints } from '../features/orchestrators/coordination.rest.js';
import { orchestratorEndpoints } from '../features/orchestrators/orchestrator.rest.js';
import { planCoordEndpoints } from '../features/plans/plan.coord.rest.js';
import { noteEndpoints } from '../features/projects/note.worker.rest.js';
import { projectEndpoints } from '../features/projects/project.worker.rest.js';
import { reviewEndpoints } from '../features/pull-requests/review.worker.rest.js';
import { settingEndpoints } from '../features/settings/setting.worker.rest.js';
import { taskCoordEndpoints } from '../features/tasks/task.coord.rest.js';
import { taskQueueEndpoints } from '../features/tasks/task.queue.rest.js';
import { ticketEndpoints } from '../features/tickets/ticket.worker.rest.js';
import { ticketCompletionEndpoints } from '../features/tickets/ticket-completion.worker.rest.js';
import type { Endpoint } from './endpoint.js';
import { healthEndpoints } from './health.rest.js';

/** Every REST endpoint there is. */
export const endpoints: readonly Endpoint[] = [
  ...healthEndpoints,
  ...agentCoordEndpoints,
  ...taskCoordEndpoints,
  ...messageCoordEndpoints,
  ...planCoordEndpoints,
  ...decisionCoordEndpoints,
  ...agentQueueEndpoints,
  ...taskQueueEndpoints,
  ...orchestratorEndpoints,
  ...coordinationEndpoints,
  ...projectEndpoints,
  ...noteEndpoints,
  ...ticketEndpoints,
  ...settingEndpoints,
  ...memoryEndpoints,
  ...workerContextEndpoints,
  ...ticketCompletionEndpoints,
  ...executionLogEndpoints,
  ...reviewEndpoints,
  ...jobEndpoints,
];
