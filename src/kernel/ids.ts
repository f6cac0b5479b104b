import { randomBytes } from 'node:crypto';
import { v7, validate } from 'uuid';

/** Mints a UUIDv7: ordered by time of minting, so that it doubles as the tie-break of every list. */
export function newId(): string {
  return v7();
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
