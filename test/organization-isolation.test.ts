import { parse } from 'graphql';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { EventCursorDocument, EventsDocument } from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { type Caller, call, codesOf } from './support/graphql-call.js';
import {
  enqueueJob,
  mutate,
  type SeededOrganization,
  seedOrganization,
  unknownTo,
  validValue,
  validVariables,
} from './support/organization.js';
import {
  nestedOperationsOf,
  nodePlace,
  type Operation,
  operationsOf,
  type Place,
  placesOf,
  withValue,
} from './support/schema-walk.js';
import { StreamReader } from './support/stream.js';
import { contentOf } from './support/table-rows.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const schema = buildSchema();
const reads = [...operationsOf(schema, 'query'), ...nestedOperationsOf(schema)];
const commands = operationsOf(schema, 'mutation');
const subscriptions = operationsOf(schema, 'subscription');

let app: TestApp;
/** Whose things are to stay hidden. */
let theirs: SeededOrganization;
/** Whose callers try to see or change them. */
let ours: SeededOrganization;
/** Names as theirs are, but of nothing: the id is made between their things and ours, so that it sorts as theirs do. */
const nobodys = { id: '', externalId: 'nobody', taskNumber: 4711 };

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken }, { runsClockwork: false });
  theirs = await seedOrganization(app, adminToken);
  nobodys.id = newId();
  ours = await seedOrganization(app, adminToken);
  await app.sql('update task set number = null where id = $1', [ours.things.Task]);
});

afterAll(() => app.stop());

it('is tested over every operation, every kind of thing and every id that the schema has', () => {
  expect(unknownTo(schema, [...reads, ...commands, ...subscriptions], theirs)).toEqual([]);
});

describe('what belongs to another organization', () => {
  it.each(reads.filter((read) => !showsNoText(read)))('is shown by $name to that organization itself', async (read) => {
    const attempts = attemptsOf(read, theirs);

    for (const { theirVariables } of [...attempts, { theirVariables: validVariables(read, theirs) }]) {
      const answer = await call(app.url, theirs.operator, read.document, theirVariables);
      expect(answer.text, JSON.stringify(theirVariables)).toContain(theirs.mark);
    }
  });

  it.each([...reads, ...commands])('is to $name as if it did not exist', async (operation) => {
    const before = await contentOf(app, namesOf(theirs));

    for (const caller of callers().filter((each) => !isExempt(operation, each))) {
      for (const { theirVariables, nobodysVariables, place } of attemptsOf(operation, ours)) {
        if (caller === ours.operator && isToldOf(operation, place)) continue;
        const answer = await call(app.url, caller, operation.document, theirVariables);
        const ofNobody = await call(app.url, caller, operation.document, nobodysVariables);

        expect(neutral(answer.text), JSON.stringify(theirVariables)).toBe(neutral(ofNobody.text));
        expect(answer.text).not.toContain(theirs.mark);
        expect(codesOf(answer)).not.toContain('INTERNAL_ERROR');
      }
    }
    expect(await contentOf(app, namesOf(theirs))).toEqual(before);
  });

  it.each([...reads, ...commands])('is neither told nor touched by $name that names none of it', async (operation) => {
    const before = await contentOf(app, namesOf(theirs));

    for (const caller of callers().filter((each) => !isExempt(operation, each))) {
      const answer = await call(app.url, caller, operation.document, validVariables(operation, ours));

      expect(answer.text).not.toContain(theirs.mark);
      expect(codesOf(answer)).not.toContain('INTERNAL_ERROR');
    }
    expect(await contentOf(app, namesOf(theirs))).toEqual(before);
  });

  it.each(reads.filter(({ args }) => args.some(({ name }) => name === 'after')))(
    'is not to be found by a cursor of $name',
    async (list) => {
      for (const [their, nobody] of await cursorsFor(list)) {
        for (const caller of callers().filter((each) => !isExempt(list, each))) {
          for (const [end, size] of [
            ['after', 'first'],
            ['before', 'last'],
          ] as const) {
            const { first: _, ...variables } = validVariables(list, ours);
            const ask = (cursor: string) => call(app.url, caller, list.document, { ...variables, [size]: 5, [end]: cursor });
            const [answer, ofNobody] = [await ask(their), await ask(nobody)];

            expect(neutral(answer.text)).toBe(neutral(ofNobody.text));
            expect(answer.text).not.toContain(theirs.mark);
            expect(codesOf(answer)).not.toContain('INTERNAL_ERROR');
          }
        }
      }
    },
  );

  it('cannot be reached by naming the organization: only the operator chooses where to act', async () => {
    for (const { token } of [ours.user, ours.agent]) {
      const answer = await call(app.url, { token, organization: theirs.slug }, '{ tasks { nodes { title } } }');
      const ofNobody = await call(app.url, { token, organization: 'nowhere' }, '{ tasks { nodes { title } } }');

      expect(codesOf(answer)).toEqual(['ORGANIZATION_NOT_FOUND']);
      expect(answer.text.replaceAll(theirs.slug, 'nowhere')).toBe(ofNobody.text);
    }
  });
});

