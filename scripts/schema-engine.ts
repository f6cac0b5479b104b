import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import type * as SchemaEngineModule from '@prisma/schema-engine-wasm';
import pg from 'pg';

/** A datamodel as the engine takes it. */
export interface Schema {
  path: string;
  content: string;
}

/**
 * Runs `work` with Prisma's schema engine on the database.
 * It needs no download: it runs as WebAssembly, and speaks to the database through `pg`.
 */
export async function withSchemaEngine<T>(
  options: { databaseUrl: string; schema: Schema },
  work: (engine: SchemaEngineModule.SchemaEngine) => Promise<T>,
): Promise<T> {
  schemaEngineModule ??= loadSchemaEngine();
  const { SchemaEngine } = await schemaEngineModule;
  const pool = new pg.Pool({ connectionString: options.databaseUrl });
  try {
    const adapter = bindMigrationAwareSqlAdapterFactory(catalogAdapter(pool));
    const { path, content } = options.schema;
    return await work(await SchemaEngine.new({ datamodels: [[path, content]] }, () => {}, adapter));
  } finally {
    await pool.end();
  }
}

/** Loaded once: the package's code belongs to the one instance that it was started with last. */
let schemaEngineModule: ReturnType<typeof loadSchemaEngine> | undefined;

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
 * Also, a migration is run as a whole, as Prisma's own tool does: the adapter would cut it at each semicolon, also within
 * the body of a function.
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
    adapter.executeScript = async (text) => {
      await query({ text });
    };
    adapter.queryRaw = async (sql) => {
      const result = await queryRaw(sql);
      const { CharacterArray, Character } = ColumnTypeEnum;
      return { ...result, columnTypes: result.columnTypes.map((type) => (type === CharacterArray ? Character : type)) };
    };
    return adapter;
  };
  return factory;
}
