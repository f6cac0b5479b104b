import { randomBytes } from 'node:crypto';
import { Secret } from '../kernel/secret.js';
import { hashSecret } from './api-key.js';

/** Mints a session's token; the hash is what is kept of it. */
export function mintSessionToken(): { token: Secret; tokenHash: string } {
  const token = `baton_session_${randomBytes(32).toString('base64url')}`;
  return { token: new Secret(token), tokenHash: hashSecret(token) };
}

export function isSessionToken(text: string): boolean {
  return /^baton_session_[A-Za-z0-9_-]{43}$/.test(text);
}
