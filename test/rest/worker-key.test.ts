import { describe, expect, it } from 'vitest';
import { type TestApp, useTestApp } from '../support/app.js';
import { mutate, seedOrganization } from '../support/organization.js';
import { type RestAnswer, rest } from '../support/rest-call.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const secretKey = '0123456789abcdef'.repeat(4);
const missing = { status: 401, json: { error: 'Missing or invalid Authorization header (expected Bearer <token>)' } };
const invalid = { status: 401, json: { error: 'Invalid worker API token' } };
/** Whoever is let in is told that there is no such project. */
const letIn = { status: 404, json: { error: 'Project not found' } };

/** Calls an endpoint for worker processes. */
function work(app: TestApp, authorization?: string, organization?: string): Promise<RestAnswer> {
  const path = '/api/projects/01990000-0000-7000-8000-000000000000/memory/retrieve';
  const headers = { ...(authorization && { authorization }), ...(organization && { 'x-organization': organization }) };
  return rest(app, 'POST', path, { headers, body: { queries: ['anything'] } });
}

async function setKey(app: TestApp, value: string | null, token?: string): Promise<void> {
  const { status } = await rest(app, 'PUT', '/api/settings', { token, body: { TERARCHITECT_WORKER_API_KEY: value } });
  expect(status).toBe(200);
}

describe('in open mode', () => {
  it('worker processes need no key while none is set, and may send any', async () => {
    const app = await useTestApp();

    for (const authorization of [undefined, 'Bearer whatever', 'Basic b3R0ZXI=']) {
      expect(await work(app, authorization)).toMatchObject(letIn);
    }
  });

  // Otherwise somebody who changes a key that was stolen would have to restart every server.
  it('a key counts from the request on that follows its setting: the stored one, else that of the environment', async () => {
    const app = await useTestApp({ TERARCHITECT_SECRET_KEY: secretKey, TERARCHITECT_WORKER_API_KEY: 'of-the-environment' });

    expect(await work(app)).toMatchObject(missing);
    expect(await work(app, 'Bearer of-the-environment')).toMatchObject(letIn);
    await setKey(app, '  of the setting ');
    expect(await work(app, 'Bearer of-the-environment')).toMatchObject(invalid);
    expect(await work(app, 'Bearer   of the setting  ')).toMatchObject(letIn);
    await setKey(app, '');
    expect(await work(app, 'Bearer of the setting')).toMatchObject(invalid);
    expect(await work(app, 'Bearer of-the-environment')).toMatchObject(letIn);
  });

  it('with a key set, what is no bearer token is told apart from a wrong one', async () => {
    const app = await useTestApp({ TERARCHITECT_WORKER_API_KEY: 'the-key' });

    for (const authorization of [undefined, 'Basic dGhlLWtleQ==', 'Bearer', 'Bearer   ', 'the-key', 'Bearerthe-key']) {
      expect(await work(app, authorization), authorization).toMatchObject(missing);
    }
    for (const authorization of ['Bearer the-key2', 'Bearer the-ke', 'Bearer THE-KEY']) {
      expect(await work(app, authorization), authorization).toMatchObject(invalid);
    }
    expect(await work(app, 'bearer the-key')).toMatchObject(letIn);
  });

  it('the board is open to everybody, whatever key is set or sent', async () => {
    const app = await useTestApp({ TERARCHITECT_WORKER_API_KEY: 'the-key' });

    for (const token of [undefined, 'the-key', 'of-somebody-else']) {
      expect(await rest(app, 'GET', '/api/settings', { token })).toMatchObject({ status: 200 });
      expect(await rest(app, 'POST', '/api/projects', { token, body: {} })).toMatchObject({ status: 201 });
      expect(await rest(app, 'PUT', '/api/settings', { token, body: { AGENT_MODEL: 'a' } })).toMatchObject({ status: 200 });
    }
  });
});

