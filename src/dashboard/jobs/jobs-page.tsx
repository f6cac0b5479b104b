import { useState } from 'react';
import { Link } from 'wouter';
import { Choice } from '../elements/choice.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { More } from '../elements/more.js';
import { Ago, formatAge } from '../elements/time.js';
import { type JobCardFragment, JobDocument, type JobStatus, JobsDocument } from '../generated.js';
import { useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useNow } from '../live/use-now.js';
import { Lease } from '../tasks/lease.js';
import { JobLog } from './job-log.js';
import './jobs-page.css';

const statusWords: Record<JobStatus, string> = { PENDING: 'Waits', RUNNING: 'Runs', COMPLETED: 'Completed', FAILED: 'Failed' };

/** Runs of tickets by agents, and what each says while it runs. */
export default function JobsPage({ id }: { id: string | undefined }) {
  const [status, setStatus] = useState<JobStatus | null>(null);
  const list = useLiveList(
    JobsDocument,
    { statuses: status && [status] },
    (data) => data.jobs,
    (event) => 'job' in event,
  );
  const jobs = list.nodes ?? [];
  return (
    <main className={`page jobs ${id ? 'jobs-reading' : ''}`}>
      <div className="page-head">
        <h1>Jobs</h1>
        <div className="page-actions">
          <Choice
            aria-label="Which jobs"
            all="All"
            value={status}
            options={Object.entries(statusWords).map(([value, label]) => ({ value, label }))}
            onChange={(chosen) => setStatus(chosen as JobStatus | null)}
          />
        </div>
      </div>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {!list.nodes && !list.error && <Loading />}
      {list.nodes?.length === 0 && !id && (
        <Empty title={status ? 'No such job' : 'No jobs yet'}>
          A ticket that enters the column <code>in_progress</code> becomes a job. A coordinator (
          <code>npx baton coordinator</code>) starts an agent for it, whose log is shown here as it is written.
        </Empty>
      )}
      <div className="jobs-layout">
        {jobs.length > 0 && (
          <nav className="jobs-list" aria-label="Jobs">
            <ul className="list">
              {jobs.map((job) => (
                <li key={job.id}>
                  <Link href={`/ui/jobs/${job.id}`} aria-current={job.id === id ? 'page' : undefined}>
                    <span className="jobs-title">{job.task.title}</span>
                    <JobBadge status={job.status} />
                    <span className="jobs-about">
                      {job.kind === 'REVIEW' ? 'Review' : 'Ticket'}
                      {job.project && ` of ${job.project.name}`}, <Ago at={job.createdAt} />
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
            <More list={list} what="jobs" />
          </nav>
        )}
        {id ? <OneJob key={id} id={id} /> : jobs.length > 0 && <Empty title="Choose a job to follow it" />}
      </div>
    </main>
  );
}

function JobBadge({ status }: { status: JobStatus }) {
  return <span className={`status job-${status.toLowerCase()}`}>{statusWords[status]}</span>;
}

function OneJob({ id }: { id: string }) {
  const { data, error, reload } = useLiveQuery(JobDocument, { id }, (event) => 'job' in event && event.job.id === id);
  if (!data) return error ? <Failure error={error} onRetry={reload} /> : <Loading />;
  const { job } = data;
  if (!job) return <Empty title="There is no such job">It may be of another organization.</Empty>;
  return (
    <div className="job">
      <section className="panel">
        <header className="job-head">
          <Link className="job-back" href="/ui/jobs">
            All jobs
          </Link>
          <h2>
            <Link href={`/ui/tasks/${job.task.id}`}>{job.task.title}</Link>
          </h2>
          <JobBadge status={job.status} />
          {job.status === 'RUNNING' && job.leaseExpiresAt && job.leaseSeconds && (
            <Lease expiresAt={job.leaseExpiresAt} ttlSeconds={job.leaseSeconds} />
          )}
        </header>
        <div className="panel-body">
          <dl className="facts">
            <dt>Kind</dt>
            <dd>
              {job.kind === 'REVIEW' ? `Answers a review${job.prNumber ? ` of #${job.prNumber}` : ''}` : 'Works on the ticket'}
            </dd>
            <dt>Attempts</dt>
            <dd>{job.attempts}</dd>
            <dt>{job.finishedAt ? 'Took' : 'Runs for'}</dt>
            <dd>
              <Duration job={job} />
            </dd>
            {job.failureReason && (
              <>
                <dt>Failed</dt>
                <dd className="job-failure">{job.failureReason}</dd>
              </>
            )}
            {job.commentBody && (
              <>
                <dt>Comment</dt>
                <dd>{job.commentBody}</dd>
              </>
            )}
          </dl>
        </div>
      </section>
      <JobLog jobId={id} isRunning={job.status === 'RUNNING'} />
    </div>
  );
}

function Duration({ job: { startedAt, finishedAt } }: { job: JobCardFragment }) {
  const now = useNow();
  if (!startedAt) return 'not started yet';
  return formatAge((finishedAt ? Date.parse(finishedAt) : now) - Date.parse(startedAt));
}
