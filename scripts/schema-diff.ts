import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type * as SchemaEngineModule from '@prisma/schema-engine-wasm';
import pg from 'pg';

/**
 * The SQL that turns the schema of the database into the one of the datamodel; null when they are the same already.
 * Needs no download: Prisma's schema engine runs as WebAssembly and speaks to the database through `pg`.
 */
export async function diffToDatamodel(databaseUrl: string, datamodelFile: string): Promise<string | null> {
  const schema = { path: path.basename(datamodelFile), content: await readFile(datamodelFile, 'utf8') };
  const { SchemaEngine } = await loadSchemaEngine();
  const pool = new pg.Pool({ connectionString: databaseUrl });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(catalogAdapter(pool));
    const engine = await SchemaEngine.new({ datamodels: [[schema.path, schema.content]] }, () => {}, adapter);
    const { exitCode, stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files: [schema], configDir: path.dirname(datamodelFile) },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return exitCode === 0 ? null : stdout;
  } finally {
    await pool.end();
  }
}

interface WasmExports {
  __wbindgen_start(): void;
}

/** What is used of a global that the types of Node 20 leave to the DOM's. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: WasmExports } }>;
};

/** The package's own entry expects a bundler that can import `.wasm` files, so the parts are put together here. */
async function loadSchemaEngine(): Promise<typeof SchemaEngineModule> {
  const glue = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as typeof SchemaEngineModule & {
    __wbg_set_wasm(exports: WasmExports): void;
  };
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return glue;
}

/** The one-byte type "char", which catalogs use, and the array type that stands in for it below. */
const characterType = 18;
const characterArrayType = 1002;

/**
 * Prisma's adapter, taught the one-byte type "char": the engine reads it from the catalogs, and the adapter refuses it.
 * It passes as the array of it, which the adapter takes and the engine never reads, and gets its own name back behind it.
 */
function catalogAdapter(pool: pg.Pool): PrismaPg {
  const query = pool.query.bind(pool) as (config: pg.QueryConfig) => Promise<pg.QueryResult>;
  pool.query = (async (config: pg.QueryConfig) => {
    const result = await query(config);
    for (const field of result.fields) if (field.dataTypeID === characterType) field.dataTypeID = characterArrayType;
    return result;
  }) as typeof pool.query;

  const factory = new PrismaPg(pool);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (sql) => {
      const result = await queryRaw(sql);
      const { CharacterArray, Character } = ColumnTypeEnum;
      return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
    };
    return adapter;
  };
  return factory;
}
