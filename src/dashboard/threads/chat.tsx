import { type FormEvent, type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { unwrap } from '../../sdk/errors.js';
import { Avatar } from '../elements/avatar.js';
import { Failure, Loading } from '../elements/empty.js';
import { CloseIcon } from '../elements/icons.js';
import { hasContent, Json } from '../elements/json.js';
import { Markdown } from '../elements/markdown.js';
import { useNotices } from '../elements/notices.js';
import { type ChatMessageFragment, PostMessageDocument, ThreadDocument } from '../generated.js';
import { useSession } from '../session/session.js';
import { useReadMark } from './thread-list.js';
import './chat.css';

const pageSize = 50;

/** Milliseconds between two messages of one sender that still count as one breath. */
const breathMs = 3 * 60_000;

/** A thread's messages, with a field to write another. */
export function Chat({ threadId }: { threadId: string }) {
  const { messages, hasOlder, loadOlder, error, reload, put } = useMessages(threadId);
  const { client, viewer } = useSession();
  const notices = useNotices();
  const [text, setText] = useState('');
  const [answered, setAnswered] = useState<ChatMessageFragment | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const scroller = useStickyScroll(messages);
  useReadMark(threadId, messages?.at(-1)?.id);

  const post = async () => {
    const said = text.trim();
    if (!said || isBusy) return;
    setBusy(true);
    try {
      const input = { threadId, type: 'text', payload: { text: said }, replyToId: answered?.id };
      const { message } = unwrap((await client.request(PostMessageDocument, { input })).messagePost);
      if (message) put(message);
      setText('');
      setAnswered(null);
    } catch (reason) {
      notices.complain(reason);
    }
    setBusy(false);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void post();
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void post();
  };

  return (
    <div className="chat">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard. */}
      <div className="chat-scroll" ref={scroller} tabIndex={0} role="log" aria-label="Messages">
        {error && <Failure error={error} onRetry={reload} />}
        {!messages && !error && <Loading />}
        {hasOlder && (
          <button type="button" className="button chat-older" onClick={loadOlder}>
            Older messages
          </button>
        )}
        {messages?.length === 0 && <p className="chat-none">Nothing was said yet.</p>}
        <ol className="list">
          {messages?.map((message, index) => (
            <Message
              key={message.id}
              message={message}
              previous={messages[index - 1]}
              isOwn={viewer.actor !== null && message.sender?.id === viewer.actor.id}
              onAnswer={() => {
                setAnswered(message);
                field.current?.focus();
              }}
            />
          ))}
        </ol>
      </div>
      <form className="chat-form" onSubmit={onSubmit}>
        {answered && (
          <p className="chat-answered">
            Answering {answered.senderName}: <span>{plainTextOf(answered.payload) ?? 'a message'}</span>
            <button type="button" className="icon-button" aria-label="Answer nobody" onClick={() => setAnswered(null)}>
              <CloseIcon />
            </button>
          </p>
        )}
        <textarea
          ref={field}
          rows={1}
          aria-label="Your message"
          placeholder="Write a message"
          value={text}
          maxLength={20_000}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button type="submit" className="button button-primary" disabled={isBusy || text.trim() === ''}>
          Send
        </button>
      </form>
    </div>
  );
}

function Message({
  message,
  previous,
  isOwn,
  onAnswer,
}: {
  message: ChatMessageFragment;
  previous: ChatMessageFragment | undefined;
  isOwn: boolean;
  onAnswer: () => void;
}) {
  const { sender, senderName, createdAt, payload, type, replyTo } = message;
  const isNewDay = !previous || dayOf(previous.createdAt) !== dayOf(createdAt);
  const isContinued =
    !isNewDay &&
    !replyTo &&
    previous.senderName === senderName &&
    previous.sender?.id === sender?.id &&
    Date.parse(createdAt) - Date.parse(previous.createdAt) < breathMs;
  const text = textOf(payload);
  return (
    <>
      {isNewDay && (
        <li className="chat-day">
          <time dateTime={createdAt}>{dayOf(createdAt)}</time>
        </li>
      )}
      <li className={`message ${isContinued ? 'message-continued' : ''} ${isOwn ? 'message-own' : ''}`}>
        {!isContinued && <Avatar name={senderName} isAgent={sender?.__typename === 'Agent'} />}
        <div className="message-body">
          {!isContinued && (
            <p className="message-head">
              <strong>{senderName}</strong>
              {!['note', 'text'].includes(type) && <span className={`tag message-${type}`}>{type}</span>}
              <time dateTime={createdAt} title={new Date(createdAt).toLocaleString()}>
                {new Date(createdAt).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}
              </time>
            </p>
          )}
          {replyTo && (
            <blockquote className="message-reply">
              <strong>{replyTo.senderName}</strong> {plainTextOf(replyTo.payload) ?? '…'}
            </blockquote>
          )}
          {text !== null ? (
            <Markdown text={text} />
          ) : hasContent(payload) ? (
            <Json value={payload} />
          ) : (
            <p className="hint">no words</p>
          )}
        </div>
        <button type="button" className="message-answer" onClick={onAnswer}>
          Answer<span className="visually-hidden"> {senderName}</span>
        </button>
      </li>
    </>
  );
}

