/** The row of each id, in the order of the ids, which may be written in any case; null where there is none. For statements that many share. */
export function rowsOf<Row extends { id: string }>(ids: readonly string[], rows: readonly Row[]): (Row | null)[] {
  const rowOf = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => rowOf.get(id.toLowerCase()) ?? null);
}
