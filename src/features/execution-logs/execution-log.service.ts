import { requireScope, stampOf, type Viewer } from '../../auth/viewer.js';
import type { Database } from '../../database/database.js';
import { newId } from '../../kernel/ids.js';
import { TaskNotFoundError } from '../tasks/task.errors.js';
import type { ExecutionLogAppend } from './execution-log.inputs.js';
import { appends, type ExecutionLogRow } from './sql/append.sql.js';

/** The commands on the logs that agents keep of their runs. */
export class ExecutionLogService {
  constructor(private readonly database: Database) {}

  /** Appends an entry to the log of the task and of its running job. Answers it without its output. Throws TaskNotFoundError. */
  async append(viewer: Viewer, input: ExecutionLogAppend): Promise<{ log: ExecutionLogRow }> {
    requireScope(viewer, 'WORKER');
    const { taskId, sessionId, step, summary, rawOutput = null, success = null } = input;
    const entry = { organizationId: viewer.organizationId, taskId, id: newId(), sessionId, step, summary, rawOutput, success };
    const log = await this.database.share(appends, { ...entry, ...stampOf(viewer) });
    if (!log) throw new TaskNotFoundError(taskId);
    return { log };
  }
}