/** What of a message's payload is for people, by convention. */
function textOf(payload: unknown): string | null {
  const { text } = (payload ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : null;
}

/** The same without the marks of Markdown, for a line where there is no room for more. */
export function plainTextOf(payload: unknown): string | null {
  return textOf(payload)?.replaceAll(/[*_`~]+|^(#+|>|[-+]|\d+\.) /gm, '') ?? null;
}

function dayOf(instant: string): string {
  return new Date(instant).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
}

/** The newest messages, and older ones as they are asked for, kept right by the feed. */
function useMessages(threadId: string) {
  const { client, feed } = useSession();
  const [state, setState] = useState<{ messages: readonly ChatMessageFragment[]; cursor: string | null; hasOlder: boolean }>();
  const [error, setError] = useState<Error>();
  const [attempt, setAttempt] = useState(0);
  const put = (...more: ChatMessageFragment[]) =>
    setState((last) => ({ cursor: null, hasOlder: false, ...last, messages: merged(last?.messages ?? [], more) }));
  const read = async (before: string | null, signal?: AbortSignal) => {
    const { thread } = await client.request(ThreadDocument, { id: threadId, last: pageSize, before }, { signal });
    if (!thread) return;
    const { nodes, pageInfo } = thread.messages;
    setState((last) => ({
      messages: merged(last?.messages ?? [], nodes),
      cursor: pageInfo.startCursor,
      hasOlder: pageInfo.hasPreviousPage,
    }));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is the same once more.
  useEffect(() => {
    const ending = new AbortController();
    setState(undefined);
    setError(undefined);
    const stop = feed.listen({
      event: (event) => event.__typename === 'MessagePosted' && event.message.thread.id === threadId && put(event.message),
      reset: () => setAttempt((last) => last + 1),
    });
    read(null, ending.signal).catch((reason) => !ending.signal.aborted && setError(reason));
    return () => {
      ending.abort();
      stop();
    };
  }, [client, feed, threadId, attempt]);
  return {
    messages: state?.messages,
    hasOlder: state?.hasOlder ?? false,
    loadOlder: () => void read(state?.cursor ?? null).catch(setError),
    error,
    reload: () => setAttempt((last) => last + 1),
    put,
  };
}

/** Each once, in the order of their ids, which is that of time. */
function merged(one: readonly ChatMessageFragment[], other: readonly ChatMessageFragment[]): ChatMessageFragment[] {
  const all = new Map([...one, ...other].map((message) => [message.id, message]));
  return [...all.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Keeps the newest in view for who was looking at it, and the place of who was reading further up. */
function useStickyScroll(messages: readonly ChatMessageFragment[] | undefined) {
  const scroller = useRef<HTMLDivElement>(null);
  const wasAtEnd = useRef(true);
  const first = messages?.[0]?.id;
  const last = useRef<{ first: string | undefined; height: number }>({ first: undefined, height: 0 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !messages) return;
    const isOlder = last.current.first !== undefined && last.current.first !== first;
    if (isOlder) element.scrollTop += element.scrollHeight - last.current.height;
    else if (wasAtEnd.current) element.scrollTop = element.scrollHeight;
    last.current = { first, height: element.scrollHeight };
  }, [messages, first]);
  useEffect(() => {
    const element = scroller.current;
    const note = () => {
      if (element) wasAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    };
    element?.addEventListener('scroll', note, { passive: true });
    return () => element?.removeEventListener('scroll', note);
  }, []);
  return scroller;
}
