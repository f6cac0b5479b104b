import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { newId } from '../src/kernel/ids.js';
import { startTestApp, type TestApp } from './support/app.js';
import type { Caller } from './support/graphql-call.js';
import { sendWire, type WireAnswer } from './support/http-request.js';
import { type Document, operationsOf as endpointsOf, type RestOperation } from './support/openapi.js';
import { type Attempt, type Known, RequestArbitraries, wirePath } from './support/openapi-requests.js';
import { type SeededOrganization, seedOrganization, validValue, validVariables } from './support/organization.js';
import { rest } from './support/rest-call.js';
import { seedRestThings } from './support/rest-things.js';
import {
  nestedOperationsOf,
  nodePlace,
  type Operation,
  operationsOf,
  type Place,
  placesOf,
  withValue,
} from './support/schema-walk.js';
import { contentOf } from './support/table-rows.js';
import { Random } from './torture/random.js';

/**
 * Requests in which some of what is named is another organization's, each beside the same request with ids of nothing: the
 * two answers must be one. TENANT_FUZZ_SEED takes another seed, and TENANT_FUZZ_RUNS=10 makes ten times as many.
 */
const seed = Number(process.env.TENANT_FUZZ_SEED ?? 20_261_121);
const times = Number(process.env.TENANT_FUZZ_RUNS ?? 1);
const graphqlCases = 3600 * times;
const restCases = 1500 * times;
/** Cases under way at once. */
const atOnce = 12;
vi.setConfig({ testTimeout: 60_000 * times });

const adminToken = 'an-admin-token-of-the-test-alone';
const schema = buildSchema();
const environment = {
  ADMIN_TOKEN: adminToken,
  TERARCHITECT_WORKER_API_KEY: 'a-worker-key-of-the-test-alone',
  TERARCHITECT_SECRET_KEY: '5e'.repeat(32),
  ORCHESTRATOR_USER_LIMIT_PER_MINUTE: '1000000',
  ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: '1000000',
};

let app: TestApp;
let ours: SeededOrganization;
let theirs: SeededOrganization;
let document: Document;
/** By dialect. */
const known = new Map<string, { ours: Known; theirs: Known }>();
const connections = new Agent({ keepAlive: true, maxSockets: atOnce });

beforeAll(async () => {
  app = await startTestApp(environment, { runsClockwork: false });
  theirs = await seedOrganization(app, adminToken);
  ours = await seedOrganization(app, adminToken);
  document = (await rest(app, 'GET', '/openapi.json')).json;
  for (const dialect of new Set(endpointsOf(document).map((endpoint) => endpoint.dialect))) {
    known.set(dialect, { theirs: await seedRestThings(app, theirs, dialect), ours: await seedRestThings(app, ours, dialect) });
  }
});

afterAll(async () => {
  connections.destroy();
  await app.stop();
});

/** Something of theirs, and what stands for it in the request that is about nothing; the same each time. */
const strangers = new Map<string, string>();

function nobodys(name: string): string {
  let stranger = strangers.get(name);
  if (stranger === undefined) {
    stranger = /^[0-9a-f-]{36}$/.test(name) ? newId() : randomLike(name);
    strangers.set(name, stranger);
  }
  return stranger;
}

const letters = new Random(seed);

/** As long, and of the same kinds of characters. */
function randomLike(text: string): string {
  return text.replace(/[a-z0-9]/g, (character) => {
    const among = /\d/.test(character) ? '0123456789' : 'abcdefghijklmnopqrstuvwxyz';
    return among[letters.between(0, among.length - 1)] ?? character;
  });
}

/** Names of nothing, for the requests that are made once. */
const nobody = Array.from({ length: 10 }, () => newId());

/** The answer without the names that were sent, and without what is new and now in any answer. */
function neutral({ status, headers, text }: WireAnswer, sent: readonly string[]): string {
  let rest = text;
  for (const name of sent) rest = rest.replaceAll(name, '…').replaceAll(nobodys(name), '…');
  rest = rest
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, (id) => (ourIds.has(id) ? id : '<id>'))
    .replaceAll(/\bc[a-z0-9]{24}\b/g, '<id>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?/g, '<time>');
  return `${status} ${headers.get('content-type')} ${headers.get('www-authenticate')} ${rest}`;
}

const ourIds = new Set<string>();

/** Runs the cases, some at once; each makes the one request and then the other. */
async function runAll<Case>(cases: Case[], width: number, run: (each: Case) => Promise<void>): Promise<void> {
  const queue = cases.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const each of queue) await run(each);
    }),
  );
}

