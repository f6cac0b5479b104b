import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  EventCursorDocument,
  SettingsCheckDocument,
  SettingsDocument,
  SettingsUpdateDocument,
  type SettingValueInput,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp, useTestApp } from './support/app.js';
import { nothingHeldBack } from './support/event-horizon.js';
import { mutate, seedOrganization } from './support/organization.js';
import { allRows } from './support/table-rows.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const secretKey = '0123456789abcdef'.repeat(4);
const secret = 'sk-a-secret-that-nobody-may-see';
const environment = { ADMIN_TOKEN: adminToken, TERARCHITECT_SECRET_KEY: secretKey };

let app: TestApp;
let admin: BatonClient;

beforeAll(async () => {
  app = await startTestApp(environment);
  admin = app.client({ token: adminToken });
});

afterAll(() => app.stop());

describe('settings', () => {
  it('are changed one by one: what is not named stays, null and blank remove', async () => {
    await update({ key: 'AGENT_MODEL', value: ' director-1 ' }, { key: 'WORKER_MODEL', value: 'worker-1' });

    await update({ key: 'WORKER_MODEL', value: 'worker-2' }, { key: 'AGENT_MODEL', value: ' ' });
    await update({ key: 'WORKER_LLM_URL', value: null });

    expect(await setting('AGENT_MODEL')).toMatchObject({ isSet: false, value: null, updatedAt: null });
    expect(await setting('WORKER_MODEL')).toMatchObject({ isSet: true, value: 'worker-2', isSecret: false });
    expect((await setting('WORKER_MODEL'))?.updatedAt).toEqual(expect.any(String));
  });

  it('have no value until somebody sets one, so that a coordinator keeps to its own', async () => {
    const unset = await useTestApp();

    const { settings } = await unset.client().request(SettingsDocument, {});

    expect(settings.filter(({ isSet, value }) => isSet || value !== null)).toEqual([]);
    expect(settings.map(({ key }) => key)).toContain('MAX_CONCURRENT_AGENTS');
  });

  it.each([
    ['MAX_CONCURRENT_AGENTS', '0'],
    ['MAX_CONCURRENT_AGENTS', '1.5'],
    ['MAX_CONCURRENT_AGENTS', 'many'],
    ['WORKER_TIMEOUT_SEC', '-1'],
    ['WORKER_MODE', 'by hand'],
  ] as const)('refuse a value that means nothing: %s %s', async (key, value) => {
    const before = await setting(key);

    const answer = await send({ key: 'AGENT_IMAGE', value: 'image' }, { key, value });

    expect(answer.errors).toMatchObject([{ code: 'VALIDATION_FAILED', path: ['settings', '1', 'value'] }]);
    expect(await setting(key)).toEqual(before);
    expect((await setting('AGENT_IMAGE'))?.isSet).toBe(false);
  });

  it('are the administrator’s to change, and everybody’s to read', async () => {
    const { agent } = await seedOrganization(app, adminToken);
    const client = app.client({ token: agent.token });

    const refused = await client.request(SettingsUpdateDocument, {
      input: { settings: [{ key: 'AGENT_MODEL', value: 'mine' }] },
    });

    expect(refused.settingsUpdate.errors).toMatchObject([{ code: 'FORBIDDEN' }]);
    expect((await client.request(SettingsDocument, {})).settings.length).toBeGreaterThan(0);
  });

  it('tell in their event which were changed, and nothing when none was', async () => {
    await update({ key: 'EMBEDDING_PROVIDER', value: 'remote' });
    const { eventCursor: after } = await admin.request(EventCursorDocument, {});

    await update({ key: 'GIT_USER_NAME', value: 'Otter' }, { key: 'EMBEDDING_PROVIDER', value: null });
    await update({ key: 'GIT_USER_NAME', value: 'Otter' }, { key: 'EMBEDDING_PROVIDER', value: null });

    await nothingHeldBack(app);
    const { events } = await admin.request(changesDocument, { after });
    expect(events.nodes.filter(({ set }) => set.includes('GIT_USER_NAME'))).toEqual([
      { set: ['GIT_USER_NAME'], removed: ['EMBEDDING_PROVIDER'] },
    ]);
  });

  it('that are changed by many at once are left as one of them wanted all of it', async () => {
    const sets = Array.from({ length: 10 }, (_, index) => `${index}`);

    const answers = await Promise.all(
      sets.map((value) =>
        send({ key: 'MEMORY_LLM_MODEL', value }, value < '5' ? { key: 'AGENT_PROVIDER', value } : { key: 'AGENT_PROVIDER' }),
      ),
    );

    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    const [model, provider] = [await setting('MEMORY_LLM_MODEL'), await setting('AGENT_PROVIDER')];
    expect(provider?.value).toBe(Number(model?.value) < 5 ? model?.value : null);
  });
});

