import type { Sql, Statement } from './database.js';

type LockableTable = 'actor' | 'api_key' | 'decision' | 'plan' | 'project' | 'project_note' | 'task' | 'thread';

/** Tables that hot writes refer to: they must not wait for somebody who changes such a row, and leaves its id alone. */
const referredTables: readonly LockableTable[] = ['actor', 'task'];

/** Holds one row until the transaction ends, so that what is read of it next is still true when it is written. Does nothing when there is no such row. */
export async function lockRow(tx: Sql, table: LockableTable, organizationId: string, id: string): Promise<void> {
  const strength = referredTables.includes(table) ? 'no key update' : 'update';
  const statement: Statement = {
    name: `lock-${table}`,
    text: `select id from ${table} where id = $1::uuid and organization_id = $2::uuid for ${strength}`,
  };
  await tx.query(statement, [id, organizationId]);
}

/** For a name that must be unique over all organizations. */
export const anyOrganization = '';

/** Lets one transaction at a time create what `name` names; the others wait until it has ended. */
export async function lockName(tx: Sql, organizationId: string, name: string): Promise<void> {
  const statement: Statement = {
    name: 'lock-name',
    text: 'select pg_advisory_xact_lock(hashtextextended($1 || $2, 0)) is null as locked',
  };
  await tx.query(statement, [organizationId, name]);
}
