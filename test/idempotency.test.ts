import pg from 'pg';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { startTestApp, type TestApp } from './support/app.js';
import { type Answer, type Caller, call, codesOf } from './support/graphql-call.js';
import { mutate, type SeededOrganization, seedOrganization, seedThings, validVariables } from './support/organization.js';
import { type Operation, operationsOf, type Place, placesOf, withValue } from './support/schema-walk.js';
import { uniqueName } from './support/seed.js';
import { allRows, contentOf, countRows } from './support/table-rows.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const commands = operationsOf(buildSchema(), 'mutation');
/** Signing in checks the password each time, and who has signed out is nobody any more: these have tests of their own. */
const repeatable = commands.filter(({ name }) => name !== 'sessionCreate' && name !== 'sessionEnd');

let app: TestApp;
let organization: SeededOrganization;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken }, { runsClockwork: false });
  organization = await seedOrganization(app, adminToken);
});

afterAll(() => app.stop());

describe('an idempotency key', () => {
  it('is taken by every command', () => {
    const without = commands.filter(({ args }) => !placesOf(args).some(isKey));

    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it.each(repeatable)('lets $name, sent eight times at once and once more, take effect once', async (command) => {
    const [own, other] = await Promise.all([seedThings(app, organization), seedThings(app, organization)]);
    const variables = withKey(command, own);
    const alone = await effectOf(1, () => send(command, other.operator, withKey(command, other)));

    const together = await effectOf(8, () => send(command, own.operator, variables));
    const before = await contentOf(app);
    const again = await send(command, own.operator, variables);

    expect(together.addedRows).toEqual(alone.addedRows);
    expect(together.answers.flatMap(codesOf)).toEqual([]);
    expect(new Set(together.answers.map(({ text }) => withoutSecrets(text)))).toEqual(new Set([again.text]));
    expect(await contentOf(app)).toEqual(before);
    // Whoever was first, and nobody else, is told the secret if there is one.
    expect(together.answers.filter(tellsSecret)).toHaveLength(alone.answers.filter(tellsSecret).length);
  });

  it.each(repeatable)('refuses another input of $name, whatever differs in it', async (command) => {
    const variables = withKey(command, organization);
    await send(command, organization.operator, variables);
    const before = await contentOf(app);

    const accepted: string[] = [];
    for (const place of placesOf(command.args).filter((each) => !isKey(each))) {
      const others = otherValues(place, valueAt(variables, place)).map((value) => withValue(variables, place, value));
      const answers = await Promise.all(others.map((other) => send(command, organization.operator, other)));
      if (!answers.every(isRefusedAsOther)) accepted.push(place.name);
    }

    expect(accepted).toEqual(indistinguishable[command.name] ?? []);
    expect(await contentOf(app)).toEqual(before);
  });

  it.each(repeatable)('refuses $name when another command has used it', async (command) => {
    const variables = withKey(command, organization);
    const { idempotencyKey } = variables.input as { idempotencyKey: string };
    const [first, input] = command.name === 'projectCreate' ? ['threadCreate', {}] : ['projectCreate', { name: 'first' }];
    await mutate(app, organization.operator, first, { ...input, idempotencyKey }, '__typename');
    const before = await contentOf(app);

    const answer = await send(command, organization.operator, variables);

    expect(answer.data?.[command.name]).toMatchObject({
      errors: [{ code: 'IDEMPOTENCY_KEY_REUSED', path: ['idempotencyKey'] }],
    });
    expect(await contentOf(app)).toEqual(before);
  });

  it('of one caller is no business of another', async () => {
    const elsewhere = await seedOrganization(app, adminToken);
    const callers = [organization.operator, organization.user, organization.agent, elsewhere.operator, elsewhere.agent];
    const input = { title: 'one for each', idempotencyKey: uniqueName('key') };

    const create = () => Promise.all(callers.map((caller) => mutate<WithTask>(app, caller, 'taskCreate', input, 'task { id }')));
    const first = await create();
    const second = await create();

    expect(new Set(first.map(({ task }) => task.id)).size).toBe(callers.length);
    expect(second).toEqual(first);
  });

  it('repeats a failure too, also when the command could succeed by now', async () => {
    const { user, agent } = await seedThings(app, organization);
    const { task } = await mutate<WithTask>(app, user, 'taskCreate', { title: 'parked', status: 'BACKLOG' }, 'task { id }');
    const claim = command('taskClaim');
    const variables = { input: { taskId: task.id, idempotencyKey: uniqueName('key') } };

    const first = await send(claim, agent, variables);
    await mutate(app, user, 'taskSetStatus', { taskId: task.id, status: 'READY' }, '__typename');
    const second = await send(claim, agent, variables);

    expect(codesOf(first)).toEqual(['TASK_NOT_READY']);
    expect(second.text).toBe(first.text);
    expect(codesOf(await send(claim, agent, { input: { taskId: task.id } }))).toEqual([]);
  });

  it('keeps a failure once, however many ask at once', async () => {
    const { user, agent } = await seedThings(app, organization);
    const { task } = await mutate<WithTask>(app, user, 'taskCreate', { title: 'parked', status: 'BACKLOG' }, 'task { id }');
    const variables = { input: { taskId: task.id, idempotencyKey: uniqueName('key') } };

    const answers = await Promise.all(Array.from({ length: 20 }, () => send(command('taskClaim'), agent, variables)));

    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(codesOf(answers[0] as Answer)).toEqual(['TASK_NOT_READY']);
  });

  // An agent that slept past its lease, and repeats its claim, would else write over the new holder with the new fence.
  it('gives an agent that has lost its lease the fence it had, not that of the new holder', async () => {
    const [zombie, successor] = [await seedThings(app, organization), await seedThings(app, organization)];
    const { task } = await mutate<WithTask>(app, zombie.user, 'taskCreate', { title: 'contested' }, 'task { id }');
    const variables = { input: { taskId: task.id, idempotencyKey: uniqueName('key') } };
    const document = `mutation ($input: TaskClaimInput!) {
      taskClaim(input: $input) { task { status lease { fence expiresAt holder { id } } assignee { id } } errors { code } }
    }`;
    const first = await call(app.url, zombie.agent, document, variables);
    await mutate(app, zombie.user, 'taskRelease', { taskId: task.id }, '__typename');
    await mutate(app, successor.agent, 'taskClaim', { taskId: task.id }, '__typename');

    const again = await call(app.url, zombie.agent, document, variables);
    const write = await send(command('taskComplete'), zombie.agent, { input: { taskId: task.id, fence: 1 } });

    expect(first.data).toMatchObject({ taskClaim: { task: { lease: { fence: 1, holder: { id: zombie.things.Agent } } } } });
    expect(again.text).toBe(first.text);
    expect(codesOf(write)).toEqual(['LEASE_LOST']);
  });

  it.each(['pg_cancel_backend', 'pg_terminate_backend'])(
    'is not taken by a call that the database ends midway (%s)',
    async (end) => {
      const own = await seedThings(app, organization);
      const update = command('taskUpdate');
      const variables = withKey(update, own);
      const locker = new pg.Client({ connectionString: app.databaseUrl, application_name: 'locker' });
      await locker.connect();
      await locker.query('begin');
      await locker.query('select from task where id = $1 for update', [own.things.Task]);
      const before = await contentOf(app);

      const ended = send(update, own.operator, variables);
      const pid = await pidOfBlocked();
      await app.sql(`select ${end}($1)`, [pid]);
      const failed = await ended;
      await locker.end();

      expect(codesOf(failed)).toEqual(['INTERNAL_ERROR']);
      expect(await contentOf(app)).toEqual(before);
      const retried = await send(update, own.operator, variables);
      expect(codesOf(retried)).toEqual([]);
      expect((await send(update, own.operator, variables)).text).toBe(retried.text);
    },
  );

  it('keeps no secret of an answer or an input', async () => {
    const own = await seedThings(app, organization);
    const secretive = ['agentRegister', 'apiKeyCreate', 'userCreate'].map(command);

    const answers = await Promise.all(secretive.map((each) => send(each, own.operator, withKey(each, own))));

    const told = answers.flatMap(({ text }) => [...text.matchAll(secretPattern)].map(([, secret]) => secret as string));
    expect(told).toHaveLength(2);
    const password = (valueAt(validVariables(command('userCreate'), own), { path: ['input', 'password'] }) ?? '') as string;
    const rows = (await allRows(app)).join('\n');
    for (const secret of [...own.secrets, ...told, password]) expect(rows).not.toContain(secret);
  });
});

describe('without an answer to repeat', () => {
  it('signing in again checks the password again and opens one more session', async () => {
    const { email, password } = organization;
    const idempotencyKey = uniqueName('key');
    const signIn = (input: object) => send(command('sessionCreate'), {}, { input: { email, idempotencyKey, ...input } });

    const [first, second] = [await signIn({ password }), await signIn({ password })];
    const wrong = await signIn({ password: 'not the password' });

    expect([...codesOf(first), ...codesOf(second)]).toEqual([]);
    expect(second.text).not.toBe(first.text);
    expect(codesOf(wrong)).toEqual(['UNAUTHENTICATED']);
  });

  it('signing out again changes nothing', async () => {
    const { email, password } = organization;
    const { token } = await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token');
    const variables = { input: { idempotencyKey: uniqueName('key') } };
    expect(codesOf(await send(command('sessionEnd'), { token }, variables))).toEqual([]);
    const before = await contentOf(app);

    await send(command('sessionEnd'), { token }, variables);

    expect(await contentOf(app)).toEqual(before);
  });
});

interface WithTask {
  task: { id: string };
}

/** Places in which another value is taken for the same: what they hold is secret, and nothing is kept of it to compare. */
const indistinguishable: Record<string, string[]> = { userCreate: ['password'] };

const keyPlace = { path: ['input', 'idempotencyKey'] };

function isKey({ name }: Place): boolean {
  return name === 'idempotencyKey';
}

function command(name: string): Operation {
  const found = commands.find((each) => each.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function send({ document }: Operation, caller: Caller, variables: object): Promise<Answer> {
  return call(app.url, caller, document, variables);
}

/** Refused for its key; what is no valid input at all does not get as far as that. */
function isRefusedAsOther(answer: Answer): boolean {
  const codes = codesOf(answer);
  return codes.length > 0 && codes.every((code) => code === 'IDEMPOTENCY_KEY_REUSED' || code === 'VALIDATION_FAILED');
}

/** Everything the command takes, with a key of its own. */
function withKey(operation: Operation, own: SeededOrganization): Record<string, unknown> {
  return withValue(validVariables(operation, own), keyPlace, uniqueName('key'));
}

const secretPattern = /"(?:apiKey|secret|token)":"([^"]+)"/g;

function withoutSecrets(text: string): string {
  return text.replace(secretPattern, (field, secret) => field.replace(`"${secret}"`, 'null'));
}

function tellsSecret({ text }: Answer): boolean {
  return withoutSecrets(text) !== text;
}

/** What so many calls at once are answered, and how many rows they add to each table. */
async function effectOf(calls: number, act: () => Promise<Answer>) {
  const before = await countRows(app);
  const answers = await Promise.all(Array.from({ length: calls }, act));
  const after = await countRows(app);
  const added = Object.entries(after).map(([table, count]) => [table, count - (before[table] ?? 0)]);
  return { answers, addedRows: Object.fromEntries(added) };
}

function valueAt(variables: object, { path }: Pick<Place, 'path'>): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], variables);
}

/** Values of the same kind that mean something else. */
function otherValues({ name, type, enumValues }: Place, value: unknown): unknown[] {
  if (enumValues.length > 0) return enumValues.filter((each) => each !== value);
  switch (type) {
    case 'ID':
      return [newId()];
    case 'Int':
      return [Number(value) + 1];
    case 'Boolean':
      return [!value];
    case 'JSON':
      return [{ other: true }];
    case 'DateTime':
      return ['2098-01-01T00:00:00.000Z'];
    default:
      return [name === 'endpointUrl' ? `${value}/other` : `other${value}`];
  }
}

/** The connection of the server that waits for a lock, once one does. */
function pidOfBlocked(): Promise<number> {
  return vi.waitFor(async () => {
    const [row] = await app.sql<{ pid: number }>(
      `select pid from pg_stat_activity
       where datname = current_database() and application_name = 'baton' and wait_event_type = 'Lock'`,
    );
    if (!row) throw new Error('nothing waits');
    return row.pid;
  });
}
