import { type FormEvent, useState } from 'react';
import { BatonClient } from '../../sdk/baton-client.js';
import { Logo } from '../elements/icons.js';
import { SessionDocument, SignInDocument } from '../generated.js';

/** Two ways in: people have a password, whoever runs the server has the admin token. */
export function SignIn({ isOver, onSignedIn }: { isOver: boolean; onSignedIn: (token: string | null) => void }) {
  const [way, setWay] = useState<'password' | 'token'>('password');
  const [problem, setProblem] = useState(isOver ? 'Your sign-in is over, or was not valid. Please sign in again.' : '');
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? '');
    setBusy(true);
    setProblem('');
    try {
      if (way === 'password') {
        const client = new BatonClient({ url: location.origin });
        const { sessionCreate } = await client.request(SignInDocument, {
          input: { email: text('email'), password: text('password') },
        });
        const [error] = sessionCreate.errors;
        if (error) return setProblem(error.message);
        onSignedIn(null);
      } else {
        const token = text('token').trim();
        await new BatonClient({ url: location.origin, token }).request(SessionDocument, {});
        onSignedIn(token);
      }
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };

  return (
    <main className="gate">
      <Logo />
      <h1>Sign in to Baton</h1>
      <div className="gate-ways" role="tablist" aria-label="How to sign in">
        {(['password', 'token'] as const).map((each) => (
          <button
            key={each}
            type="button"
            role="tab"
            id={`way-${each}`}
            aria-controls="sign-in"
            aria-selected={way === each}
            onClick={() => {
              setWay(each);
              setProblem('');
            }}
          >
            {each === 'password' ? 'Email and password' : 'Token'}
          </button>
        ))}
      </div>
      <form id="sign-in" role="tabpanel" aria-labelledby={`way-${way}`} onSubmit={submit}>
        {way === 'password' ? (
          <>
            <label>
              Email
              <input name="email" type="email" autoComplete="username" required />
            </label>
            <label>
              Password
              <input name="password" type="password" autoComplete="current-password" required />
            </label>
          </>
        ) : (
          <label>
            Admin token, API key or session token
            <input name="token" type="password" autoComplete="off" spellCheck={false} required />
            <small>Kept in this tab alone, until you close it.</small>
          </label>
        )}
        {problem && (
          <p className="gate-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="button button-primary" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