function headersOf({ token, organization }: Caller): Record<string, string> {
  return { ...(token && { authorization: `Bearer ${token}` }), ...(organization && { 'x-organization': organization }) };
}

function expectAlike(what: string, sent: readonly string[], answer: WireAnswer, ofNobody: WireAnswer): void {
  const shown = `seed ${seed}: ${what}`;
  expect(neutral(answer, sent), shown).toBe(neutral(ofNobody, sent));
  expect(answer.status, `${shown} ${answer.text}`).toBeLessThan(500);
  // A mark is part of some names; where it was sent it may come back.
  const rest = sent.reduce((text, name) => text.replaceAll(name, '…'), answer.text);
  expect(rest, shown).not.toContain(theirs.mark);
  for (const id of Object.values(theirs.things)) expect(rest, shown).not.toContain(id);
}

interface GraphqlCase {
  operation: Operation;
  caller: Caller;
  variables: Record<string, unknown>;
  nobodysVariables: Record<string, unknown>;
  sent: string[];
  /** What tells the request about nothing from others: with the same, it is the same. */
  shape: string;
}

const commandsBetweenOrganizations = ['collaborationRequest', 'conflictResolve', 'taskDelegate', 'taskHandOff'];

function placesToName(operation: Operation): Place[] {
  const places = placesOf(operation.args).filter(({ type }) => type === 'ID');
  return operation.name.includes('.') ? [...places, nodePlace] : places;
}

function graphqlCase(random: Random, operation: Operation): GraphqlCase {
  // The operator sees orchestrators everywhere, and is told when those of different organizations are to coordinate.
  const isToldOf = commandsBetweenOrganizations.includes(operation.name);
  const caller = random.pick(isToldOf ? [ours.user, ours.agent] : [ours.user, ours.agent, ours.operator]);
  const places = placesToName(operation);
  const certain = random.pick(places);
  const theirIds = Object.values(theirs.things);
  let variables = validVariables(operation, ours);
  // An agent or a task can be named in another way than by its id.
  let nobodysVariables = variables;
  const sent: string[] = [];
  const shape = [operation.name, caller.token, caller.organization];
  for (const place of places) {
    if (place !== certain && !random.chance(0.4)) continue;
    const fitting = place === nodePlace ? validVariables(operation, theirs).node : validValue(operation, place, theirs);
    const name = typeof fitting === 'string' && random.chance(0.7) ? fitting : random.pick(theirIds);
    sent.push(name);
    variables = withValue(variables, place, name);
    // What is named twice there is named twice here.
    const which = [...new Set(sent)].indexOf(name);
    nobodysVariables = withValue(nobodysVariables, place, nobody[which]);
    shape.push(`${place.path.join('.')}=${which}`);
  }
  for (const place of placesOf(operation.args)) {
    if (place.isRequired || place.type === 'ID' || !random.chance(0.2)) continue;
    variables = withValue(variables, place, undefined);
    nobodysVariables = withValue(nobodysVariables, place, undefined);
    shape.push(`-${place.path.join('.')}`);
  }
  return { operation, caller, variables, nobodysVariables, sent, shape: shape.join(' ') };
}

