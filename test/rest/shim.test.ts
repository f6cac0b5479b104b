import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { useTestApp } from '../support/app.js';
import { rest } from '../support/rest-call.js';

describe('every REST endpoint', () => {
  it('is described by /openapi.json', async () => {
    const app = await useTestApp();

    const { status, json } = await rest(app, 'GET', '/openapi.json');

    expect(status).toBe(200);
    expect(json.openapi).toBe('3.1.0');
    expect(json.paths['/health'].get.responses['200'].content['application/json'].schema).toEqual({
      $ref: '#/components/schemas/Health',
    });
    expect(JSON.stringify(json)).not.toContain('"graphql"');
  });

  it('is shown by /docs, from this server alone', async () => {
    const app = await useTestApp();

    const page = await rest(app, 'GET', '/docs');

    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source as string);
    expect(sources).toHaveLength(4);
    for (const source of sources) {
      expect(source).toMatch(/^\/docs\//);
      expect((await rest(app, 'GET', source)).status).toBe(200);
    }
  });

  it('answers for its host alone in open mode', async () => {
    const app = await useTestApp();
    const status = await new Promise((resolve) => {
      request(`${app.url}/health`, { headers: { host: 'rebound.example' } }, (response) => resolve(response.statusCode)).end();
    });

    expect(status).toBe(421);
  });

  it('answers with the id of its request', async () => {
    const app = await useTestApp();

    const named = await rest(app, 'GET', '/health', { headers: { 'x-request-id': 'mine-1' } });
    const nameless = await rest(app, 'GET', '/health');

    expect(named.headers.get('x-request-id')).toBe('mine-1');
    expect(nameless.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a path or a method that does not exist', () => {
  it.each([
    ['GET', '/api/coord/nothing', 404, { error: 'not_found' }],
    ['GET', '/nothing', 404, { error: 'not found' }],
    ['DELETE', '/health', 405, { error: 'method_not_allowed' }],
  ])('%s %s answers %i in the envelope of its dialect', async (method, path, status, body) => {
    const app = await useTestApp();

    const answer = await rest(app, method, path);

    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(body);
    if (status === 405) expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });
});
