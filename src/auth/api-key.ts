import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApiKey, ApiKeyScope, Prisma } from '../database/generated/prisma/client.js';
import { isId, newId } from '../kernel/ids.js';
import { Secret } from '../kernel/secret.js';

/** How every key begins, so that a leaked one is recognized for what it is. */
const prefix = 'baton';

/** Mints and stores a key; the answer's secret is the only copy of it. */
export async function issueApiKey(
  prisma: Prisma.TransactionClient,
  key: { organizationId: string; agentId: string | null; name: string; scopes: ApiKeyScope[]; expiresAt?: Date | null },
): Promise<{ apiKey: Omit<ApiKey, 'secretHash'>; secret: Secret }> {
  const id = newId();
  const secret = randomBytes(32).toString('base64url');
  const apiKey = await prisma.apiKey.create({
    data: { ...key, id, secretHash: hashSecret(secret) },
    omit: { secretHash: true },
  });
  return { apiKey, secret: new Secret(`${prefix}_${id.replaceAll('-', '')}_${secret}`) };
}

/** The id and the secret of a key's text; null when it has not the shape of one. */
export function parseApiKey(text: string): { id: string; secret: string } | null {
  const match = /^baton_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/.exec(text);
  if (!match?.[1] || !match[2]) return null;
  const id = match[1].replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return isId(id) ? { id, secret: match[2] } : null;
}

/** What is kept of a secret that is random in itself: 256 bits need no slow hash. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret);
}

/** Compares two texts in a time that says nothing of where they differ. */
export function equalsSafely(a: string, b: string): boolean {
  return areHashesEqual(hashSecret(a), hashSecret(b));
}

/** Compares two hashes in a time that says nothing of where they differ. */
export function areHashesEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
