import fc from 'fast-check';
import { parse } from 'graphql';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { TestSocket } from './graphql-server/graphql-test-server.js';
import { startTestApp, type TestApp } from './support/app.js';
import { type Answer, call, codesOf, send, type UserError, userErrors } from './support/graphql-call.js';
import { mutate, type SeededOrganization, seedOrganization, seedThings, validVariables } from './support/organization.js';
import { nestedOperationsOf, type Operation, operationsOf, type Place, placesOf, withValue } from './support/schema-walk.js';
import { uniqueName } from './support/seed.js';
import { countRows } from './support/table-rows.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const schema = buildSchema();
const reads = [...operationsOf(schema, 'query'), ...nestedOperationsOf(schema)];
const commands = operationsOf(schema, 'mutation');
const lists = reads.filter(({ args }) => args.some(({ name }) => name === 'first'));

let app: TestApp;
let own: SeededOrganization;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken }, { runsClockwork: false });
  own = await seedOrganization(app, adminToken);
});

afterAll(() => app.stop());

describe('a request that cannot be read', () => {
  it.each([
    ['what is not JSON', '{"query": ', 400, 'BAD_REQUEST', 'JSON'],
    ['no body at all', '', 400, 'BAD_REQUEST', 'JSON'],
    ['a list', '[]', 400, 'BAD_REQUEST', ''],
    ['null', 'null', 400, 'BAD_REQUEST', ''],
    ['a number', '7', 400, 'BAD_REQUEST', ''],
    ['no document', '{}', 400, 'BAD_REQUEST', 'query'],
    ['a document that is no text', '{"query": 7}', 400, 'BAD_REQUEST', 'query'],
    ['variables that are no object', '{"query": "{ __typename }", "variables": "none"}', 400, 'BAD_REQUEST', 'variables'],
    ['an unknown operation name', '{"query": "query A { __typename }", "operationName": "B"}', 400, 'BAD_REQUEST', 'B'],
    ['a body over the limit', JSON.stringify({ query: '#'.repeat(1_048_577) }), 413, 'BODY_TOO_LARGE', '1048576'],
  ])('is refused: %s', async (_what, body, status, code, says) => {
    const answer = await send(app.url, own.operator, body);

    expect(answer).toMatchObject({ status, data: null });
    expect(codesOf(answer)).toEqual([code]);
    expect(answer.text).toContain(says);
  });

  it.each([
    ['malformed', '{ tasks { nodes', 'GRAPHQL_PARSE_FAILED', 'Expected Name'],
    ['empty', '', 'GRAPHQL_PARSE_FAILED', ''],
    ['of an unknown field', '{ tasks { secrets } }', 'GRAPHQL_VALIDATION_FAILED', 'secrets'],
    ['of an unknown argument', '{ tasks(limit: 3) { nodes { id } } }', 'GRAPHQL_VALIDATION_FAILED', 'limit'],
    ['of an unknown type', 'query ($a: Nonsense) { viewer { kind } }', 'GRAPHQL_VALIDATION_FAILED', 'Nonsense'],
    ['of a wrong literal', '{ tasks(first: "three") { nodes { id } } }', 'GRAPHQL_VALIDATION_FAILED', 'three'],
    ['of an enum value in quotes', '{ tasks(orderBy: "NEWEST") { nodes { id } } }', 'GRAPHQL_VALIDATION_FAILED', 'NEWEST'],
    ['without a required argument', '{ project { id } }', 'GRAPHQL_VALIDATION_FAILED', 'id'],
    ['that spreads itself', '{ ...A } fragment A on Query { ...A }', 'GRAPHQL_VALIDATION_FAILED', 'A'],
    ['nested too deep', `{ project(id: "1") ${nest(8)} }`, 'DOCUMENT_TOO_DEEP', '15'],
    ['of too many aliases', `{ ${repeat(31, (index) => `a${index}: eventCursor`)} }`, 'DOCUMENT_TOO_MANY_ALIASES', '30'],
    ['of too many directives', `{ ${repeat(51, () => 'eventCursor @skip(if: true)')} }`, 'DOCUMENT_TOO_MANY_DIRECTIVES', '50'],
    [
      'asking for a million rows',
      '{ tasks(first: 100) { nodes { threads(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }',
      'DOCUMENT_TOO_COSTLY',
      '20000',
    ],
    ['of too many tokens', `{ ${repeat(5000, () => 'eventCursor')} }`, 'DOCUMENT_TOO_LARGE', '5000'],
  ])('is refused: a document %s', async (_what, query, code, says) => {
    const answer = await call(app.url, own.operator, query);

    expect(codesOf(answer).slice(0, 1)).toEqual([code]);
    expect(answer.data).toBeNull();
    expect(answer.errors[0]?.message).toContain(says);
    expect(answer.status).toBeLessThan(500);
  });

  it('closes the socket that it came over, and no other', async () => {
    const url = `${app.url.replace('http', 'ws')}/graphql`;
    const init = { type: 'connection_init', payload: { authorization: `Bearer ${own.agent.token}` } };
    const open = async () => {
      const socket = new TestSocket(url);
      await socket.opened;
      socket.send(init);
      await socket.message();
      return socket;
    };
    const [bystander, ...offenders] = [await open(), await open(), await open(), await open(), await open()];

    for (const [index, message] of ['{"type":', 'null', '[]', `"${'x'.repeat(1_048_577)}"`].entries()) {
      offenders[index]?.send(message);
    }

    const codes = await Promise.all(offenders.map(async (socket) => (await socket.closed).code));
    expect(codes).toEqual([4400, 4400, 4400, 1009]);
    bystander?.subscribe('{ __typename }');
    expect(await bystander?.message()).toMatchObject({ type: 'next', payload: { data: { __typename: 'Query' } } });
  });
});

