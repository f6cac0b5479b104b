import type { BatonClient } from '../../sdk/baton-client.js';
import { unwrap } from '../../sdk/errors.js';
import {
  CancelTaskDocument,
  FailTaskDocument,
  MoveTaskDocument,
  ReleaseTaskDocument,
  ResetTaskDocument,
  type TaskCardFragment,
  type TaskStatus,
} from '../generated.js';
import { statusWords } from './status.js';

/** What people are asked before a task goes there; the board moves to other statuses at once. */
export const reasonsAsked: Partial<Record<TaskStatus, { question: string; isRequired: boolean; action: string }>> = {
  BLOCKED: { question: 'What blocks it?', isRequired: true, action: 'Block' },
  FAILED: { question: 'Why did it fail?', isRequired: false, action: 'Fail' },
  CANCELED: { question: 'Why is it canceled?', isRequired: false, action: 'Cancel the task' },
};

export interface MovableTask extends Pick<TaskCardFragment, 'id' | 'title' | 'status' | 'nextStatuses'> {
  lease: object | null;
}

/** Moves a task to a status that the server has said it can go to. Throws BatonCommandError when something came in between. */
export async function moveTask(
  client: BatonClient,
  task: MovableTask,
  status: TaskStatus,
  reason?: string,
): Promise<TaskCardFragment | null> {
  const input = { taskId: task.id };
  switch (status) {
    case 'READY':
      if (task.lease)
        return unwrap((await client.request(ReleaseTaskDocument, { input: { ...input, reason } })).taskRelease).task;
      if (task.status === 'BACKLOG' || task.status === 'BLOCKED') break;
      return unwrap((await client.request(ResetTaskDocument, { input: { ...input, reason } })).taskReset).task;
    case 'CANCELED':
      return unwrap((await client.request(CancelTaskDocument, { input: { ...input, reason } })).taskCancel).task;
    case 'FAILED':
      return unwrap((await client.request(FailTaskDocument, { input: { ...input, reason } })).taskFail).task;
    case 'BLOCKED':
      return unwrap((await client.request(MoveTaskDocument, { input: { ...input, status, blocker: reason } })).taskSetStatus)
        .task;
    default:
  }
  return unwrap((await client.request(MoveTaskDocument, { input: { ...input, status } })).taskSetStatus).task;
}

/** What moving it there is called. */
export function moveName(task: MovableTask, status: TaskStatus): string {
  if (status !== 'READY') return statusWords[status];
  if (task.lease) return 'Ready: take it from its holder';
  return task.status === 'BACKLOG' || task.status === 'BLOCKED' ? 'Ready' : 'Ready: have it done again';
}
