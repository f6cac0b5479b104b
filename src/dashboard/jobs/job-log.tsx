import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { Failure, Loading } from '../elements/empty.js';
import { JobLogDocument, LogEntryDocument, type LogLineFragment } from '../generated.js';
import { useSession } from '../session/session.js';

const pageSize = 100;

/** What an agent says while it runs a job: the newest at the end, which is kept in view while more comes. */
export function JobLog({ jobId, isRunning }: { jobId: string; isRunning: boolean }) {
  const { client, feed } = useSession();
  const [lines, setLines] = useState<readonly LogLineFragment[]>();
  const [older, setOlder] = useState<string | null>(null);
  const [error, setError] = useState<Error>();
  const [attempt, setAttempt] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);

  const add = (more: readonly LogLineFragment[]) => setLines((last) => merged(last ?? [], more));
  const read = async (before: string | null, signal?: AbortSignal) => {
    const { job } = await client.request(JobLogDocument, { id: jobId, last: pageSize, before }, { signal });
    if (!job) return;
    add(job.logs.nodes);
    setOlder(job.logs.pageInfo.hasPreviousPage ? job.logs.pageInfo.startCursor : null);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is the same once more.
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    setError(undefined);
    const readEntry = async (id: string) => {
      const { node } = await client.request(LogEntryDocument, { id }, { signal });
      if (node?.__typename === 'ExecutionLog') add([node]);
    };
    const stop = feed.listen({
      event: (event) => {
        if (event.__typename !== 'ExecutionLogAppended' || event.log?.job?.id !== jobId) return;
        readEntry(event.log.id).catch((reason) => !signal.aborted && setError(reason));
      },
      reset: () => setAttempt((last) => last + 1),
    });
    read(null, signal).catch((reason) => !signal.aborted && setError(reason));
    return () => {
      ending.abort();
      stop();
    };
  }, [client, feed, jobId, attempt]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: with every line that comes.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && isFollowing.current) element.scrollTop = element.scrollHeight;
  }, [lines]);

  return (
    <section className="panel job-log">
      <header>
        <h2>Log</h2>
        {isRunning && <span className="job-live">follows the run</span>}
      </header>
      {error && <Failure error={error} onRetry={() => setAttempt((last) => last + 1)} />}
      {!lines && !error && <Loading />}
      <div
        className="job-lines"
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard.
        tabIndex={0}
        role="log"
        aria-label="Log of the job"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          isFollowing.current = scrollHeight - scrollTop - clientHeight < 40;
        }}
      >
        {older && (
          <button type="button" className="button" onClick={() => void read(older).catch(setError)}>
            Older lines
          </button>
        )}
        {lines?.length === 0 && <p className="hint">Nothing was logged{isRunning ? ' yet' : ''}.</p>}
        <ol className="list">
          {lines?.map((line) => (
            <li key={line.id} className={line.success === false ? 'job-line-bad' : ''}>
              <time dateTime={line.createdAt}>{new Date(line.createdAt).toLocaleTimeString()}</time>
              <span className="job-step">{line.step}</span>
              <span className="job-text">
                {line.summary}
                {line.rawOutput && <Output text={line.rawOutput} isOpen={!line.summary} />}
              </span>
            </li>
          ))}
        </ol>
      </div>
    </section>
  );
}

function Output({ text, isOpen }: { text: string; isOpen: boolean }) {
  if (isOpen && text.length < 2000) return <pre>{text}</pre>;
  return (
    <details open={isOpen}>
      <summary>Output, {text.length.toLocaleString()} characters</summary>
      <pre>{text}</pre>
    </details>
  );
}

/** Each once, in the order of their ids, which is that of time. */
function merged(one: readonly LogLineFragment[], other: readonly LogLineFragment[]): LogLineFragment[] {
  const all = new Map([...one, ...other].map((line) => [line.id, line]));
  return [...all.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
