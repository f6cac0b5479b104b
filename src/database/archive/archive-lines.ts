import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ArchiveError } from './archive-error.js';

/** A line is one row; Postgres cannot hold much larger ones. */
const lineBytesMax = 268_435_456;
const lineFeed = 0x0a;
const gzipMark = 0x1f;
const cutOff = 'The archive is cut off: copy the whole of it, or export it again.';

/** A line of an archive. */
export interface ArchiveLine {
  /** From 1. */
  number: number;
  /** Without its line end. */
  text: string;
  /** SHA-256, hex, of everything before this line. Dear: ask for it once. */
  hashBefore(): string;
}

/** Reads an archive line by line, also a compressed one. Throws ArchiveError when it is damaged, or ends in the middle of a line. */
export async function* readLines(source: Readable): AsyncGenerator<ArchiveLine, void> {
  const hash = createHash('sha256');
  let number = 0;
  try {
    for await (const bytes of splitLines(await decompressed(source))) {
      number += 1;
      yield { number, text: bytes.toString('utf8'), hashBefore: () => hash.copy().digest('hex') };
      hash.update(bytes).update('\n');
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') throw new ArchiveError(cutOff, { cause: error });
    if (code?.startsWith('Z_'))
      throw new ArchiveError(`The archive is damaged after line ${number}. Copy it again.`, { cause: error });
    throw error;
  }
}

/** By line feeds alone: text of a row may have every other character that ends a line for somebody. */
async function* splitLines(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      pieces.push(chunk.subarray(start, end));
      yield pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
      pieces = [];
      size = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > lineBytesMax) throw new ArchiveError('This is no archive of Baton: it has a line without an end.');
  }
  if (size > 0) throw new ArchiveError(cutOff);
}

/** Compressed files are known by their first byte, whatever they are called. */
async function decompressed(source: Readable): Promise<Readable> {
  await once(source, 'readable');
  const start: Buffer | null = source.read();
  if (start) source.unshift(start);
  if (start?.[0] !== gzipMark) return source;
  const gunzip = createGunzip();
  // What goes wrong with the source comes out of its reader.
  pipeline(source, gunzip, () => {});
  return gunzip;
}
