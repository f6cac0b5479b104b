import type { BatonClient } from '../../sdk/baton-client.js';
import { JobListDocument, type JobListQuery, type JobStatus } from '../../sdk/generated.js';
import { plain } from '../../worker/coordinator/journal.js';
import { withServer } from './server-client.js';
import { type Column, colors, note, printJson, printRows } from './terminal.js';

export interface JobListOptions {
  project?: string;
  /** Default: what runs, and what waits. */
  status?: JobStatus[];
  json?: true;
}

type Job = JobListQuery['jobs']['nodes'][number];

/** Jobs that one request asks for. */
const pageSize = 50;

/** Jobs that are over and are listed at most, the newest: there may be any number. */
const endedMax = 50;

const columns: Column<Job>[] = [
  { title: 'Job', value: ({ id }) => id },
  { title: 'Status', value: ({ status }) => coloredStatus(status) },
  { title: 'Kind', value: ({ kind }) => kind.toLowerCase() },
  { title: 'Since', value: (job) => ageOf(job, new Date()) },
  { title: 'Starts', value: ({ attempts }) => String(attempts) },
  { title: 'Ticket', value: ({ task }) => plain(task.title), share: 0.35 },
  { title: 'Last said', value: (job) => plain(lastWordsOf(job)), share: 0.65 },
];

/** Lists jobs: what runs, the longest first, then what waits, the next first, then what is over, the newest first. */
export async function listJobs({ project, status = ['RUNNING', 'PENDING'], json }: JobListOptions): Promise<void> {
  const jobs = await withServer(async (client) => {
    const listed: Job[] = [];
    for (const each of ['RUNNING', 'PENDING', 'COMPLETED', 'FAILED'] as const) {
      if (status.includes(each)) listed.push(...(await jobsOf(client, each, project)));
    }
    return listed;
  });
  if (json) printJson(jobs.map(viewOf));
  else if (jobs.length > 0) printRows(columns, jobs);
  else note(`There are no jobs ${status.join(' or ')} here.`);
}

async function jobsOf(client: BatonClient, status: JobStatus, projectId: string | undefined): Promise<Job[]> {
  const isOver = status === 'COMPLETED' || status === 'FAILED';
  const filter = { statuses: [status], ...(projectId !== undefined && { projectId }) };
  const jobs: Job[] = [];
  for (let after: string | null = null; ; ) {
    const { jobs: page }: JobListQuery = await client.request(JobListDocument, { filter, first: pageSize, after });
    jobs.push(...page.nodes);
    if (!page.pageInfo.hasNextPage || (isOver && jobs.length >= endedMax)) break;
    after = page.pageInfo.endCursor ?? null;
  }
  const startOf = (job: Job) => Date.parse(job.startedAt ?? job.createdAt);
  if (status === 'RUNNING') return jobs.sort((one, other) => startOf(one) - startOf(other));
  // The server lists the newest first, and starts the oldest.
  return isOver ? jobs : jobs.reverse();
}

function viewOf({ task, logs, ...job }: Job) {
  return { ...job, ticket: task, lastLog: logs.nodes[0] ?? null };
}

function lastWordsOf({ failureReason, logs, status }: Job): string {
  if (status === 'FAILED' && failureReason !== null) return failureReason.split('\n')[0] ?? '';
  const [last] = logs.nodes;
  return last ? `${last.step}${last.summary === '' ? '' : `: ${last.summary.split('\n')[0]}`}` : '';
}

/** How long the job has waited, run or been over. The clocks of the two machines may differ a little. */
function ageOf({ status, createdAt, startedAt, finishedAt }: Job, now: Date): string {
  const [since, verb] =
    status === 'PENDING' ? [createdAt, 'waits'] : status === 'RUNNING' ? [startedAt, 'runs'] : [finishedAt, 'ended'];
  if (since === null) return '';
  const age = durationOf(Math.max(0, now.getTime() - Date.parse(since)));
  return verb === 'ended' ? `ended ${age} ago` : `${verb} ${age}`;
}

function durationOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

function coloredStatus(status: JobStatus): string {
  switch (status) {
    case 'RUNNING':
      return colors.yellow(status);
    case 'COMPLETED':
      return colors.green(status);
    case 'FAILED':
      return colors.red(status);
    default:
      return colors.cyan(status);
  }
}