describe('a value of the wrong type', () => {
  it.each(commands)('is refused at every place of $name, which the message names', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of placesOf(command.args)) {
        for (const value of wronglyTyped(place)) {
          const answer = await attempt(command, place, value);

          const codes = codesOf(answer);
          expect(codes.length, said(place, value)).toBeGreaterThan(0);
          for (const code of codes) expect(['BAD_USER_INPUT', 'VALIDATION_FAILED'], said(place, value)).toContain(code);
          expect(answer.text, said(place, value)).toContain(place.name);
          expect(answer.status).toBeLessThan(500);
        }
      }
    });
  });

  it.each(commands)('is null or nothing where $name must have something', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of placesOf(command.args).filter((each) => each.isRequired && !each.isListItem)) {
        for (const value of [null, undefined]) {
          const answer = await attempt(command, place, value);

          expect(codesOf(answer), said(place, value)).toEqual(['BAD_USER_INPUT']);
          expect(answer.text).toContain(place.name);
        }
      }
    });
  });

  it.each(commands)('is a field that $name does not have', async (command) => {
    await leavingAllAsItIs(async () => {
      const answer = await attempt(command, { path: ['input', 'nonsense'] }, 1);

      expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
      expect(answer.text).toContain('nonsense');
    });
  });
});

describe('text', () => {
  const textual = commands.filter((command) => textsOf(command).length > 0);

  it('has a limit wherever it is taken, which its description states', () => {
    const unstated = commands.flatMap((command) =>
      textsOf(command)
        .filter((place) => !statedLimit(place))
        .map((place) => `${command.name}.${place.name}`),
    );

    // Who signs in writes what the user was created with.
    expect(unstated).toEqual(['sessionCreate.email', 'sessionCreate.idempotencyKey', 'sessionCreate.password']);
  });

  it.each(textual)('over its limit is refused by $name, at its limit taken', async (command) => {
    for (const place of textsOf(command)) {
      const limit = statedLimit(place) ?? unstatedLimit(place);
      const tooLong = await leavingAllAsItIs(() => attempt(command, place, textOf(place, limit + 1)));
      const longest = await attempt(command, place, textOf(place, limit));

      expect(refusedFields(tooLong), said(place, limit + 1)).toEqual([place.path.slice(1)]);
      expect(refusedFields(longest), said(place, limit)).toEqual([]);
      expect(codesOf(longest)).not.toContain('INTERNAL_ERROR');
    }
  });

  it.each(textual)('without a word in it is refused by $name where it must say something', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of textsOf(command).filter(({ description }) => /\d+ to \d+ characters/.test(description))) {
        const blanks = place.name === 'idempotencyKey' || place.name === 'password' ? [''] : ['', ' \t\n\u00a0'];
        for (const blank of blanks) {
          expect(refusedFields(await attempt(command, place, blank)), said(place, blank)).toEqual([place.path.slice(1)]);
        }
      }
    });
  });

  // Postgres holds neither: what got through would be a fault of the server, or come back as another character.
  it.each(commands)('with U+0000 or half a character in it is refused by $name', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of placesOf(command.args)) {
        for (const value of unstorable(place)) {
          const answer = await attempt(command, place, value);

          expect(refusedFields(answer), said(place, value)).toEqual([place.path.slice(1)]);
        }
      }
    });
  });
});

