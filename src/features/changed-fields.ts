import { fingerprint } from '../kernel/snapshot.js';

/** The fields of an update that differ from the row; undefined leaves a field as it is. The keys of JSON may stand in any order. */
export function changedFields<Row extends object>(row: Row, update: Partial<Record<keyof Row, unknown>>): (keyof Row)[] {
  return (Object.keys(update) as (keyof Row)[]).filter(
    (name) => update[name] !== undefined && fingerprint(update[name]) !== fingerprint(row[name]),
  );
}

/** The named fields of a row, as an event keeps them. */
export function pick<Row extends object>(row: Row, names: (keyof Row)[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, row[name]]));
}
