import { stampOf, type Viewer } from '../../auth/viewer.js';
import type { NewEvent } from '../../database/event-log.js';
import type { Task } from '../../database/generated/prisma/client.js';
import type { TaskEventData } from './task.events.js';

/** An event about a task, with what subscriptions filter on; `task` is as the change left it. */
export function taskEvent<Type extends keyof TaskEventData>(
  viewer: Viewer,
  task: Task,
  type: Type,
  data: TaskEventData[Type],
): NewEvent {
  return eventOnTask(viewer, task, type, data);
}

/** The same for an event of another feature. */
export function eventOnTask(viewer: Viewer, task: Task, type: string, data: object): NewEvent {
  return {
    ...stampOf(viewer),
    organizationId: task.organizationId,
    type,
    subjectId: task.id,
    taskId: task.id,
    projectId: task.projectId,
    agentId: task.assigneeId,
    specialization: task.requiredSpecialization,
    source: task.source,
    data: { ...data },
  };
}
