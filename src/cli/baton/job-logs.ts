import type { BatonClient } from '../../sdk/baton-client.js';
import { isRetriable, ResyncRequiredError } from '../../sdk/errors.js';
import type { StreamState } from '../../sdk/event-stream.js';
import {
  JobListDocument,
  JobLogsDocument,
  type JobLogsQuery,
  type JobStatus,
  type LogFieldsFragment,
  RunEventsDocument,
  TaskLogsDocument,
  type TaskLogsQuery,
} from '../../sdk/generated.js';
import { plain } from '../../worker/coordinator/journal.js';
import { CommandFailure } from '../command-failure.js';
import { exitCodes } from './failure.js';
import { withServer } from './server-client.js';
import { colors, note, print } from './terminal.js';

export interface LogOptions {
  /** Goes on until the job ends. */
  follow?: true;
  json?: true;
}

/** What is read: one job of a ticket, or all of them. */
interface Subject {
  taskId: string;
  jobId: string | null;
}

/** How a job ended. */
interface JobEnd {
  id: string;
  status: JobStatus;
  failureReason: string | null;
}

/** Entries that one request asks for; each may be long. */
const pageSize = 20;

/** The step of what a container put out, of which the coordinator sends the lines themselves. */
const outputStep = 'container_output';

/**
 * Prints what was logged of a job or a ticket, oldest first, and with `follow` what is logged from then on: each entry once,
 * over any number of connections. Answers the exit code: 1 when a job that was followed has failed.
 */
export function printLogs(id: string, options: LogOptions): Promise<number> {
  return withServer((client) => new LogPrinter(client, options).run(id));
}

class LogPrinter {
  readonly #printed = new Set<string>();

  constructor(
    private readonly client: BatonClient,
    private readonly options: LogOptions,
  ) {}

  async run(id: string): Promise<number> {
    const subject = await this.#find(id);
    const { follow } = this.options;
    for (;;) {
      // The cursor first, the end before the log: whatever is appended meanwhile is printed, once.
      const after = await this.client.eventCursor();
      const endBefore = follow ? await this.#endOf(subject) : null;
      await this.#printKept(subject);
      if (!follow) return exitCodes.ok;
      try {
        const end = endBefore ?? (await this.#follow(subject, after));
        this.#tellEnd(end);
        return end?.status === 'FAILED' ? exitCodes.failed : exitCodes.ok;
      } catch (error) {
        // The events that were missed are no longer kept; the log is, so it is read again.
        if (!(error instanceof ResyncRequiredError)) throw error;
      }
    }
  }

  async #find(id: string): Promise<Subject> {
    const [{ job }, { task }] = await Promise.all([
      this.client.request(JobLogsDocument, { id, first: 1 }),
      this.client.request(TaskLogsDocument, { id, first: 1 }),
    ]);
    if (job) return { taskId: job.task.id, jobId: job.id };
    if (task) return { taskId: task.id, jobId: null };
    throw new CommandFailure(`There is no job and no ticket ${plain(id)} here.`);
  }

  async #printKept({ taskId, jobId }: Subject): Promise<void> {
    for (let after: string | null = null; ; ) {
      const page: NonNullable<JobLogsQuery['job'] | TaskLogsQuery['task']> | null | undefined =
        jobId === null
          ? (await this.client.request(TaskLogsDocument, { id: taskId, first: pageSize, after })).task
          : (await this.client.request(JobLogsDocument, { id: jobId, first: pageSize, after })).job;
      if (!page) return;
      for (const entry of page.logs.nodes) this.#print(entry);
      if (!page.logs.pageInfo.hasNextPage) return;
      after = page.logs.pageInfo.endCursor ?? null;
    }
  }

  /** How the job ended; null while it waits or runs. Of a ticket, the end of its newest job once none waits or runs. */
  async #endOf({ taskId, jobId }: Subject): Promise<JobEnd | null> {
    if (jobId !== null) {
      const { job } = await this.client.request(JobLogsDocument, { id: jobId, first: 1 });
      return job && isOver(job) ? job : null;
    }
    const find = async (filter: object) => (await this.client.request(JobListDocument, { filter, first: 1 })).jobs.nodes[0];
    if (await find({ taskId, statuses: ['PENDING', 'RUNNING'] })) return null;
    const newest = await find({ taskId });
    if (!newest) throw new CommandFailure('No job of this ticket has been made yet: there is nothing to follow.');
    return newest;
  }

  /** Prints what is logged from now on, until the job ends. */
  async #follow(subject: Subject, after: string): Promise<JobEnd | null> {
    const events = this.client.follow(RunEventsDocument, { taskId: subject.taskId, after }, { onState: this.#stateTeller() });
    for await (const { events: event } of events) {
      if ('log' in event) {
        const isWanted = subject.jobId === null || event.log?.job?.id === subject.jobId;
        if (event.log && isWanted) this.#print(event.log);
      } else if ('job' in event && (subject.jobId === null || event.job.id === subject.jobId)) {
        const end = await this.#endOf(subject);
        if (end) return end;
      }
    }
    return null;
  }

  #stateTeller() {
    let isOffline = false;
    return ({ status, error }: StreamState) => {
      if (status === 'offline' && !isOffline && isRetriable(error)) note(`Disconnected: ${error?.message} Trying again.`);
      if (status !== 'offline' && isOffline) note('Connected again.');
      isOffline = status === 'offline' && error !== null;
    };
  }

  #print(entry: LogFieldsFragment): void {
    if (this.#printed.has(entry.id)) return;
    this.#printed.add(entry.id);
    print(this.options.json ? JSON.stringify(factsOf(entry)) : linesOf(entry));
  }

  #tellEnd(end: JobEnd | null): void {
    if (!end || this.options.json) return;
    const reason = end.failureReason === null ? '' : `: ${plain(end.failureReason.split('\n')[0] ?? '')}`;
    note(`Job ${end.id} ${end.status}${reason}`);
  }
}

function isOver({ status }: { status: JobStatus }): boolean {
  return status === 'COMPLETED' || status === 'FAILED';
}

function factsOf({ createdAt, job, ...entry }: LogFieldsFragment) {
  return { time: createdAt, jobId: job?.id ?? null, ...entry };
}

/** What an agent did, with what came of it; or the lines that its container put out. */
function linesOf({ createdAt, step, summary, rawOutput }: LogFieldsFragment): string {
  const time = colors.dim(createdAt);
  if (step !== outputStep) return `${time} ${colors.bold(plain(step))} ${plain(summary)}`.trimEnd();
  return (rawOutput ?? summary)
    .split('\n')
    .map((line) => `${time} | ${plain(line)}`)
    .join('\n');
}
