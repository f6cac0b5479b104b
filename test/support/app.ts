import pg from 'pg';
import { onTestFinished } from 'vitest';
import { type AppOptions, startApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { BatonClient } from '../../src/sdk/baton-client.js';
import { captureLog } from './captured-log.js';
import { createTestDatabase } from './postgres.js';

/** A server of the test's own, on a database of its own, reached as its users reach it. */
export interface TestApp {
  url: string;
  databaseUrl: string;
  /** What the server has logged. */
  logLines: string[];
  /** A client with this credential; without one, as anybody in open mode. */
  client(options?: { token?: string | undefined; organization?: string | undefined }): BatonClient;
  /** Looks into the database, or changes what no face can. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Moves time on: every instant that the server compares with the database's clock lies this much further back. */
  elapse(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The environment of a test's server: everything of its own, quick about what it would wait for, and without what two
 * answers that are alike would differ in.
 */
export function testEnvironment(databaseUrl: string, variables: Record<string, string> = {}): Record<string, string> {
  const own = { DATABASE_URL: databaseUrl, PORT: '0', DATABASE_POOL_SIZE: '10', SHUTDOWN_DRAIN_MS: '0' };
  return { ...own, GRAPHQL_COST_LIMIT_PER_MINUTE: '0', ...variables };
}

export interface TestAppOptions extends Omit<AppOptions, 'logger'> {
  /** The database of another test server, to be its replica. */
  databaseUrl?: string;
}

/** Starts a server; whoever calls stops it. */
export async function startTestApp(variables: Record<string, string> = {}, options: TestAppOptions = {}): Promise<TestApp> {
  const { databaseUrl, ...appOptions } = options;
  const place = databaseUrl ? { url: databaseUrl, drop: async () => {} } : await createTestDatabase();
  const { logger, lines: logLines } = captureLog(variables.LOG_LEVEL);
  const app = await startApp(loadConfig(testEnvironment(place.url, variables)), { ...appOptions, logger });
  const pool = new pg.Pool({ connectionString: place.url, max: 4 });
  // Dropping the database may cut a connection that is still on its way out; unheard, that would fail the file.
  pool.on('error', () => {});
  const clients: BatonClient[] = [];
  const sql: TestApp['sql'] = async (text, values) => (await pool.query(text, values)).rows as never;
  return {
    url: app.url,
    databaseUrl: place.url,
    logLines,
    sql,
    client: (clientOptions = {}) => {
      const client = new BatonClient({ url: app.url, ...clientOptions });
      clients.push(client);
      return client;
    },
    elapse: (seconds) => elapse(sql, seconds),
    stop: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await app.stop();
      await pool.end();
      await place.drop();
    },
  };
}

/** The same for one test, which need not stop it. */
export async function useTestApp(variables: Record<string, string> = {}, options: TestAppOptions = {}): Promise<TestApp> {
  const app = await startTestApp(variables, options);
  onTestFinished(() => app.stop());
  return app;
}

const instants = {
  task: ['lease_expires_at', 'lease_check_at'],
  job: ['lease_expires_at'],
  actor: ['last_heartbeat_at'],
  api_key: ['expires_at'],
  session: ['expires_at'],
  idempotency_key: ['created_at'],
  event: ['occurred_at'],
};

async function elapse(sql: TestApp['sql'], seconds: number): Promise<void> {
  const updates = Object.entries(instants).map(([table, columns]) => {
    const shifts = columns.map((column) => `${column} = ${column} - make_interval(secs => ${seconds})`);
    return `update ${table} set ${shifts.join(', ')}`;
  });
  // In one transaction, or the server would act on one table's time while another table still has the old one.
  await sql(updates.join('; '));
}