describe('events of another organization', () => {
  let teller: SeededOrganization;
  let listener: SeededOrganization;
  /** Before anything happened to the teller. */
  let beginning: string;

  beforeAll(async () => {
    beginning = await cursorOfNow();
    teller = await seedOrganization(app, adminToken);
    listener = await seedOrganization(app, adminToken);
  });

  it.each(subscriptions)('never come over $name, whatever of it the filter names', async (subscription) => {
    const after = await cursorOfNewEvent(teller);
    const filters = placesOf(subscription.args)
      .filter((place) => place.type === 'ID')
      .map((place) => withValue({ after }, place, validValue(subscription, place, teller)));
    const told = filters.map((variables) => open(teller.operator, subscription, variables));
    const listeners = [listener.operator, listener.user, listener.agent];
    const prying = listeners.flatMap((caller) => filters.map((variables) => open(caller, subscription, variables)));
    const listening = listeners.map((caller) => open(caller, subscription, { after }));

    // The first round may be read from the log, as behind a cursor; the later ones are delivered live.
    for (const round of [1, 2, 3]) {
      await makeEvents(teller);
      await makeEvents(listener);
      await Promise.all([...told, ...listening].map((stream) => stream.take(round)));
    }
    // What was on its way to the others by then has arrived with this.
    await makeEvents(listener);
    await Promise.all(listening.map((stream) => stream.take(4)));

    expect(prying.flatMap((stream) => stream.items)).toEqual([]);
    const heard = JSON.stringify(listening.map((stream) => stream.items));
    for (const name of namesOf(teller)) expect(heard).not.toContain(name);
    await Promise.all([...told, ...prying, ...listening].map((stream) => stream.stop()));
  });

  it.each(subscriptions)('come over $name to those that share their execution as to each alone', async (subscription) => {
    // Another name makes another document, with which nobody else shares.
    const alone = { ...subscription, document: subscription.document.replace('subscription', 'subscription Alone') };
    const live = open(teller.operator, subscription, { after: await cursorOfNow() });
    await makeEvents(teller);
    const [last] = await live.take(1);
    await live.stop();

    for (const caller of [teller.operator, teller.user, teller.agent]) {
      const told = [subscription, subscription, alone].map((operation) => open(caller, operation, { after: beginning }));
      const [first, second, expected] = await Promise.all(
        told.map(async (stream) => {
          await stream.find((item) => cursorOf(item) === cursorOf(last));
          return stream.items.slice(0, stream.items.findIndex((item) => cursorOf(item) === cursorOf(last)) + 1);
        }),
      );
      await Promise.all(told.map((stream) => stream.stop()));

      expect(first).toEqual(expected);
      expect(second).toEqual(expected);
      expect(JSON.stringify(expected)).toContain(teller.mark);
    }
  });
});

function cursorOf(item: unknown): string {
  return Object.values(item as Record<string, { cursor: string }>)[0]?.cursor ?? '';
}

async function cursorOfNow(): Promise<string> {
  return (await app.client(ours.operator).request(EventCursorDocument, {})).eventCursor;
}

function callers(): Caller[] {
  return [ours.operator, ours.user, ours.agent];
}

/** Reads whose answer has no text of the organization in it. */
function showsNoText({ name }: Operation): boolean {
  return ['eventCursor', 'serverTime', 'settingsCheck', 'taskActivity', 'taskCounts', 'Task.whyNotClaimable'].includes(name);
}

/** The operator sees every organization, to choose one; a user who signs out could not go on with the test. */
function isExempt({ name }: Operation, caller: Caller): boolean {
  return (name === 'organizations' && caller === ours.operator) || (name === 'sessionEnd' && caller === ours.user);
}

/** The operator sees orchestrators of every organization, and is told when two of different ones are to coordinate. */
function isToldOf({ name }: Operation, place: Place): boolean {
  const commandsBetween = ['collaborationRequest', 'conflictResolve', 'taskDelegate', 'taskHandOff'];
  return commandsBetween.includes(name) && /orchestratorIds?$/i.test(place.name);
}

interface Attempt {
  place: Place;
  theirVariables: Record<string, unknown>;
  nobodysVariables: Record<string, unknown>;
}

