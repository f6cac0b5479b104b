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

/** The session's token in a `Cookie` header, in the first of the cookies of these names that has one; null when there is none. */
export function sessionTokenIn(cookieHeader: string, names: readonly string[] = [cookieName]): string | null {
  const cookies = cookieHeader.split(';').map((pair) => pair.trim().split('=', 2));
  const tokens = names.map((name) => cookies.find(([each, value]) => each === name && value)?.[1]);
  return tokens.find((token) => token !== undefined) ?? null;
}

/** A `Cookie` header that has the session's token alone. */
export function sessionCookieOf(token: string): string {
  return `${cookieName}=${token}`;
}

/** The cookies in which the web application that older clients belong to keeps a session; ours first. */
export const olderSessionCookies = [
  cookieName,
  '__Secure-next-auth.session-token',
  'next-auth.session-token',
  '__Secure-authjs.session-token',
  'authjs.session-token',
];