describe('a number', () => {
  const limits: Record<string, [number, number]> = {
    count: [1, 100],
    expectedRevision: [1, 2_147_483_647],
    expectedVersion: [1, 2_147_483_647],
    fence: [1, 2_147_483_647],
    leaseSeconds: [1, 86_400],
    prNumber: [1, 2_147_483_647],
    order: [-1_000_000, 1_000_000],
    priority: [0, 100],
  };
  const numeric = commands.filter(({ args }) => placesOf(args).some(({ type }) => type === 'Int'));

  it.each(numeric)('out of its range is refused by $name', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of placesOf(command.args).filter(({ type }) => type === 'Int')) {
        const [min, max] = limits[place.name] ?? [];
        if (min === undefined || max === undefined) throw new Error(`say which numbers ${place.name} takes`);
        for (const value of [min - 1, -2_147_483_648, ...(max < 2_147_483_647 ? [max + 1, 2_147_483_647] : [])]) {
          expect(refusedFields(await attempt(command, place, value)), said(place, value)).toEqual([place.path.slice(1)]);
        }
      }
    });
  });
});

describe('a list', () => {
  it.each([
    ['taskCreateMany', 'tasks', { title: 'one of too many' }, 500],
    ['taskClaimNext', 'kinds', 'general', 50],
    ['taskClaimNext', 'sources', 'GRAPHQL', 5],
    ['taskClaimNext', 'modelTiers', 'standard', 50],
    ['agentRegister', 'specializations', 'sql', 100],
    ['apiKeyCreate', 'scopes', 'READ', 10],
    ['memoryIndex', 'documents', 'one of too many', 100],
    ['memoryDelete', 'documents', 'one of too many', 100],
    ['noteUpdate', 'nodeIds', 'node', 1000],
    ['noteUpdate', 'edgeIds', 'edge', 1000],
    ['ticketUpdate', 'nodeIds', 'node', 1000],
    ['ticketUpdate', 'edgeIds', 'edge', 1000],
    ['settingsUpdate', 'settings', { key: 'AGENT_MODEL', value: 'one of too many' }, 100],
  ] as const)('of too many items is refused: %s.%s', async (name, field, item, max) => {
    const command = named(name);
    const place = { path: ['input', field] };

    const tooMany = await leavingAllAsItIs(() => attempt(command, place, Array(max + 1).fill(item)));
    const most = await attempt(command, place, Array(max).fill(item));

    expect(refusedFields(tooMany)).toEqual([[field]]);
    expect(codesOf(most)).toEqual([]);
  });

  it('is tried wherever a command takes one', () => {
    const taken = commands.flatMap(({ args }) => placesOf(args).flatMap(({ path }) => (path.includes('0') ? [path[1]] : [])));

    const here = [
      'documents',
      'edgeIds',
      'kinds',
      'modelTiers',
      'nodeIds',
      'scopes',
      'settings',
      'sources',
      'specializations',
      'tasks',
    ];
    // Lists of things that differ, and so tried where there are as many: test/orchestrators.test.ts, test/projects.test.ts.
    const elsewhere = ['collaborators', 'columns', 'edges', 'nodes', 'orchestratorIds'];
    expect(new Set(taken)).toEqual(new Set([...here, ...elsewhere]));
  });
});

