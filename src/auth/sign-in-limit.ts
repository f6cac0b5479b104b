import { RateLimitedError } from './auth.errors.js';

const attemptsMax = 10;
const windowMs = 15 * 60_000;

/** Emails that are remembered at a time; to push one out, an attacker pays for as many password hashes. */
const emailsMax = 10_000;

/**
 * Bounds the guesses at one email's password, in this process: ten in fifteen minutes; the right password starts afresh.
 *
 * It goes by the email alone, since behind a proxy all callers have one address. Whoever guesses keeps the user from
 * signing in meanwhile, though not from going on under a session that is open.
 */
export class SignInLimit {
  readonly #attempts = new Map<string, { count: number; endsAt: number }>();

  /** Counts one attempt before it is made, so that many at once are counted too. Throws RateLimitedError. */
  begin(email: string): void {
    const now = performance.now();
    const known = this.#attempts.get(email);
    const attempts = known && now < known.endsAt ? known : { count: 0, endsAt: now + windowMs };
    if (attempts.count >= attemptsMax) {
      throw new RateLimitedError('Too many attempts to sign in with this email.', Math.ceil((attempts.endsAt - now) / 1000));
    }
    attempts.count += 1;
    this.#attempts.delete(email);
    this.#attempts.set(email, attempts);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size > emailsMax && oldest !== undefined) this.#attempts.delete(oldest);
  }

  succeed(email: string): void {
    this.#attempts.delete(email);
  }
}
