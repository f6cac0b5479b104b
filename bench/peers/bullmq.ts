/**
 * BullMQ, jobs that do nothing: a queue on a Redis that keeps nothing on disk, in process.
 *
 * Four workers share the jobs in work, which was faster than one or two of the same concurrency. A finished job is removed, and
 * the same script that finishes it brings the next one, so it costs one round trip.
 */
import { Queue, Worker } from 'bullmq';
import { childArguments, serveParent } from '../child.js';
import { nothingDone, type QueueCommand, type QueueResult, type QueueWork } from '../claim/queue-peer.js';
import { Tally } from '../tally.js';

const workerCount = 4;
const jobsPerInsert = 2000;
const queueName = 'nothing';

const { redisUrl } = childArguments<{ redisUrl: string }>();
const connection = { url: redisUrl };
const queue = new Queue(queueName, { connection, defaultJobOptions: { removeOnComplete: true } });
let waiting = 0;

serveParent<QueueCommand, QueueResult>({}, (command) => (command.kind === 'fill' ? fill(command.readyCount) : work(command)));

async function fill(readyCount: number): Promise<QueueResult> {
  const left = await queue.getJobCountByTypes('wait', 'active', 'delayed', 'failed');
  if (left !== waiting) throw new Error(`${left} jobs are left where ${waiting} should be`);
  while (waiting < readyCount) {
    const count = Math.min(jobsPerInsert, readyCount - waiting);
    await queue.addBulk(Array.from({ length: count }, (_, number) => ({ name: queueName, data: { number } })));
    waiting += count;
  }
  return nothingDone;
}

async function work(command: QueueWork): Promise<QueueResult> {
  const tally = new Tally(command);
  const workers = Array.from({ length: workerCount }, () => {
    const worker = new Worker(queueName, async () => {}, { connection, concurrency: command.agents / workerCount });
    return worker.on('completed', () => tally.add(1));
  });
  await tally.closed;
  await Promise.all(workers.map((worker) => worker.close()));
  waiting -= tally.total;
  return tally.result();
}
