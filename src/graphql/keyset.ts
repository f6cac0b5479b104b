/** What plugin-prisma asks of a stored list: so many rows from a cursor's row on, without that row itself. */
export interface PageQuery {
  take?: number | undefined;
  skip?: number | undefined;
  cursor?: object | undefined;
}

/**
 * The page of a list that is ordered by id, as the rows beyond the cursor's id.
 *
 * Prisma's own way begins at the cursor's row and skips one; when that row has left the list meanwhile, such as a task that
 * was claimed since the page before, it skips another row, which no page would ever show.
 */
export function pageById<Query extends PageQuery, Where extends object>(query: Query, where: Where, order: 'asc' | 'desc') {
  const id = cursorId(query);
  const { cursor: _, skip: __, ...page } = query;
  const isUpwards = (order === 'asc') === (query.take ?? 1) >= 0;
  const beyond = id === null ? {} : { id: isUpwards ? { gt: id } : { lt: id } };
  return { ...page, where: { AND: [where, beyond] }, orderBy: { id: order } };
}

/** The row that a page begins behind; null for a first page. */
function cursorId({ cursor }: PageQuery): string | null {
  if (!cursor) return null;
  const key = 'organizationId_id' in cursor ? cursor.organizationId_id : cursor;
  return (key as { id: string }).id;
}
