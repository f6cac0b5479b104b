import type pg from 'pg';

/** A table that holds data of Baton. */
export interface ArchivedTable {
  name: string;
  /** Those that are stored: Postgres computes generated ones anew. */
  columns: ArchivedColumn[];
  /** Columns of the order in which rows are read: the primary key, save for the event log. */
  order: ArchivedColumn[];
}

export interface ArchivedColumn {
  name: string;
  /** As SQL writes it, such as `timestamp(3) with time zone`. */
  type: string;
}

export interface ForeignKey {
  table: string;
  name: string;
  /** As SQL writes it after `add constraint`. */
  definition: string;
}

export interface Sequence {
  name: string;
  /** `table.column` that it belongs to; null when it belongs to none. */
  owner: string | null;
}

/** Everything that holds data, as the database itself knows it: a table that is added by a migration is never forgotten. */
export interface Catalog {
  /** A table stands after those that it refers to, save where tables refer to each other in a circle. */
  tables: ArchivedTable[];
  foreignKeys: ForeignKey[];
  sequences: Sequence[];
}

/** Records which migrations were applied: of the database, not of its data. */
const ledger = '_prisma_migrations';

/** The event log is read in its safe order. */
const orders: Record<string, string[]> = { event: ['xid', 'seq'] };

/** Numbers that mean something in one cluster only. Those of the event log are written anew by an import; any other would be wrong. */
const rewritten = new Set(['event.xid', 'event_log_horizon.pruned_xid']);
const clusterTypes = new Set(['xid8', 'xid', 'cid', 'tid', 'oid', 'pg_lsn', 'regclass', 'regproc', 'regtype']);

/** Types in which a value of JSON null and no value at all read the same, or whose text may have line ends. */
const ambiguousTypes = new Set(['json', '_json', '_jsonb']);

/** Reads the catalogue of the current schema. Throws when it has a column that an archive cannot carry. */
export async function readCatalog(client: pg.ClientBase): Promise<Catalog> {
  const { rows: columns } = await client.query<ColumnRow>(columnsQuery, [ledger]);
  const { rows: keys } = await client.query<ForeignKey & { refersTo: string }>(foreignKeysQuery);
  const { rows: sequences } = await client.query<Sequence>(sequencesQuery);
  columns.forEach(requireCarriable);
  const names = [...new Set(columns.map(({ table }) => table))];
  const tables = inOrderOf(keys, names).map((name) =>
    tableOf(
      name,
      columns.filter(({ table }) => table === name),
    ),
  );
  return { tables, foreignKeys: keys.map(({ table, name, definition }) => ({ table, name, definition })), sequences };
}

interface ColumnRow extends ArchivedColumn {
  table: string;
  typeName: string;
  isGenerated: boolean;
  /** Place in the primary key, from 1; null when it is no part of it. */
  keyPosition: number | null;
}

function requireCarriable({ table, name, typeName }: ColumnRow): void {
  const isOfCluster = clusterTypes.has(typeName) && !rewritten.has(`${table}.${name}`);
  if (isOfCluster || ambiguousTypes.has(typeName)) {
    throw new Error(`An archive cannot carry ${table}.${name}: it does not know what a ${typeName} becomes in another database.`);
  }
}

function tableOf(name: string, rows: ColumnRow[]): ArchivedTable {
  const columns = rows.filter(({ isGenerated }) => !isGenerated).map((row) => ({ name: row.name, type: row.type }));
  const key = rows.filter(({ keyPosition }) => keyPosition !== null).sort((a, b) => (a.keyPosition ?? 0) - (b.keyPosition ?? 0));
  const order = (orders[name] ?? key.map((row) => row.name)).map((each) => columns.find((column) => column.name === each));
  if (order.length === 0 || order.includes(undefined)) throw new Error(`The table ${name} has no order: it lacks a primary key.`);
  return { name, columns, order: order as ArchivedColumn[] };
}

/** The tables, each after those that it refers to. */
function inOrderOf(keys: readonly { table: string; refersTo: string }[], names: readonly string[]): string[] {
  const ordered = new Set<string>();
  const visiting = new Set<string>();
  const visit = (name: string) => {
    // A circle: its tables are as good in one order as in another.
    if (ordered.has(name) || visiting.has(name)) return;
    visiting.add(name);
    for (const { table, refersTo } of keys) if (table === name) visit(refersTo);
    ordered.add(name);
  };
  names.forEach(visit);
  return [...ordered];
}

const isOurs = (object: string) => `
  ${object}.relnamespace = current_schema()::regnamespace
  and not exists (
    select from pg_depend where classid = 'pg_class'::regclass and objid = ${object}.oid and deptype = 'e'
  )`;

/** Value: the name of the ledger. */
const columnsQuery = `
  select relation.relname as table, attribute.attname as name, format_type(attribute.atttypid, attribute.atttypmod) as type,
    pg_type.typname as "typeName", attribute.attgenerated <> '' as "isGenerated",
    array_position(string_to_array(pg_index.indkey::text, ' ')::int[], attribute.attnum::int) as "keyPosition"
  from pg_class as relation
  join pg_attribute as attribute on attribute.attrelid = relation.oid and attribute.attnum > 0 and not attribute.attisdropped
  join pg_type on pg_type.oid = attribute.atttypid
  left join pg_index on pg_index.indrelid = relation.oid and pg_index.indisprimary
  where relation.relkind in ('r', 'p') and not relation.relispartition and relation.relname <> $1 and ${isOurs('relation')}
  order by relation.relname, attribute.attnum`;

const foreignKeysQuery = `
  select source.relname as table, target.relname as "refersTo", conname as name, pg_get_constraintdef(pg_constraint.oid) as definition
  from pg_constraint
  join pg_class as source on source.oid = conrelid
  join pg_class as target on target.oid = confrelid
  where contype = 'f' and conparentid = 0 and ${isOurs('source')}
  order by source.relname, conname`;

const sequencesQuery = `
  select sequence.relname as name, owner.relname || '.' || attribute.attname as owner
  from pg_class as sequence
  left join pg_depend on pg_depend.classid = 'pg_class'::regclass and pg_depend.objid = sequence.oid
    and pg_depend.refclassid = 'pg_class'::regclass and pg_depend.deptype in ('a', 'i') and pg_depend.refobjsubid > 0
  left join pg_class as owner on owner.oid = pg_depend.refobjid
  left join pg_attribute as attribute on attribute.attrelid = owner.oid and attribute.attnum = pg_depend.refobjsubid
  where sequence.relkind = 'S' and ${isOurs('sequence')}
  order by sequence.relname`;