describe('with an admin token', () => {
  it('worker processes need the worker key, an API key with the scope WORKER, or the admin token', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken, TERARCHITECT_WORKER_API_KEY: 'the-key' });
    const { agent, user, slug } = await seedOrganization(app, adminToken);
    const key = { name: 'runner', scopes: ['READ', 'WORKER'] };
    const { secret } = await mutate<{ secret: string }>(app, { token: adminToken }, 'apiKeyCreate', key, 'secret');

    for (const token of ['the-key', secret, adminToken]) expect(await work(app, `Bearer ${token}`)).toMatchObject(letIn);
    for (const token of [agent.token, user.token, 'no-key']) expect(await work(app, `Bearer ${token}`)).toMatchObject(invalid);
    expect(await work(app)).toMatchObject(missing);
    expect(await work(app, 'Bearer the-key', slug)).toMatchObject(invalid);
  });

  it('worker processes are turned away while there is no key', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken });

    expect(await work(app)).toMatchObject(missing);
    expect(await work(app, 'Bearer whatever')).toMatchObject(invalid);
    expect(await work(app, 'Bearer ')).toMatchObject(missing);
  });

  it('the key of an organization is good in that one', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken, TERARCHITECT_SECRET_KEY: secretKey });
    const [{ user, slug }, other] = [await seedOrganization(app, adminToken), await seedOrganization(app, adminToken)];
    await setKey(app, 'of-the-organization', user.token);

    expect(await work(app, 'Bearer of-the-organization', slug)).toMatchObject(letIn);
    for (const organization of [undefined, other.slug, 'nowhere']) {
      expect(await work(app, 'Bearer of-the-organization', organization), organization).toMatchObject(invalid);
    }
  });

  it('the worker key reads the board and its settings, and writes neither', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken, TERARCHITECT_WORKER_API_KEY: 'the-key' });
    const token = 'the-key';

    expect(await rest(app, 'GET', '/api/settings', { token })).toMatchObject({ status: 200 });
    expect(await rest(app, 'GET', '/api/projects', { token })).toMatchObject({ status: 200 });
    expect(await rest(app, 'POST', '/api/projects', { token, body: {} })).toMatchObject({ status: 403 });
    expect(await rest(app, 'PUT', '/api/settings', { token, body: { AGENT_MODEL: 'a' } })).toMatchObject({ status: 403 });
    for (const wrong of [undefined, 'no-key']) {
      expect(await rest(app, 'GET', '/api/settings', { token: wrong })).toMatchObject({ status: 401 });
    }
  });

  it('the worker key is none to GraphQL', async () => {
    const app = await useTestApp({ ADMIN_TOKEN: adminToken, TERARCHITECT_WORKER_API_KEY: 'the-key' });

    const answer = await rest(app, 'POST', '/graphql', { token: 'the-key', body: { query: '{ viewer { kind } }' } });

    expect(answer).toMatchObject({ status: 401, json: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] } });
  });
});

it('a worker key that cannot be read lets nobody in by it, and says why', async () => {
  const environment = { ADMIN_TOKEN: adminToken, TERARCHITECT_SECRET_KEY: secretKey };
  const place = await useTestApp(environment);
  await setKey(place, 'the-key', adminToken);
  const app = await useTestApp(
    { ...environment, TERARCHITECT_SECRET_KEY: 'f'.repeat(64), TERARCHITECT_WORKER_API_KEY: 'of-the-environment' },
    { databaseUrl: place.databaseUrl },
  );

  for (const token of ['the-key', 'of-the-environment']) {
    const answer = await work(app, `Bearer ${token}`);
    expect(answer).toMatchObject({ status: 503, json: { error: expect.stringContaining('TERARCHITECT_WORKER_API_KEY') } });
  }
  expect(await work(app, `Bearer ${adminToken}`)).toMatchObject(letIn);
});

it('is never written to the log', async () => {
  const app = await useTestApp({ ADMIN_TOKEN: adminToken, TERARCHITECT_WORKER_API_KEY: 'the-key-of-all-workers' });
  await work(app, 'Bearer the-key-of-all-workers');
  await work(app, 'Bearer a-wrong-key-of-a-worker');

  expect(app.logLines.join()).not.toMatch(/the-key-of-all-workers|a-wrong-key-of-a-worker/);
});
