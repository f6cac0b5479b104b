import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { type RestRequest, rest } from '../support/rest-call.js';
import { allRows } from '../support/table-rows.js';

const secretKey = '0123456789abcdef'.repeat(4);
describe('settings over REST', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ TERARCHITECT_SECRET_KEY: secretKey });
  });

  afterAll(() => app.stop());

  const send = (method: string, path: string, request?: RestRequest) => rest(app, method, path, request);

  // A coordinator prefers whatever stands there to its own environment.
  it('show a secret as whether it is set, and what nobody has set as null', async () => {
    const { status, json } = await send('GET', '/api/settings');

    expect(status).toBe(200);
    expect(json).toMatchObject({ MAX_CONCURRENT_AGENTS: null, AGENT_MODEL: null, AGENT_API_KEY: false });
    expect(json.TERARCHITECT_WORKER_API_KEY).toBe(false);
  });

  it('change what a PUT names, and answer them all', async () => {
    const put = await send('PUT', '/api/settings', {
      body: { AGENT_MODEL: 'director', MAX_CONCURRENT_AGENTS: 2, AGENT_API_KEY: 'sk-of-the-director', MIDDLE_AGENT_DEBUG: false },
    });
    const second = await send('PUT', '/api/settings', { body: { AGENT_MODEL: '', MIDDLE_AGENT_DEBUG: null } });

    expect(put.status).toBe(200);
    expect(put.json).toMatchObject({
      AGENT_MODEL: 'director',
      MAX_CONCURRENT_AGENTS: '2',
      AGENT_API_KEY: true,
      MIDDLE_AGENT_DEBUG: 'false',
    });
    expect(second.json).toEqual({ ...put.json, AGENT_MODEL: null, MIDDLE_AGENT_DEBUG: null });
    expect((await send('GET', '/api/settings')).json).toEqual(second.json);
    expect([put.text, second.text, ...app.logLines, ...(await allRows(app))].join()).not.toContain('sk-of-the-director');
  });

  it.each([
    ['a setting that there is not', { NONSENSE: 'x' }, 'NONSENSE'],
    ['a value of no use', { MAX_CONCURRENT_AGENTS: 'many' }, 'MAX_CONCURRENT_AGENTS'],
    ['what a GET shows of a secret', { AGENT_API_KEY: true }, 'AGENT_API_KEY'],
    ['an object', { AGENT_MODEL: {} }, 'AGENT_MODEL'],
    ['half a character', { AGENT_MODEL: '\ud800' }, 'AGENT_MODEL'],
  ])('refuse %s, and what came with it', async (_what, body, says) => {
    const before = await send('GET', '/api/settings');

    const { status, json } = await send('PUT', '/api/settings', { body: { AGENT_IMAGE: 'image', ...body } });

    expect(status).toBe(400);
    expect(json).toEqual({ error: expect.stringContaining(says) });
    expect((await send('GET', '/api/settings')).json).toEqual(before.json);
  });

  it('keep nothing of a secret with an idempotency key', async () => {
    const headers = { 'idempotency-key': 'a key with a secret' };
    const put = (body: object) => send('PUT', '/api/settings', { headers, body });

    const first = await put({ WORKER_API_KEY: 'sk-of-the-worker' });
    const again = await put({ WORKER_API_KEY: 'sk-of-the-worker' });
    const removing = await put({ WORKER_API_KEY: null });

    expect(again.text).toBe(first.text);
    expect(removing.status).toBe(409);
    expect((await allRows(app)).join()).not.toContain('sk-of-the-worker');
  });

  it('say what agents lack', async () => {
    const { status, json } = await send('GET', '/api/settings/check');

    expect(status).toBe(200);
    expect(json).toMatchObject({ ready: false, missing_required: expect.any(Array), warnings: expect.any(Array) });
    expect(json.missing_required[0]).toEqual({ key: 'AGENT_LLM_URL', label: expect.any(String), reason: expect.any(String) });
  });

  it('answer 503 to a secret that the server cannot encrypt', async () => {
    const keyless = await useTestApp();

    const answer = await rest(keyless, 'PUT', '/api/settings', { body: { AGENT_API_KEY: 'sk-of-the-director' } });

    expect(answer).toMatchObject({ status: 503, json: { error: expect.stringContaining('TERARCHITECT_SECRET_KEY') } });
    expect(answer.text).not.toContain('sk-of-the-director');
  });
});
