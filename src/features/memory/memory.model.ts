import { createHash } from 'node:crypto';

/** Characters of one document. */
export const documentLengthMax = 100_000;

/** Documents that one call may index or delete. */
export const documentsMax = 100;

/** Queries that one search may ask. */
export const queriesMax = 50;

/** Hits for each query, unless the caller says otherwise. */
export const hitsDefault = 5;
export const hitsMax = 50;

/** SHA-256 of a document, hex: within a project, the same text is the same document. */
export function contentHash(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

/**
 * What a project remembers before anybody has told it anything, so that whoever asks gets something.
 * Source: contracts.md, trap 27.
 */
export function projectSummary({ name, description }: { name: string; description: string | null }): string {
  return `Project: ${name}. ${description ?? ''}`.trim().slice(0, documentLengthMax);
}

const partLength = 2000;
const partOverlap = 200;

/**
 * A document as an embedding model takes it: parts of at most 2000 characters, which is less than the 512 tokens that small
 * models read, each beginning with the end of the one before, so that no sentence is cut everywhere.
 */
export function partsOf(body: string): string[] {
  const parts: string[] = [];
  for (let start = 0; ; ) {
    const rest = body.slice(start, start + partLength);
    if (start + partLength >= body.length) return [...parts, rest];
    const lastBlank = rest.search(/\s\S*$/);
    const end = lastBlank > partLength / 2 ? lastBlank : partLength;
    parts.push(rest.slice(0, end));
    start += end - partOverlap;
  }
}

/** The vector with length 1; a zero vector stays one. */
export function unitVector(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((element) => element / length) : [...vector];
}

/** One bit for each element: whether it is positive. */
export function signsOf(vector: readonly number[]): string {
  return vector.map((element) => (element > 0 ? '1' : '0')).join('');
}
