import { type FormEvent, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { unwrap } from '../../sdk/errors.js';
import { Avatar } from '../elements/avatar.js';
import { Dialog } from '../elements/dialog.js';
import { Empty, Failure, Loading } from '../elements/empty.js';
import { ChevronIcon, PlusIcon } from '../elements/icons.js';
import { More } from '../elements/more.js';
import { useNotices } from '../elements/notices.js';
import { Ago } from '../elements/time.js';
import { OpenThreadDocument, ThreadHeadDocument } from '../generated.js';
import { useLiveQuery } from '../live/use-live-query.js';
import { useSession } from '../session/session.js';
import { Chat, plainTextOf } from './chat.js';
import { type ThreadListing, useThreads } from './thread-list.js';
import './threads-page.css';

/** Threads beside the one that is read; on a phone, one or the other. */
export default function ThreadsPage({ id }: { id: string | undefined }) {
  const { threads, list } = useThreads();
  const [isOpening, setOpening] = useState(false);
  return (
    <main className={`threads ${id ? 'threads-reading' : ''}`}>
      <section className="threads-list" aria-label="Threads">
        <header>
          <h1>Threads</h1>
          <button
            type="button"
            className="icon-button"
            aria-label="New thread"
            title="New thread"
            onClick={() => setOpening(true)}
          >
            <PlusIcon />
          </button>
        </header>
        {!threads && (list.error ? <Failure error={list.error} onRetry={list.reload} /> : <Loading />)}
        {threads?.length === 0 && (
          <Empty title="No threads yet">People and agents talk in threads, about a task, a project or anything.</Empty>
        )}
        <ul className="list">
          {threads?.map((listing) => (
            <li key={listing.thread.id}>
              <Item listing={listing} isCurrent={listing.thread.id === id} />
            </li>
          ))}
        </ul>
        <More list={list} what="threads" />
        {threads && threads.length > 0 && (
          <p className="hint threads-about">A dot marks what was said since you last looked, as this browser knows it.</p>
        )}
      </section>
      <section className="threads-open" aria-label="The thread">
        {id ? (
          <Opened key={id} id={id} />
        ) : (
          threads && threads.length > 0 && <Empty title="No thread is open">Choose one to read it and to take part.</Empty>
        )}
      </section>
      {isOpening && <OpenThread onClose={() => setOpening(false)} />}
    </main>
  );
}

function Item({ listing: { thread, isUnread }, isCurrent }: { listing: ThreadListing; isCurrent: boolean }) {
  const [last] = thread.messages.nodes;
  return (
    <Link
      href={`/ui/threads/${thread.id}`}
      className={`thread ${isUnread ? 'thread-unread' : ''}`}
      aria-current={isCurrent ? 'page' : undefined}
    >
      <Avatar name={last?.senderName ?? thread.title ?? '#'} isAgent={last?.sender?.__typename === 'Agent'} />
      <span className="thread-text">
        <span className="thread-title">{thread.title ?? thread.task?.title ?? 'Untitled'}</span>
        <span className="thread-last">
          {last ? `${last.senderName}: ${plainTextOf(last.payload) ?? last.type}` : 'Nothing was said yet.'}
        </span>
      </span>
      <span className="thread-when">
        <Ago at={last?.createdAt ?? thread.createdAt} />
        {isUnread && (
          <span className="thread-dot">
            <span className="visually-hidden">unread</span>
          </span>
        )}
      </span>
    </Link>
  );
}

function Opened({ id }: { id: string }) {
  const { data, error, reload } = useLiveQuery(ThreadHeadDocument, { id }, () => false);
  if (!data) return error ? <Failure error={error} onRetry={reload} /> : <Loading />;
  const { thread } = data;
  if (!thread) return <Empty title="There is no such thread">It may be of another organization.</Empty>;
  const creator = thread.createdBy?.name ?? thread.createdByLabel;
  return (
    <>
      <header className="threads-head">
        <Link className="icon-button threads-back" href="/ui/threads" aria-label="All threads">
          <ChevronIcon />
        </Link>
        <div>
          <h2>{thread.title ?? thread.task?.title ?? 'Untitled'}</h2>
          <p className="hint">
            {thread.task && (
              <>
                about <Link href={`/ui/tasks/${thread.task.id}`}>{thread.task.title}</Link>,{' '}
              </>
            )}
            {thread.project && <>in {thread.project.name}, </>}
            opened <Ago at={thread.createdAt} />
            {creator && ` by ${creator}`}
          </p>
        </div>
      </header>
      <Chat threadId={id} />
    </>
  );
}

function OpenThread({ onClose }: { onClose: () => void }) {
  const { client } = useSession();
  const notices = useNotices();
  const [, navigate] = useLocation();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get('title') ?? '').trim();
    try {
      const { thread } = unwrap((await client.request(OpenThreadDocument, { input: { title } })).threadCreate);
      onClose();
      if (thread) navigate(`/ui/threads/${thread.id}`);
    } catch (error) {
      notices.complain(error);
    }
  };
  return (
    <Dialog title="New thread" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <label>
          What is it about?
          <input name="title" required maxLength={500} />
        </label>
        <div className="form-actions">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button button-primary">
            Open
          </button>
        </div>
      </form>
    </Dialog>
  );
}
