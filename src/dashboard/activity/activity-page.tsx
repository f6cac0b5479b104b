import { useSyncExternalStore } from 'react';
import { useSearchParams } from 'wouter';
import { Choice, named } from '../elements/choice.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { More } from '../elements/more.js';
import { Ago, formatAge } from '../elements/time.js';
import { HappeningsDocument, TaskActivityDocument, type TaskActivityQuery } from '../generated.js';
import { useLiveList } from '../live/use-live-list.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { useProjectNames } from '../tasks/project-names.js';
import { Chart } from './chart.js';
import { Doer, Subject, whatHappened } from './event-sentence.js';
import './activity-page.css';

type Span = TaskActivityQuery['taskActivity'][number];

/** How far back one can look, and in how many spans. */
const windows = {
  hour: { words: 'Last hour', windowSeconds: 3600, spanCount: 30 },
  day: { words: 'Last 24 hours', windowSeconds: 86_400, spanCount: 48 },
  week: { words: 'Last 7 days', windowSeconds: 7 * 86_400, spanCount: 42 },
  month: { words: 'Last 30 days', windowSeconds: 30 * 86_400, spanCount: 30 },
} as const;

/** Milliseconds between two looks: figures are counted over the log, and nobody sees the difference of a second. */
const restMs = 3000;

export default function ActivityPage() {
  const [params, setParams] = useSearchParams();
  const name = (Object.keys(windows) as (keyof typeof windows)[]).find((each) => each === params.get('window')) ?? 'hour';
  const projectId = params.get('project');
  const { words: _, ...wanted } = windows[name];
  const { data, error, reload } = useLiveQuery(
    TaskActivityDocument,
    { ...wanted, projectId },
    (event) => 'task' in event && event.kind !== 'TASK_UPDATED',
    { restMs },
  );
  const projects = useProjectNames();
  const choose = (key: string, value: string) =>
    setParams(
      (last) => {
        const next = new URLSearchParams(last);
        if (value) next.set(key, value);
        else next.delete(key);
        return next;
      },
      { replace: true },
    );
  const spans = data?.taskActivity ?? [];
  return (
    <main className="page activity">
      <div className="page-head">
        <h1>Activity</h1>
        <div className="page-actions">
          <Choice
            aria-label="Project"
            all="All projects"
            value={projectId}
            options={named(projects)}
            list={projects}
            onChange={(project) => choose('project', project ?? '')}
          />
          <select aria-label="How far back" value={name} onChange={(event) => choose('window', event.target.value)}>
            {Object.entries(windows).map(([value, { words }]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </div>
      </div>
      {error && !data && <Failure error={error} onRetry={reload} />}
      {!data && !error && <Loading />}
      {data && <Figures spans={spans} />}
      {data && <Charts spans={spans} />}
      <Happenings />
    </main>
  );
}

function Figures({ spans }: { spans: readonly Span[] }) {
  const sum = (count: (span: Span) => number) => spans.reduce((total, span) => total + count(span), 0);
  const completed = sum((span) => span.completedCount);
  // The median of medians, each as heavy as the tasks it stands for: near enough for a glance.
  const leads = spans.flatMap(({ completedCount, medianLeadSeconds }) =>
    medianLeadSeconds === null ? [] : Array.from({ length: completedCount }, () => medianLeadSeconds),
  );
  const lead = leads.toSorted((one, other) => one - other)[Math.floor(leads.length / 2)];
  const figures = [
    { name: 'completed', value: completed.toLocaleString() },
    { name: 'failed', value: sum((span) => span.failedCount).toLocaleString() },
    { name: 'leases lapsed', value: sum((span) => span.expiredCount).toLocaleString() },
    { name: 'from creation to done', value: lead === undefined ? '–' : formatLead(lead) },
    { name: 'waiting now', value: (spans.at(-1)?.readyCount ?? 0).toLocaleString() },
  ];
  return (
    <dl className="figures">
      {figures.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ spans }: { spans: readonly Span[] }) {
  const times = spans.map(({ endsAt }) => Date.parse(endsAt));
  const of = <Value,>(read: (span: Span) => Value) => spans.map(read);
  const count = (value: number) => Math.round(value).toLocaleString();
  return (
    <div className="charts">
      <Chart
        title="Throughput"
        about="Tasks that ended in each span."
        times={times}
        format={count}
        nothing="No task has ended in this time."
        series={[
          { name: 'completed', values: of((span) => span.completedCount), shape: 'bars', tone: 'green' },
          { name: 'failed', values: of((span) => span.failedCount), shape: 'bars', tone: 'red' },
          { name: 'canceled', values: of((span) => span.canceledCount), shape: 'bars', tone: 'gray' },
        ]}
      />
      <Chart
        title="Lead time"
        about="From the creation of a task to its completion, for the tasks that were completed in each span."
        times={times}
        format={(seconds) => (seconds === 0 ? '0' : formatLead(seconds))}
        nothing="No task was completed in this time."
        series={[
          { name: 'half take at most', values: of((span) => span.medianLeadSeconds), shape: 'line', tone: 'accent' },
          { name: 'nine in ten', values: of((span) => span.slowLeadSeconds), shape: 'line', tone: 'gray' },
        ]}
      />
      <Chart
        title="Queue depth"
        about="Tasks at the end of each span: those that were not finished, and of them those that waited for an agent."
        times={times}
        format={count}
        nothing="No task was unfinished when a span ended."
        series={[
          { name: 'unfinished', values: of((span) => span.unfinishedCount), shape: 'area', tone: 'gray' },
          { name: 'ready', values: of((span) => span.readyCount), shape: 'area', tone: 'accent' },
        ]}
      />
      <Chart
        title="Lapsed leases"
        about="Tasks that came back in each span because no heartbeat of their holder came in time."
        times={times}
        format={count}
        nothing="No lease has lapsed in this time."
        series={[{ name: 'lapsed', values: of((span) => span.expiredCount), shape: 'bars', tone: 'amber' }]}
      />
    </div>
  );
}

function formatLead(seconds: number): string {
  return seconds < 1 ? '< 1 s' : formatAge(seconds * 1000);
}

/** What happens, in sentences, newest first: as the feed brings it, and before that as the log has it. */
function Happenings() {
  const { feed } = useSession();
  const recent = useSyncExternalStore(feed.watch, () => feed.recent);
  const list = useLiveList(
    HappeningsDocument,
    {},
    ({ events: { nodes, pageInfo } }) => ({ nodes: nodes.toReversed(), pageInfo }),
    () => false,
  );
  const known = new Set(recent.map(({ cursor }) => cursor));
  const events = [...recent, ...(list.nodes ?? []).filter(({ cursor }) => !known.has(cursor))];
  return (
    <section className="panel">
      <h2>As it happens</h2>
      {list.error && !list.nodes && <Failure error={list.error} onRetry={list.reload} />}
      {list.nodes && events.length === 0 && (
        <Empty title="Nothing has happened yet">Each event appears here in the moment it happens.</Empty>
      )}
      <ol className="list happenings">
        {events.map((event) => (
          <li key={event.cursor}>
            <p>
              <Doer event={event} /> {whatHappened(event, <Subject event={event} />)}
            </p>
            <Ago at={event.occurredAt} />
          </li>
        ))}
      </ol>
      {/* Only when it is asked for: a log has no end that anybody scrolls to. */}
      <More list={list} what="events" isEager={false} />
    </section>
  );
}
