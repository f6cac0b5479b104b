import type { Secret } from '../kernel/secret.js';

const cookieName = 'baton_session';

/**
 * Always `Secure`: browsers then send it over https, whatever proxy ends it, and over http to a loopback address, and the
 * server need not be told which it is. Plain http to any other address is no place for a session; use the token there.
 */
const attributes = 'HttpOnly; Secure; SameSite=Lax; Path=/';

/** The `Set-Cookie` header that signs a browser in. */
export function sessionCookie(token: Secret, maxAgeSeconds: number): string {
  return `${cookieName}=${token.reveal()}; ${attributes}; Max-Age=${maxAgeSeconds}`;
}

/** The `Set-Cookie` header that signs a browser out. */
export const endedSessionCookie = `${cookieName}=; ${attributes}; Max-Age=0`;

/** The session's token in a `Cookie` header; null when there is none. */
export function sessionTokenIn(cookieHeader: string): string | null {
  for (const pair of cookieHeader.split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === cookieName && value) return value;
  }
  return null;
}