describe('what is named of another organization is answered like what there is not', () => {
  it('by GraphQL, in whatever combination', async () => {
    const random = new Random(seed);
    for (const { things } of [ours]) for (const id of Object.values(things)) ourIds.add(id);
    const all = [...operationsOf(schema, 'query', 'mutation'), ...nestedOperationsOf(schema)];
    const naming = all.filter((operation) => placesToName(operation).length > 0);
    const cases = Array.from({ length: graphqlCases }, (_, index) =>
      graphqlCase(random, naming[index % naming.length] as Operation),
    );
    const before = await contentOf(app, [theirs.organizationId]);
    const post = (caller: Caller, query: string, variables: object) =>
      sendWire(app.url, {
        method: 'POST',
        path: '/graphql',
        headers: { 'content-type': 'application/json', ...headersOf(caller) },
        body: JSON.stringify({ query, variables }),
        agent: connections,
      });

    // What changes nothing is answered alike each time, and is asked once.
    const answersOfNobody = new Map<string, Promise<WireAnswer>>();

    await runAll(cases, atOnce, async ({ operation, caller, variables, nobodysVariables, sent, shape }) => {
      const answer = await post(caller, operation.shallowDocument, variables);
      const asked = answersOfNobody.get(shape) ?? post(caller, operation.shallowDocument, nobodysVariables);
      answersOfNobody.set(shape, asked);
      expectAlike(`${operation.name} ${JSON.stringify(variables)}`, [...sent, ...nobody], answer, await asked);
      expect(answer.text).not.toContain('INTERNAL_ERROR');
    });

    expect(naming.length).toBeGreaterThan(60);
    expect(await contentOf(app, [theirs.organizationId])).toEqual(before);
  });

  it('by the older APIs, in whatever combination', async () => {
    const random = new Random(seed + 1);
    const requests = new Map([...known].map(([dialect, { ours: own }]) => [dialect, new RequestArbitraries(document, own)]));
    const naming = endpointsOf(document)
      .map((endpoint) => ({ endpoint, simplest: requests.get(endpoint.dialect)?.simplest(endpoint) as Attempt }))
      .filter(({ endpoint, simplest }) => namesIn(endpoint, simplest).length > 0);
    const before = await contentOf(app, [theirs.organizationId]);

    const answersOfNobody = new Map<string, Promise<WireAnswer>>();
    const cases = Array.from({ length: restCases }, (_, index) => {
      const { endpoint, simplest } = naming[index % naming.length] as (typeof naming)[number];
      // As above: what the operator is told of orchestrators is more than others are.
      const isToldOf = endpoint.dialect === 'orchestrator';
      const caller = random.pick(isToldOf ? [ours.user, ours.agent] : [ours.user, ours.agent, ours.operator]);
      const names = namesIn(endpoint, simplest);
      const certain = random.pick(names);
      const chosen = names.filter((name) => name === certain || random.chance(0.5));
      const sent = chosen.map(({ name }) => name);
      const attempt = chosen.reduce((made, { path, name }) => replaced(made, path, name), simplest);
      const ofNothing = chosen.reduce((made, { path, name }) => replaced(made, path, nobodys(name)), simplest);
      return { caller, sent, attempt, ofNothing };
    });

    await runAll(cases, atOnce, async ({ caller, sent, attempt, ofNothing }) => {
      const what = `${attempt.operation.name} ${wirePath(attempt)} ${JSON.stringify(attempt.body)}`;
      const answer = await send(attempt, caller);
      const shape = `${caller.token} ${caller.organization} ${ofNothing.operation.method} ${wirePath(ofNothing)} ${JSON.stringify([ofNothing.headers, ofNothing.body])}`;
      const asked = answersOfNobody.get(shape) ?? send(ofNothing, caller);
      answersOfNobody.set(shape, asked);
      expectAlike(what, sent, answer, await asked);
    });

    expect(naming.length).toBeGreaterThan(40);
    expect(graphqlCases + restCases).toBeGreaterThanOrEqual(5000);
    expect(await contentOf(app, [theirs.organizationId])).toEqual(before);
  });
});

function isMinted(name: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^c[a-z0-9]{24}$/.test(name);
}

interface Named {
  /** Where in the attempt: `['body', 'value', 'thread_id']`. */
  path: string[];
  /** What of theirs stands there. */
  name: string;
}

/** The places of a request that name things, with what of theirs could be named there. */
function namesIn(endpoint: RestOperation, attempt: Attempt): Named[] {
  const { ours: own, theirs: other } = known.get(endpoint.dialect) as { ours: Known; theirs: Known };
  const named: Named[] = [];
  const look = (value: unknown, path: string[], field: string) => {
    if (typeof value === 'string') {
      const index = own(endpoint, field).indexOf(value);
      const name = other(endpoint, field)[index];
      // Names that were given from outside are each organization's own; ids that we minted are not.
      if (typeof name === 'string' && name !== value && isMinted(name)) named.push({ path, name });
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) look(item, [...path, String(index)], field);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) look(item, [...path, key], key);
    }
  };
  look(attempt.path, ['path'], '');
  look(attempt.query, ['query'], '');
  look(attempt.headers, ['headers'], '');
  if (attempt.body && 'value' in attempt.body) look(attempt.body.value, ['body', 'value'], '');
  return named;
}

function replaced(attempt: Attempt, path: readonly string[], value: string): Attempt {
  const { operation, ...parts } = attempt;
  return { operation, ...(withValue(parts, { path }, value) as Omit<Attempt, 'operation'>) };
}

function send(attempt: Attempt, caller: Caller): Promise<WireAnswer> {
  const { operation, body, headers } = attempt;
  const isJson = body !== null && 'value' in body;
  return sendWire(app.url, {
    method: operation.method,
    path: wirePath(attempt),
    headers: { ...headersOf(caller), ...(isJson && { 'content-type': 'application/json' }), ...headers },
    body: isJson ? JSON.stringify(body.value) : null,
    agent: connections,
  });
}
