/**
 * A place in the event log, right behind one event: the writing transaction and the event's number within the log.
 * Compared by `xid` first. Clients see it as opaque text.
 */
export interface LogPosition {
  xid: bigint;
  seq: bigint;
}

/** Compares two places: negative when `a` comes before `b`, zero when they are the same. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.xid !== b.xid) return a.xid < b.xid ? -1 : 1;
  if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1;
  return 0;
}

/** The text a client keeps to resume after this place. */
export function encodeCursor(position: LogPosition): string {
  return Buffer.from(`e1:${position.xid}:${position.seq}`).toString('base64url');
}

/** The place a client's cursor names; null when the text is not a cursor of ours. */
export function decodeCursor(cursor: string): LogPosition | null {
  const match = /^e1:(\d{1,20}):(\d{1,19})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match?.[1] || !match[2]) return null;
  const position = { xid: BigInt(match[1]), seq: BigInt(match[2]) };
  return position.xid <= 18446744073709551615n && position.seq <= 9223372036854775807n ? position : null;
}