describe('an id', () => {
  const identifying = commands.filter(({ args }) => placesOf(args).some(({ type }) => type === 'ID'));

  it.each(identifying)('that is none, or of nothing, is refused by $name with the field it stands in', async (command) => {
    await leavingAllAsItIs(async () => {
      for (const place of placesOf(command.args).filter(({ type }) => type === 'ID')) {
        const field = place.path.slice(1);
        for (const malformed of ['', 'not-an-id', '7', `${newId()}0`, '\u0000']) {
          expect(refusedFields(await attempt(command, place, malformed)), said(place, malformed)).toEqual([field]);
        }
        for (const unknown of [newId(), '00000000-0000-0000-0000-000000000000']) {
          const answer = await attempt(command, place, unknown);

          expect(userErrors(answer), said(place, unknown)).toHaveLength(1);
          expect(userErrors(answer)[0]).toMatchObject({ code: expect.stringMatching(/_NOT_FOUND$|^VALIDATION_FAILED$/) });
          expect([field, [field.at(-1)]], said(place, unknown)).toContainEqual(userErrors(answer)[0]?.path);
        }
      }
    });
  });

  it.each(reads)('that is none finds nothing: $name', async (read) => {
    for (const place of placesOf(read.args).filter(({ type }) => type === 'ID')) {
      for (const malformed of ['not-an-id', '7', `${newId()}0`]) {
        const answer = await attempt(read, place, malformed);

        expect(
          codesOf(answer).filter((code) => !['AGENT_NOT_FOUND', 'PROJECT_NOT_FOUND'].includes(code ?? '')),
          said(place, malformed),
        ).toEqual([]);
        expect(answer.text).not.toContain(own.mark);
      }
    }
  });
});

describe('time', () => {
  it.each(['taskCreate', 'taskCreateMany', 'taskUpdate', 'apiKeyCreate'])('that is over is refused by %s', async (name) => {
    const command = named(name);
    const [place] = placesOf(command.args).filter(({ type }) => type === 'DateTime');

    const answer = await leavingAllAsItIs(() => attempt(command, place as Place, '2020-01-01T00:00:00.000Z'));

    expect(refusedFields(answer)).toEqual([place?.path.slice(1)]);
    expect(answer.text).toContain('must lie in the future');
  });
});

describe('an old fence', () => {
  it('is refused by every command that takes one, and changes nothing', async () => {
    const fenced = commands.filter(({ args }) => placesOf(args).some(({ name }) => name === 'fence'));
    const again = await seedThings(app, own);
    const { claimedTaskId: taskId, fence } = again;
    for (const name of ['taskRelease', 'taskClaim']) await mutate(app, again.agent, name, { taskId }, '__typename');
    await app.sql('update job set fence = $2 where id = $1', [again.things.Job, fence + 1]);

    for (const command of fenced) {
      const variables = withValue(validVariables(command, again), { path: ['input', 'fence'] }, fence);
      const answer = await leavingAllAsItIs(() => call(app.url, own.operator, command.document, variables));

      const isAboutJob = placesOf(command.args).some(({ name }) => name === 'jobId');
      const refusal = isAboutJob ? { code: 'JOB_NOT_RUNNING', path: ['jobId'] } : { code: 'LEASE_LOST', path: ['taskId'] };
      expect(userErrors(answer), command.name).toMatchObject([refusal]);
    }
  });
});

