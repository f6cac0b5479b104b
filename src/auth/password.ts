import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../kernel/secret.js';
import { RateLimitedError } from './auth.errors.js';

/** What one guess costs: 32 MiB of memory and some 60 ms of a core. Raising it leaves the hashes that exist valid. */
const cost = { N: 2 ** 15, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;

/** Runs at a time in this process, so that signing in leaves cores and memory to the rest. */
const runsMax = 2;
/** Runs that may wait for their turn; they take about two seconds together. */
const waitingMax = 64;

/** Stands in for the hash of a user who does not exist, so that an unknown email takes as long as a wrong password. */
const nobodysHash = encode(cost, Buffer.alloc(saltBytes), Buffer.alloc(hashBytes));

/** What is kept of a password: `scrypt$N$r$p$salt$hash`. */
export async function hashPassword(password: Secret): Promise<string> {
  const salt = randomBytes(saltBytes);
  return encode(cost, salt, await derive(password, salt, cost));
}

/** Whether it is the password that was hashed; false, after the same time, when there is no hash. Throws RateLimitedError. */
export async function isPassword(password: Secret, encoded: string | null): Promise<boolean> {
  const [, N, r, p, salt, hash] = (encoded ?? nobodysHash).split('$');
  if (!salt || !hash) throw new Error('a password hash is malformed');
  const derived = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
  return timingSafeEqual(derived, Buffer.from(hash, 'base64url')) && encoded !== null;
}

function encode({ N, r, p }: typeof cost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

let runs = 0;
const waiting: (() => void)[] = [];

async function derive(password: Secret, salt: Buffer, { N, r, p }: typeof cost): Promise<Buffer> {
  if (waiting.length >= waitingMax) throw new RateLimitedError('Too many people sign in at once.', 5);
  if (runs >= runsMax) await new Promise<void>((resolve) => waiting.push(resolve));
  else runs += 1;
  try {
    return await scryptAsync(password.reveal(), salt, { N, r, p, maxmem: 256 * N * r });
  } finally {
    // The turn goes straight to the next in line.
    const next = waiting.shift();
    if (next) next();
    else runs -= 1;
  }
}

function scryptAsync(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
