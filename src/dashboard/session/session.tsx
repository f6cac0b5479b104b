import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { BatonClient } from '../../sdk/baton-client.js';
import { BatonRequestError } from '../../sdk/errors.js';
import { keep, readKept } from '../elements/kept.js';
import { SessionDocument, type SessionQuery, SignOutDocument } from '../generated.js';
import { Feed } from '../live/feed.js';
import { ServerClock } from '../live/server-clock.js';
import { SignIn } from './sign-in.js';
import './session.css';

export interface Session {
  client: BatonClient;
  feed: Feed;
  clock: ServerClock;
  viewer: SessionQuery['viewer'];
  /** Whether there is something to sign out of: open mode has nothing. */
  mayLeave: boolean;
  leave(): void;
  /** Acts in another organization, as the operator may; null for the one of the credential. */
  enter(organization: string | null): void;
}

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('There is no session outside of SessionGate.');
  return session;
}

/** What a tab keeps of its session; it ends with the tab. A cookie is the browser's to keep, and no script sees it. */
const kept = {
  token: 'baton.token',
  organization: 'baton.organization',
} as const;

type Stage =
  | { name: 'connecting' }
  | { name: 'unreachable'; error: Error }
  | { name: 'signed-out'; isOver: boolean }
  | { name: 'ready'; session: Omit<Session, 'leave' | 'enter'> };

/** Shows its children to whom the server knows, and everybody else how to sign in. */
export function SessionGate({ children }: { children: ReactNode }) {
  const [attempt, setAttempt] = useState(0);
  const [stage, setStage] = useState<Stage>({ name: 'connecting' });
  const again = useCallback(() => setAttempt((last) => last + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is the same once more.
  useEffect(() => {
    const ending = new AbortController();
    const client = new BatonClient({
      url: location.origin,
      token: readKept('tab', kept.token) ?? undefined,
      organization: readKept('tab', kept.organization) ?? undefined,
    });
    const clock = new ServerClock();
    const feed = new Feed(client, clock, () => {
      keep('tab', kept.token, null);
      setStage({ name: 'signed-out', isOver: true });
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    open(client, feed, ending.signal).then(
      (viewer) => {
        void clock.keepRight(client, ending.signal);
        const mayLeave = viewer.kind === 'SESSION' || readKept('tab', kept.token) !== null;
        setStage({ name: 'ready', session: { client, feed, clock, viewer, mayLeave } });
      },
      (error: Error) => {
        if (ending.signal.aborted) return;
        if (error instanceof BatonRequestError && !error.isRetriable) {
          const hadToken = readKept('tab', kept.token) !== null;
          keep('tab', kept.token, null);
          keep('tab', kept.organization, null);
          return setStage({ name: 'signed-out', isOver: hadToken });
        }
        setStage({ name: 'unreachable', error });
        timer = setTimeout(again, 2000);
      },
    );
    return () => {
      ending.abort();
      clearTimeout(timer);
      feed.stop();
      void client.close();
    };
  }, [attempt, again]);

  const session = useMemo(() => {
    if (stage.name !== 'ready') return null;
    return {
      ...stage.session,
      leave: async () => {
        const isCookie = stage.session.viewer.kind === 'SESSION' && readKept('tab', kept.token) === null;
        if (isCookie) await stage.session.client.request(SignOutDocument, { input: {} }).catch(() => {});
        keep('tab', kept.token, null);
        keep('tab', kept.organization, null);
        setStage({ name: 'signed-out', isOver: false });
      },
      enter: (organization: string | null) => {
        keep('tab', kept.organization, organization);
        setStage({ name: 'connecting' });
        again();
      },
    };
  }, [stage, again]);

  const enterWith = (token: string | null) => {
    if (token !== null) keep('tab', kept.token, token);
    setStage({ name: 'connecting' });
    again();
  };
  switch (stage.name) {
    case 'ready':
      return <SessionContext value={session}>{children}</SessionContext>;
    case 'signed-out':
      return <SignIn isOver={stage.isOver} onSignedIn={enterWith} />;
    case 'unreachable':
      return (
        <main className="gate">
          <h1>Baton cannot be reached</h1>
          <p role="status">Trying again every two seconds. {stage.error.message}</p>
        </main>
      );
    default:
      return <main className="gate gate-quiet" aria-busy="true" aria-label="Connecting" />;
  }
}

/** Who the credential stands for, with the feed begun before anything else is read. */
async function open(client: BatonClient, feed: Feed, signal: AbortSignal): Promise<SessionQuery['viewer']> {
  const { viewer } = await client.request(SessionDocument, {}, { signal });
  await feed.start();
  return viewer;
}
