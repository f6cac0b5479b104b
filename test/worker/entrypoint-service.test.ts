import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Service } from '../../src/worker/entrypoint/service.js';

const { signal } = new AbortController();

it('gives up on a service that does not become ready in time', async () => {
  const service = new Service('sleep', ['60'], { env: { PATH: process.env.PATH } });

  const reason = await service.unreadyReason(async () => false, { withinMs: 10, signal });
  await service.end();

  expect(reason).toBe('was not ready within 0.01 s');
  expect(await service.ended).toBe('ended by SIGTERM');
});

it('asks again until a service is ready', async () => {
  const service = new Service('sleep', ['60'], { env: { PATH: process.env.PATH } });
  const answers = [false, true];

  const reason = await service.unreadyReason(async () => answers.shift() ?? false, { withinMs: 20_000, signal });
  await service.end();

  expect(reason).toBeNull();
  expect(answers).toEqual([]);
});

it('ends what does not heed SIGTERM, and what that has started', async () => {
  const script = 'trap "" TERM; sleep 60 & echo $!; wait; sleep 60';
  let service: Service | undefined;
  const pid = await new Promise<number>((resolve) => {
    const tell = (line: string) => resolve(Number(line));
    service = new Service('bash', ['-c', script], { env: { PATH: process.env.PATH }, tell });
  });

  await service?.end();

  expect(await service?.ended).toBe('ended by SIGKILL');
  await expect.poll(() => isRunning(pid)).toBe(false);
});

/** One that has ended but that nobody has asked about does not count. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z /.test(status);
}
