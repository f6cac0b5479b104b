/** Where something is kept: with the browser until it is cleared, or with the tab until it is closed. */
type Place = 'browser' | 'tab';

/** What could not be kept, because the browser forbids it or has no room: it lasts as long as the page. */
const unkept: Record<Place, Map<string, string>> = { browser: new Map(), tab: new Map() };

/** Null when nothing is. */
export function readKept(place: Place, key: string): string | null {
  const held = unkept[place].get(key);
  if (held !== undefined) return held;
  try {
    return storageOf(place).getItem(key);
  } catch {
    return null;
  }
}

/** Null for `value` lets go of it. */
export function keep(place: Place, key: string, value: string | null): void {
  unkept[place].delete(key);
  try {
    if (value === null) storageOf(place).removeItem(key);
    else storageOf(place).setItem(key, value);
  } catch {
    if (value !== null) unkept[place].set(key, value);
  }
}

/** A record of texts or truths; an empty one when nothing is kept, or something that is none. */
export function readKeptRecord<Value>(key: string): Record<string, Value> {
  try {
    const value: unknown = JSON.parse(readKept('browser', key) ?? '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, Value>) : {};
  } catch {
    return {};
  }
}

/** Throws where the browser forbids to keep anything. */
function storageOf(place: Place): Storage {
  return place === 'browser' ? localStorage : sessionStorage;
}
