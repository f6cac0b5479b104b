import { execFileSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspectEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.js';
import { play, type Scenario } from '../run.js';
import type { Stage } from '../stage.js';

const diskMegabytes = 200;
const fullMs = 1500;

/** A disk that has no room any more, and then some again. */
export const diskFull: Scenario = {
  name: 'disk-full',
  description: `A server with its embedded database on a disk of ${diskMegabytes} MB that is filled up for ${fullMs} ms, over and over. It must go on by itself once there is room.`,
  impossible: () => (process.getuid?.() === 0 ? null : 'only root may mount a disk of its own'),
  async run(stage, settings) {
    const disk = await useDisk(stage);
    const replica = await stage.replica({ DATA_DIR: path.join(disk, 'data') });
    await replica.start();
    const embedded = await inspectEmbeddedPostgres(path.join(disk, 'data'));
    const databaseUrl = embedded?.running?.url as string;
    return play({
      ...settings,
      ...{ stage, databaseUrl, agentCount: 8, leaseSeconds: 3, followUrls: [replica.url] },
      line: { urls: () => [replica.url], insistMs: 30_000, copies: 1 },
      faults: async (isOver) => {
        let fillings = 0;
        while (!isOver()) {
          await delay(settings.random.between(300, 1500));
          const ballast = await fill(disk);
          await delay(fullMs);
          await rm(ballast);
          fillings += 1;
        }
        return { fillings };
      },
    });
  },
};

/** A small file system of the scenario's own, in memory. */
async function useDisk(stage: Stage): Promise<string> {
  const disk = await stage.directory('disk');
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m,mode=0711`, 'tmpfs', disk]);
  stage.onCleanUp(() => execFileSync('umount', ['--lazy', disk]));
  return disk;
}

/** Takes all the room there is; answers the file that takes it. */
async function fill(disk: string): Promise<string> {
  const ballast = path.join(disk, 'ballast');
  const file = await open(ballast, 'w');
  const chunk = Buffer.alloc(1024 * 1024);
  try {
    for (;;) await file.write(chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    await file.close();
  }
  return ballast;
}
