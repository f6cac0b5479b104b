import { randomBytes, randomFillSync } from 'node:crypto';
import { v7, validate } from 'uuid';

/** Random bytes are drawn for many ids at a time: to ask for sixteen costs several times what the rest of an id does. */
const randomPool = new Uint8Array(256 * 16);
let randomUsed = randomPool.length;

/** The millisecond of the newest id, and the number that orders the ids of one millisecond. */
const newest = { msecs: 0, seq: 0 };

/** Mints a UUIDv7: ordered by time of minting, so that it doubles as the tie-break of every list. */
export function newId(): string {
  if (randomUsed === randomPool.length) {
    randomFillSync(randomPool);
    randomUsed = 0;
  }
  const random = randomPool.subarray(randomUsed, randomUsed + 16);
  randomUsed += 16;
  const now = Date.now();
  if (now > newest.msecs) {
    newest.msecs = now;
    // Half of the range is left for those that follow within the millisecond.
    newest.seq = new DataView(random.buffer, random.byteOffset).getUint32(0) >>> 1;
  } else {
    newest.seq += 1;
  }
  return v7({ random, ...newest });
}

/** Whether the text has the shape of an id of ours; anything else cannot name a thing we hold. */
export function isId(text: string): boolean {
  return validate(text);
}

/** The id, or one that names nothing when the text cannot be an id: for lists that are filtered by it. */
export function idOrNone(text: string): string {
  return isId(text) ? text : '00000000-0000-0000-0000-000000000000';
}

/** Mints an id of the shape that the orchestrator dialect knows (a cuid): `c` and 24 random letters and digits. */
export function newPublicId(): string {
  const digits = BigInt(`0x${randomBytes(16).toString('hex')}`).toString(36);
  return `c${digits.padStart(25, '0').slice(-24)}`;
}
