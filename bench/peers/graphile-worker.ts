/**
 * graphile-worker, jobs that do nothing: a queue on Postgres, in process.
 *
 * One runner with as many jobs at a time as there are agents, prepared statements, no named queues (they would serialize), and a
 * connection for each job in work up to 32: with fewer it waits for connections, with more Postgres has more to switch between.
 * It takes and finishes jobs one by one; this version cannot batch.
 */
import { EventEmitter } from 'node:events';
import { Logger, makeWorkerUtils, run, type WorkerEvents } from 'graphile-worker';
import pg from 'pg';
import { childArguments, serveParent } from '../child.js';
import { nothingDone, type QueueCommand, type QueueResult, type QueueWork } from '../claim/queue-peer.js';
import { Tally } from '../tally.js';

const connectionsMax = 32;
const jobsPerInsert = 5000;

const { databaseUrl } = childArguments<{ databaseUrl: string }>();
const silent = new Logger(() => () => {});
const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger: silent });
await utils.migrate();
await utils.release();
let waiting = 0;

serveParent<QueueCommand, QueueResult>({}, (command) => (command.kind === 'fill' ? fill(command.readyCount) : work(command)));

async function fill(readyCount: number): Promise<QueueResult> {
  const { rows } = await pool.query<{ left: number }>('select count(*)::int as left from graphile_worker._private_jobs');
  if (rows[0]?.left !== waiting) throw new Error(`${rows[0]?.left} jobs are left where ${waiting} should be`);
  while (waiting < readyCount) {
    const count = Math.min(jobsPerInsert, readyCount - waiting);
    await pool.query(
      `select count(*) from graphile_worker.add_jobs(array(
         select json_populate_record(null::graphile_worker.job_spec, json_build_object('identifier', 'nothing', 'payload', json_build_object('number', number)))
         from generate_series(1, $1::int) as number))`,
      [count],
    );
    waiting += count;
  }
  await pool.query('vacuum (analyze) graphile_worker._private_jobs');
  return nothingDone;
}

async function work(command: QueueWork): Promise<QueueResult> {
  const tally = new Tally(command);
  const events: WorkerEvents = new EventEmitter();
  events.on('job:complete', () => tally.add(1));
  const runner = await run({
    connectionString: databaseUrl,
    maxPoolSize: Math.min(command.agents, connectionsMax),
    concurrency: command.agents,
    noHandleSignals: true,
    logger: silent,
    events,
    taskList: { nothing: async () => {} },
  });
  await tally.closed;
  await runner.stop();
  waiting -= tally.total;
  return tally.result();
}
