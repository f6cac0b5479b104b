import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { freePort } from '../src/database/embedded/server-process.js';
import { useTestApp } from './support/app.js';

describe('npm run demo', () => {
  it('plays to a good end in open mode, also beside another run on the same server', { timeout: 60_000 }, async () => {
    const app = await useTestApp();

    const runs = await Promise.all([runDemo(app.url), runDemo(app.url)]);

    for (const { code, output, errors } of runs) {
      expect(errors).toBe('');
      expect(output).toMatch(/tasks +38 DONE, 1 FAILED, 1 CANCELED/);
      expect(output).toMatch(/leases that lapsed +1\n/);
      expect(output).toMatch(/stale writes refused +1\n/);
      expect(output).not.toContain('✗');
      expect(code).toBe(0);
    }
  });

  it('plays against a server that asks for credentials, with the admin token', { timeout: 60_000 }, async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test-alone' });

    const { code, errors } = await runDemo(app.url, { BATON_TOKEN: 'an-admin-token-of-the-test-alone' });

    expect(errors).toBe('');
    expect(code).toBe(0);
  });

  it('says what to do when the server asks for credentials and none is given', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test-alone' });

    const { code, errors } = await runDemo(app.url);

    expect(errors).toContain('set BATON_TOKEN to its ADMIN_TOKEN');
    expect(code).toBe(1);
  });

  it('says what to do when no server answers', async () => {
    const { code, errors } = await runDemo(`http://127.0.0.1:${await freePort()}`);

    expect(errors).toContain('start it with npm start');
    expect(code).toBe(1);
  });
});

/** Runs the demo at twenty times its speed; the lease of the agent that is killed lasts as long as ever. */
async function runDemo(url: string, variables: Record<string, string> = {}) {
  const demo = spawn(process.execPath, ['--import', 'tsx', 'src/demo/demo.ts'], {
    env: { PATH: process.env.PATH, BATON_URL: url, BATON_DEMO_PACE: '0.05', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], output, errors] = await Promise.all([once(demo, 'exit'), text(demo.stdout), text(demo.stderr)]);
  return { code, output, errors };
}
