import { InvalidCursorError } from '../features/invalid-cursor-error.js';
import { ValidationError } from '../features/validation-error.js';
import { isId } from '../kernel/ids.js';

interface PageArguments {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
}

/**
 * Refuses what cannot name a page of a list: a negative size, both directions at once, or a cursor that is none of ours.
 * Cursors of stored lists are Pothos' own around an id. Throws ValidationError, InvalidCursorError.
 */
export function checkPage(page: PageArguments): void {
  for (const name of ['first', 'last'] as const) {
    const size = page[name];
    if (typeof size === 'number' && size < 0) throw new ValidationError([name], `\`${name}\` must not be negative.`);
  }
  if (typeof page.first === 'number' && typeof page.last === 'number') {
    throw new ValidationError(['last'], 'Give `first` or `last`, not both.');
  }
  for (const name of ['after', 'before'] as const) {
    const cursor = page[name];
    if (cursor && !isListCursor(cursor)) throw new InvalidCursorError(name);
  }
}

function isListCursor(cursor: string): boolean {
  const match = /^GPC:S:(.+)$/.exec(Buffer.from(cursor, 'base64').toString());
  return match?.[1] !== undefined && isId(match[1]);
}