/** Every way to name something of theirs at one place, where the rest is of `base`; and the same with what is nobody's. */
function attemptsOf(operation: Operation, base: SeededOrganization): Attempt[] {
  const attempts: Attempt[] = [];
  for (const place of [...placesOf(operation.args), ...(operation.name.includes('.') ? [nodePlace] : [])]) {
    const { id, ...others } = validVariables(operation, base);
    // An agent or a task can be named in another way than by its id.
    const rest = place.type === 'ID' ? { ...others, id } : others;
    for (const [their, nobody] of namesFor(operation, place)) {
      attempts.push({ place, theirVariables: withValue(rest, place, their), nobodysVariables: withValue(rest, place, nobody) });
    }
  }
  return attempts;
}

/** What of theirs could be named at the place, each with its counterpart that is nobody's. */
function namesFor(operation: Operation, place: Place): [unknown, unknown][] {
  const { name } = place;
  if (operation.name === 'node' || operation.name === 'nodes') return idsOf(theirs).map((id) => [id, nobodys.id]);
  if (place === nodePlace) return [[validVariables(operation, theirs).node, nobodys.id]];
  if (place.type === 'ID') return [[validValue(operation, place, theirs), nobodys.id]];
  if (operation.name === 'agent' && name === 'externalId') return [[theirs.externalId, nobodys.externalId]];
  if (operation.name === 'task' && name === 'number') return [[theirs.taskNumber, nobodys.taskNumber]];
  return [];
}

/**
 * Cursors that name one of their things, each with the same one that names nothing: as their list gives it, and as one of
 * ours could be forged from it. None for lists whose cursors name no thing.
 */
async function cursorsFor({ name, document }: Operation): Promise<[string, string][]> {
  const [field = '', parent] = name.split('.').reverse();
  const variables = { first: 1, ...(parent && { node: theirs.things[parent] }) };
  const { data } = await call(app.url, theirs.operator, document, variables);
  const holder = (parent ? data?.node : data) as Record<string, { pageInfo: { endCursor: string | null } }>;
  const place = Buffer.from(holder[field]?.pageInfo.endCursor ?? '', 'base64').toString();
  const ids = place.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? [];
  const named = ids.at(-1);
  if (!named) return [];
  const forged = place.replace(theirs.organizationId, ours.organizationId);
  const encode = (text: string) => Buffer.from(text).toString('base64');
  return [place, forged].map((text) => [encode(text), encode(text.replace(named, nobodys.id))]);
}

/** The text without the names that the caller used. */
function neutral(text: string): string {
  return [...idsOf(theirs), theirs.externalId, nobodys.id, nobodys.externalId].reduce(
    (rest, name) => rest.replaceAll(name, '…'),
    text,
  );
}

function idsOf({ things, spare, ...own }: SeededOrganization): string[] {
  const { claimedTaskId, ticketId, orchestratorId, colleagueId, taskToGiveAwayId } = own;
  const named = [claimedTaskId, ticketId, orchestratorId, colleagueId, taskToGiveAwayId];
  return [...Object.values(things), ...Object.values(spare), ...named];
}

/** What tells a row of the database that has to do with the organization, whosever it is. */
function namesOf(organization: SeededOrganization): string[] {
  return [organization.mark, ...idsOf(organization)];
}

/** Lets something happen that every filter of the organization wants. */
async function makeEvents(organization: SeededOrganization): Promise<void> {
  const { agent, operator, things, mark } = organization;
  await enqueueJob(app, organization);
  await mutate(app, operator, 'jobStart', {}, 'job { id }');
  for (const status of ['BUSY', 'ACTIVE']) await mutate(app, agent, 'agentSetStatus', { status }, 'agent { id }');
  await mutate(app, agent, 'taskClaim', { taskId: things.Task }, 'task { id }');
  await mutate(app, agent, 'taskRelease', { taskId: things.Task }, 'task { id }');
  await mutate(app, agent, 'messagePost', { threadId: things.Thread, payload: { text: mark } }, 'message { id }');
}

/** The cursor of an event that happens in the organization now, as its own stream tells it. */
async function cursorOfNewEvent(organization: SeededOrganization): Promise<string> {
  const client = app.client(organization.operator);
  const { eventCursor: after } = await client.request(EventCursorDocument, {});
  const stream = new StreamReader(client.subscribe(EventsDocument, { after }));
  await makeEvents(organization);
  const last = await stream.find(({ events }) => events.kind === 'MESSAGE_POSTED');
  await stream.stop();
  return last.events.cursor;
}

const streams = new Map<Caller, ReturnType<TestApp['client']>>();

function open(caller: Caller, subscription: Operation, variables: Record<string, unknown>): StreamReader<unknown> {
  const client = streams.get(caller) ?? app.client(caller);
  streams.set(caller, client);
  return new StreamReader(client.subscribe(parse(subscription.document), variables));
}