describe('a secret setting', () => {
  it('is shown by nothing that the server answers, keeps or logs', async () => {
    const input = { settings: [{ key: 'AGENT_API_KEY' as const, value: secret }], idempotencyKey: 'a secret' };

    const first = await admin.request(SettingsUpdateDocument, { input });
    const again = await admin.request(SettingsUpdateDocument, { input });

    expect(again).toEqual(first);
    expect(await setting('AGENT_API_KEY')).toMatchObject({ isSecret: true, isSet: true, value: null });
    const { events } = await admin.request(changesDocument, {});
    const everything = [JSON.stringify([first, events]), ...(await allRows(app)), ...app.logLines].join('\n');
    expect(everything).toContain('AGENT_API_KEY');
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(Buffer.from(secret).toString('base64url').slice(0, -2));
  });

  it('is encrypted anew each time, so that equal secrets do not look alike', async () => {
    const stored = async () => {
      await update({ key: 'WORKER_API_KEY', value: secret }, { key: 'EMBEDDING_API_KEY', value: secret });
      const rows = await app.sql<{ value: string }>(
        `select value from setting where key in ('WORKER_API_KEY', 'EMBEDDING_API_KEY') and is_encrypted`,
      );
      return rows.map(({ value }) => value);
    };

    expect(new Set([...(await stored()), ...(await stored())]).size).toBe(4);
  });

  it('cannot be stored by a server without a key, and nothing else with it', async () => {
    const keyless = await useTestApp();
    const client = keyless.client();
    const settings = [
      { key: 'AGENT_MODEL' as const, value: 'director' },
      { key: 'AGENT_API_KEY' as const, value: secret },
    ];

    const { settingsUpdate } = await client.request(SettingsUpdateDocument, { input: { settings } });

    expect(settingsUpdate.errors).toMatchObject([{ code: 'SECRET_KEY_MISSING' }]);
    expect(JSON.stringify(settingsUpdate)).not.toContain(secret);
    expect((await client.request(SettingsDocument, {})).settings.some(({ isSet }) => isSet)).toBe(false);
  });

  it.each([
    ['the server has another key', { ...environment, TERARCHITECT_SECRET_KEY: 'f'.repeat(64) }, 'another'],
    ['the server has no key', { ADMIN_TOKEN: adminToken }, 'no TERARCHITECT_SECRET_KEY'],
  ])('that cannot be read is named by the check, and can be set again or removed: %s', async (_when, variables, says) => {
    const place = await useTestApp(environment);
    await place.client({ token: adminToken }).request(SettingsUpdateDocument, {
      input: { settings: [{ key: 'OPENAI_API_KEY', value: secret }] },
    });
    const other = await useTestApp(variables, { databaseUrl: place.databaseUrl });
    const client = other.client({ token: adminToken });

    const { settingsCheck } = await client.request(SettingsCheckDocument, {});
    const removed = await client.request(SettingsUpdateDocument, { input: { settings: [{ key: 'OPENAI_API_KEY' }] } });

    expect(settingsCheck.ready).toBe(false);
    const issue = settingsCheck.warnings.find(({ key }) => key === 'OPENAI_API_KEY');
    expect(issue?.reason).toContain(says);
    expect(removed.settingsUpdate.errors).toEqual([]);
  });

  it('that was copied to another setting, or to another organization, is damaged', async () => {
    const { user, organizationId } = await seedOrganization(app, adminToken);
    const settings = [{ key: 'MEMORY_LLM_API_KEY', value: secret }];
    await mutate(app, user, 'settingsUpdate', { settings }, '__typename');
    await app.sql(
      `insert into setting (organization_id, key, value, is_encrypted)
       select organization_id, 'github_user_token', value, true from setting where organization_id = $1 and key = 'MEMORY_LLM_API_KEY'`,
      [organizationId],
    );

    const { settingsCheck } = await app.client({ token: user.token }).request(SettingsCheckDocument, {});

    expect(settingsCheck.warnings.filter(({ reason }) => reason.includes('cannot be read'))).toMatchObject([
      { key: 'GITHUB_USER_TOKEN', reason: expect.stringContaining('was changed since') },
    ]);
  });
});

describe('the check of the settings', () => {
  it('is content once everything is there that agents need', async () => {
    const place = await useTestApp({ TERARCHITECT_SECRET_KEY: secretKey });
    const client = place.client();
    const check = async () => (await client.request(SettingsCheckDocument, {})).settingsCheck;
    const before = await check();

    const settings = before.missingRequired.map(({ key }) => ({ key, value: 'given' }));
    await client.request(SettingsUpdateDocument, { input: { settings } });

    expect(before).toMatchObject({ ready: false });
    expect(before.missingRequired.map(({ key }) => key)).toEqual([
      'AGENT_LLM_URL',
      'AGENT_MODEL',
      'WORKER_LLM_URL',
      'WORKER_MODEL',
      'WORKER_API_KEY',
    ]);
    expect(await check()).toMatchObject({
      ready: true,
      missingRequired: [],
      warnings: [{ key: 'GITHUB_AGENT_TOKEN' }, { key: 'TERARCHITECT_WORKER_API_KEY' }],
    });
  });

  it('asks for no model of the worker where Claude Code is the worker', async () => {
    const place = await useTestApp();
    const client = place.client();
    await client.request(SettingsUpdateDocument, { input: { settings: [{ key: 'WORKER_MODE', value: 'claude-code' }] } });

    const { settingsCheck } = await client.request(SettingsCheckDocument, {});

    expect(settingsCheck.missingRequired.map(({ key }) => key)).toEqual(['AGENT_LLM_URL', 'AGENT_MODEL']);
  });
});

const changesDocument = parse(`query ($after: String) {
  events(after: $after, filter: { kinds: [SETTINGS_CHANGED] }, first: 100) {
    nodes { ... on SettingsChanged { set removed } }
  }
}`) as TypedDocumentNode<{ events: { nodes: { set: string[]; removed: string[] }[] } }, { after?: string }>;

async function send(...settings: SettingValueInput[]) {
  return (await admin.request(SettingsUpdateDocument, { input: { settings } })).settingsUpdate;
}

async function update(...settings: SettingValueInput[]): Promise<void> {
  expect((await send(...settings)).errors).toEqual([]);
}

async function setting(name: string) {
  const { settings } = await admin.request(SettingsDocument, {});
  return settings.find(({ key }) => key === name);
}
