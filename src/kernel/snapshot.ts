import { createHash } from 'node:crypto';

/** A value as JSON that `thaw` gives back as it was: dates and bigints stay what they are; secrets become null. */
export function freeze(value: unknown): unknown {
  if (value instanceof Date) return { $date: value.toISOString() };
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (value === null || typeof value !== 'object') return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return value.toJSON();
  if (Array.isArray(value)) return value.map(freeze);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key.startsWith('$') ? `$${key}` : key, freeze(item)]),
  );
}

/** The value that `freeze` was given. */
export function thaw(frozen: unknown): unknown {
  if (frozen === null || typeof frozen !== 'object') return frozen;
  if (Array.isArray(frozen)) return frozen.map(thaw);
  if ('$date' in frozen && typeof frozen.$date === 'string') return new Date(frozen.$date);
  if ('$bigint' in frozen && typeof frozen.$bigint === 'string') return BigInt(frozen.$bigint);
  return Object.fromEntries(Object.entries(frozen).map(([key, item]) => [key.startsWith('$$') ? key.slice(1) : key, thaw(item)]));
}

/** SHA-256, hex, of a value as JSON with sorted keys: equal for equal values, whatever the order of their keys. */
export function fingerprint(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(freeze(value))))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
