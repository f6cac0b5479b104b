/**
 * pg-boss, jobs that do nothing: a queue on Postgres, in process.
 *
 * Its own workers look for jobs twice a second at most, so `fetch` and `complete` are called without a pause: one after the other,
 * with as many jobs as there are agents, which was faster than several callers with fewer each. It need not mind priorities.
 * A fetch sorts all jobs that wait, so its queue is shorter than that of the others. Maintenance and schedules are off.
 */
import pg from 'pg';
import PgBoss from 'pg-boss';
import { childArguments, serveParent } from '../child.js';
import { nothingDone, type QueueCommand, type QueueResult, type QueueWork } from '../claim/queue-peer.js';
import { Tally } from '../tally.js';

const connectionsMax = 4;
const jobsPerInsert = 5000;
const queue = 'nothing';

const { databaseUrl } = childArguments<{ databaseUrl: string }>();
const boss = new PgBoss({ connectionString: databaseUrl, max: connectionsMax, supervise: false, schedule: false });
boss.on('error', (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(queue);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
let waiting = 0;

serveParent<QueueCommand, QueueResult>({}, (command) => (command.kind === 'fill' ? fill(command.readyCount) : work(command)));

async function fill(readyCount: number): Promise<QueueResult> {
  const { rows } = await pool.query<{ left: number }>(
    `select count(*)::int as left from pgboss.job where name = $1 and state = 'created'`,
    [queue],
  );
  if (rows[0]?.left !== waiting) throw new Error(`${rows[0]?.left} jobs are left where ${waiting} should be`);
  while (waiting < readyCount) {
    const count = Math.min(jobsPerInsert, readyCount - waiting);
    await boss.insert(Array.from({ length: count }, (_, number) => ({ name: queue, data: { number } })));
    waiting += count;
  }
  await pool.query('vacuum (analyze)');
  return nothingDone;
}

async function work(command: QueueWork): Promise<QueueResult> {
  const tally = new Tally(command);
  while (!tally.isClosed) {
    const jobs = await boss.fetch(queue, { batchSize: command.agents, priority: false });
    if (jobs.length === 0) throw new Error('the queue ran dry');
    await boss.complete(
      queue,
      jobs.map((job) => job.id),
    );
    tally.add(jobs.length);
  }
  waiting -= tally.total;
  return tally.result();
}