describe('JSON', () => {
  const places = commands.flatMap((command) =>
    placesOf(command.args)
      .filter(({ type }) => type === 'JSON')
      .map((place) => ({ command, place, name: `${command.name}.${place.name}` })),
  );

  it.each(places)('nested too deep or too large is refused: $name', async ({ command, place }) => {
    const nested = (levels: number) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`);
    await leavingAllAsItIs(async () => {
      for (const value of [nested(65), nested(2000), { text: 'x'.repeat(262_144) }, { text: 'é'.repeat(131_072) }]) {
        expect(refusedFields(await attempt(command, place, value)), place.name).toEqual([place.path.slice(1)]);
      }
    });
  });

  it('nested deeper than a stack is refused', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const variables = JSON.stringify({ input: { title: 'deep', metadata: 'here' } }).replace('"here"', `{"a":${deep}}`);
    const { document } = named('taskCreate');

    const answer = await leavingAllAsItIs(() =>
      send(app.url, own.operator, `{"query": ${JSON.stringify(document)}, "variables": ${variables}}`),
    );

    expect(refusedFields(answer)).toEqual([['metadata']]);
  });

  it('reads back as it was written, whatever its keys are called', async () => {
    const odd = { '': 0, $: { $$date: { $date: '2020' } }, toJSON: null, hasOwnProperty: 1, list: [null, -0.5, 'é😀'] };
    const metadata = { ...odd, constructor: { prototype: odd }, deep: [odd] };
    const input = { title: 'odd', metadata, idempotencyKey: uniqueName('key') };
    const create = () => mutate<WithTask>(app, own.operator, 'taskCreate', input, 'task { id metadata }');

    const [{ task }, repeated] = [await create(), await create()];
    const read = await call(app.url, own.operator, 'query ($id: ID!) { task(id: $id) { metadata } }', { id: task.id });

    expect(task.metadata).toEqual(metadata);
    expect(repeated.task).toEqual(task);
    expect(read.data).toEqual({ task: { metadata } });
  });

  it.each(places)('with a key that would be lost is refused: $name', async ({ command, place }) => {
    await leavingAllAsItIs(async () => {
      for (const value of ['{"__proto__": {"polluted": true}}', '{"deep": [{"__proto__": 1}]}'].map((text) => JSON.parse(text))) {
        expect(refusedFields(await attempt(command, place, value))).toEqual([place.path.slice(1)]);
      }
    });

    expect({}).not.toHaveProperty('polluted');
  });
});

describe('a page', () => {
  it.each(lists)('that cannot be named is refused: $name', async (list) => {
    const { first: _, ...variables } = validVariables(list, own);
    const ask = (page: object) => call(app.url, own.operator, list.document, { ...variables, ...page });

    for (const page of [{ first: -1 }, { last: -1 }, { first: 5, last: 5 }, { last: 5, first: 0 }]) {
      expect(codesOf(await ask(page)), JSON.stringify(page)).toEqual(['VALIDATION_FAILED']);
    }
  });

  it.each(lists)('of more than a hundred rows is cut: $name', async (list) => {
    const variables = { ...validVariables(list, own), first: 2_147_483_647 };
    const answer = await call(app.url, own.operator, list.shallowDocument, variables);

    expect(codesOf(answer)).toEqual([]);
  });
});

describe('a list that changes while it is paged through', () => {
  it.each(['OLDEST', 'NEWEST', 'PRIORITY'])('shows every row that stays, in the order %s', async (orderBy) => {
    const kind = uniqueName('kind');
    const tasks = [1, 2, 3, 4].map((priority) => ({ title: kind, kind, priority }));
    await mutate(app, own.operator, 'taskCreateMany', { tasks }, '__typename');
    const page = async (cursor: object) => {
      const query = `query ($kind: String!, $orderBy: TaskOrder, $first: Int, $after: String, $last: Int, $before: String) {
        tasks(filter: { kinds: [$kind], statuses: [READY] }, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
          nodes { id } pageInfo { startCursor endCursor }
        }
      }`;
      return (await call(app.url, own.operator, query, { kind, orderBy, ...cursor })).data?.tasks as {
        nodes: { id: string }[];
        pageInfo: { startCursor: string; endCursor: string };
      };
    };
    const all = (await page({ first: 10 })).nodes;
    const [first, last] = [await page({ first: 1 }), await page({ last: 1 })];
    // Whoever reads takes the tasks at the ends of the list, which so leave it.
    for (const taskId of [first, last].map(({ nodes }) => nodes[0]?.id)) {
      await mutate(app, own.operator, 'taskCancel', { taskId }, '__typename');
    }

    const next = await page({ first: 10, after: first.pageInfo.endCursor });
    const previous = await page({ last: 10, before: last.pageInfo.startCursor });

    expect(all).toHaveLength(4);
    expect(next.nodes).toEqual(all.slice(1, 3));
    expect(previous.nodes).toEqual(all.slice(1, 3));
  });
});

describe('a cursor', () => {
  const cursors = [
    'garbage',
    ' ',
    '\u0000',
    '\ud800',
    'GPC:S:1',
    encoded('GPC:S:'),
    encoded('GPC:S:not-an-id'),
    encoded('GPC:N:7'),
    encoded('e1:0:x'),
    '0',
    '-1',
    '1e9',
    '9'.repeat(30),
  ];

  it.each(lists)('that is none of the list is refused: $name', async (list) => {
    for (const place of ['after', 'before']) {
      for (const cursor of cursors) {
        const { first: _, ...variables } = validVariables(list, own);
        const answer = await call(app.url, own.operator, list.document, { ...variables, [place]: cursor });

        expect(['INVALID_CURSOR', 'VALIDATION_FAILED'], `${place}: ${cursor}`).toContain(codesOf(answer)[0]);
        expect(answer.errors[0]?.message).toContain(place);
        expect(answer.errors[0]).toHaveProperty('path');
      }
    }
  });

  it.each(operationsOf(schema, 'subscription'))('that is none of the log is refused: $name', async (subscription) => {
    const client = app.client(own.agent);
    for (const after of [...cursors, encoded('e1:99999999999999999999:1'), encoded(`GPC:S:${newId()}`)]) {
      const stream = client.subscribe(parse(subscription.document), { after });

      await expect(stream.next(), after).rejects.toMatchObject({
        code: expect.stringMatching(/^INVALID_CURSOR$|^VALIDATION_FAILED$/),
      });
    }
  });
});

describe('a filter', () => {
  it.each(reads)('with U+0000 in it is no fault of the server: $name', async (read) => {
    for (const place of placesOf(read.args).filter(({ type }) => type === 'String')) {
      const { first: _, ...variables } = validVariables(read, own);
      const answer = await call(app.url, own.operator, read.document, withValue(variables, place, 'a\u0000b'));

      expect(codesOf(answer), place.path.join('.')).not.toContain('INTERNAL_ERROR');
    }
  });

  it.each(reads)('by an instant that no calendar has is no fault of the server: $name', async (read) => {
    for (const place of placesOf(read.args).filter(({ type }) => type === 'DateTime')) {
      for (const instant of ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']) {
        const answer = await attempt(read, place, instant);

        expect(codesOf(answer), instant).not.toContain('INTERNAL_ERROR');
      }
    }
  });
});

describe('anything else', () => {
  it('is answered and leaves nothing half-written, whatever is sent to a command', async () => {
    const callers = { operator: own.operator, agent: own.agent, elsewhere: { token: adminToken } };
    // Signing out would leave the others without a caller, and hashing passwords takes its time.
    const names = commands.map(({ name }) => name).filter((name) => !/^session|^userCreate$/.test(name));
    const requests = fc.constantFrom(...names).chain((name) =>
      fc.record({
        name: fc.constant(name),
        caller: fc.constantFrom(...(Object.keys(callers) as (keyof typeof callers)[])),
        changes: fc.array(fc.constantFrom(...placesOf(named(name).args)).chain(garbageAt), { minLength: 1, maxLength: 4 }),
      }),
    );

    await fc.assert(
      fc.asyncProperty(requests, async ({ name, caller, changes }) => {
        const command = named(name);
        const variables = changes.reduce(
          (rest, { path, value }) => withValue(rest, { path }, value),
          validVariables(command, own),
        );
        const before = await countRowsButKeys();

        const answer = await call(app.url, callers[caller], command.document, variables);

        expect(answer.status).toBeLessThan(500);
        expect(codesOf(answer)).not.toContain('INTERNAL_ERROR');
        if (codesOf(answer).length > 0) expect(await countRowsButKeys()).toEqual(before);
      }),
      { numRuns: 80 },
    );
  });

  it('was no fault of the server, in all of these tests', () => {
    expect(app.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  });
});

interface WithTask {
  task: { id: string; metadata: Record<string, unknown> };
}

/** Numbers of rows, without the keys under which failures are kept too. */
async function countRowsButKeys(): Promise<object> {
  return { ...(await countRows(app)), '"idempotency_key"': null };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Runs what must not change anything. */
async function leavingAllAsItIs<Result>(act: () => Promise<Result>): Promise<Result> {
  const before = await countRows(app);
  const result = await act();
  expect(await countRows(app)).toEqual(before);
  return result;
}

/** Sends the operation as it would succeed, but for the value at one place. */
function attempt(operation: Operation, place: Pick<Place, 'path'>, value: unknown): Promise<Answer> {
  return call(app.url, own.operator, operation.document, withValue(validVariables(operation, own), place, value));
}

/** The fields that the answer says are not valid. */
function refusedFields(answer: Answer): UserError['path'][] {
  return userErrors(answer)
    .filter(({ code }) => code === 'VALIDATION_FAILED')
    .map(({ path }) => path);
}

function named(name: string): Operation {
  const found = commands.find((command) => command.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function said({ path }: Place, value: unknown): string {
  return `${path.join('.')}: ${JSON.stringify(value)?.slice(0, 80)}`;
}

function repeat(count: number, make: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => make(index)).join(' ');
}

function nest(levels: number): string {
  return `${'{ tasks { nodes { project '.repeat(levels)}{ id }${' } } }'.repeat(levels)}`;
}

/** What a place of this type cannot hold. */
function wronglyTyped({ type, name, enumValues }: Place): unknown[] {
  if (enumValues.length > 0) return ['NONSENSE', '', 7, true, {}, enumValues[0]?.toLowerCase()];
  switch (type) {
    case 'String':
      return [7, true, {}, [['a']]];
    case 'ID':
      return [1.5, true, {}, [['a']]];
    case 'Int':
      return ['7', 1.5, 2_147_483_648, -2_147_483_649, true, {}];
    case 'Boolean':
      return ['true', 0, {}];
    case 'DateTime':
      return ['yesterday', '', '2099-01-01', '2099-13-01T00:00:00Z', '2099-02-30T00:00:00Z', true, {}];
    case 'JSON':
      return name === 'result' ? [] : ['text', 7, true, []];
    default:
      throw new Error(`nothing is known about the type ${type}`);
  }
}

function textsOf({ args }: Operation): Place[] {
  // GitHub's id is a number, and text only because GraphQL's numbers are too small for it.
  return placesOf(args).filter(({ type, name }) => type === 'String' && name !== 'githubCommentId');
}

/** Characters that the description says the text may have. */
function statedLimit({ description }: Place): number | null {
  const [, limit] = /(?:at most|\d to) (\d+) characters/i.exec(description) ?? [];
  return limit ? Number(limit) : null;
}

function unstatedLimit({ name }: Place): number {
  const limits: Record<string, number> = { email: 254, endpointUrl: 2000, idempotencyKey: 255, password: 200 };
  return limits[name] ?? 100;
}

/** Text of so many characters that is otherwise right for the place. */
function textOf({ name }: Place, length: number): string {
  switch (name) {
    case 'email':
      return `${uniqueName('user')}@`.padEnd(length - '.example.org'.length, 'x').concat('.example.org');
    case 'endpointUrl':
      return 'https://example.org/'.padEnd(length, 'x');
    case 'slug':
      return uniqueName('slug').padEnd(length, '-');
    default:
      return uniqueName(name).padEnd(length, 'x');
  }
}

/** Values that are right but for a character that cannot be stored. */
function unstorable({ type, name }: Place): unknown[] {
  const texts = ['a\u0000b', 'a\ud800b', '\udc00'];
  if (type === 'String' && name !== 'password') return texts;
  if (type === 'JSON') return texts.flatMap((text) => [{ text }, { [text]: 1 }, { list: [[{ deep: text }]] }]);
  return [];
}

/** Something for the place: often of its type, seldom right. */
function garbageAt(place: Place): fc.Arbitrary<{ path: readonly string[]; value: unknown }> {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 3000 }),
    fc.constantFrom('', ' ', '\u0000', '\ud800', '__proto__', 'constructor', "'; drop table task; --", '%', '\\'),
  );
  const typed: Record<string, fc.Arbitrary<unknown>> = {
    String: texts,
    ID: fc.oneof(fc.constantFrom(newId(), ...Object.values(own.things)), fc.uuid(), texts),
    // A lease must not lapse while the property runs: returning the task is a change that no refusal makes.
    Int: fc.oneof(fc.integer(), fc.integer({ min: 60, max: 200 })),
    Boolean: fc.boolean(),
    DateTime: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      texts,
    ),
    JSON: fc.oneof(fc.jsonValue({ maxDepth: 5 }), fc.dictionary(texts, fc.jsonValue({ maxDepth: 2 }))),
  };
  const ofType = place.enumValues.length > 0 ? fc.constantFrom(...place.enumValues) : (typed[place.type] ?? texts);
  const value = fc.oneof({ weight: 4, arbitrary: ofType }, fc.constantFrom(null, undefined), fc.jsonValue({ maxDepth: 2 }));
  return value.map((each) => ({ path: place.path, value: each }));
}
