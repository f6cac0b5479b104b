import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from './support/app.js';
import { ensureDashboardBuilt } from './support/dashboard-build.js';

let app: TestApp;

beforeAll(async () => {
  await ensureDashboardBuilt();
  app = await startTestApp();
});

afterAll(() => app.stop());

describe('the dashboard is served', () => {
  it.each(['/', '/?project=1', '/ui', '/ui/tasks/0190', '/ui/threads'])(
    'as one page at %s, asked for anew each time',
    async (path) => {
      const response = await fetch(app.url + path);

      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const again = await fetch(app.url + path, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } });
      expect(again.status).toBe(304);
    },
  );

  it('with files that are kept for good under names that tell what is in them, compressed', async () => {
    const page = await (await fetch(app.url)).text();
    const names = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name);

    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) {
      expect(name).toMatch(/^\/ui\//);
      for (const coding of ['br', 'gzip', 'identity']) {
        const response = await fetch(app.url + name, { headers: { 'accept-encoding': coding } });
        expect(response.status, name).toBe(200);
        expect(response.headers.get('content-encoding') ?? 'identity').toBe(coding);
        const isHashed = name?.includes('/assets/');
        expect(response.headers.get('cache-control')).toBe(isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
        expect((await response.text()).length).toBeGreaterThan(100);
      }
    }
  });

  it('under a policy that lets nothing in from elsewhere, and nothing inline', async () => {
    const response = await fetch(app.url);

    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await response.text()).not.toMatch(/<script>|<style|style=|https?:/);
  });

  it('without a way out of its folder, and to reading alone', async () => {
    for (const path of [
      '/ui/assets/nothing.js',
      '/ui/assets/../index.html',
      '/ui/assets/%2e%2e/%2e%2e/main.js',
      '/ui/assets/../../main.js',
    ]) {
      expect(await statusOf(app.url, path), path).not.toBe(500);
      expect(await bodyOf(app.url, path), path).not.toContain('import {');
    }
    expect((await fetch(`${app.url}/ui/assets/nothing.js`)).status).toBe(404);
    expect((await fetch(app.url, { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await fetch(app.url, { method: 'HEAD' })).status).toBe(200);
  });

  it('beside the older APIs, whose paths it leaves alone', async () => {
    for (const path of ['/tasks', '/agents', '/health', '/openapi.json']) {
      const response = await fetch(app.url + path, { headers: { accept: 'text/html' } });
      expect(response.headers.get('content-type'), path).toMatch(/^application\/json/);
    }
  });

  it('to no foreign host name in open mode', async () => {
    expect(await statusOf(app.url, '/', { host: 'evil.example' })).toBe(421);
  });
});

/** As it is written: fetch would tidy up the path. */
function ask(url: string, path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    httpRequest({ hostname, port, path, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

const statusOf = async (...parameters: Parameters<typeof ask>) => (await ask(...parameters)).status;
const bodyOf = async (...parameters: Parameters<typeof ask>) => (await ask(...parameters)).body;
