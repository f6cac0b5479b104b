import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from 'react';
import { CloseIcon } from './icons.js';

interface Notice {
  id: number;
  tone: 'good' | 'bad';
  text: string;
}

export interface Notices {
  /** Shows a sentence for a while, and reads it out. */
  tell(text: string): void;
  /** The same for what went wrong, which stays longer. */
  complain(error: unknown): void;
}

const NoticesContext = createContext<Notices | null>(null);

export function useNotices(): Notices {
  const notices = useContext(NoticesContext);
  if (!notices) throw new Error('There are no notices outside of NoticeBoard.');
  return notices;
}

const shownMs = { good: 4000, bad: 9000 };

export function NoticeBoard({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<Notice[]>([]);
  const nextId = useRef(1);
  const drop = useCallback((id: number) => setNotices((all) => all.filter((notice) => notice.id !== id)), []);
  const api = useMemo(() => {
    const add = (tone: Notice['tone'], text: string) => {
      const id = nextId.current++;
      setNotices((all) => [...all.slice(-2), { id, tone, text }]);
      setTimeout(() => drop(id), shownMs[tone]);
    };
    return {
      tell: (text: string) => add('good', text),
      complain: (error: unknown) => add('bad', withoutCode(error instanceof Error ? error.message : String(error))),
    };
  }, [drop]);
  return (
    <NoticesContext value={api}>
      {children}
      <div className="notices" aria-live="polite">
        {notices.map(({ id, tone, text }) => (
          <div key={id} className={`notice notice-${tone}`}>
            <p>{text}</p>
            <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => drop(id)}>
              <CloseIcon />
            </button>
          </div>
        ))}
      </div>
    </NoticesContext>
  );
}

/** The SDK puts the code of an error before its sentence; people have the sentence. */
function withoutCode(message: string): string {
  return message.replaceAll(/^[A-Z_]+: /gm, '');
}
