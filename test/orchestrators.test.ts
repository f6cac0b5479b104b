import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  CollaborationRequestDocument,
  ConflictResolveDocument,
  CoordinationHistoryDocument,
  EventCursorDocument,
  OrchestratorsDocument,
  TaskDelegateDocument,
  TaskHandOffDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { mutate } from './support/organization.js';
import { codes, type SeededAgent, seedAgent, seedClaim, seedTask, uniqueName } from './support/seed.js';
import { StreamReader } from './support/stream.js';

const adminToken = 'an-admin-token-of-the-test-alone';

let app: TestApp;
let admin: BatonClient;
/** The operator, acting in another organization. */
let elsewhere: BatonClient;
/** A member without any right of an administrator. */
let member: { id: string; client: BatonClient };
let from: SeededAgent;
let to: SeededAgent;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken });
  await app.sql(`insert into organization (id, slug, name) values (gen_random_uuid(), 'elsewhere', 'Elsewhere')`);
  admin = app.client({ token: adminToken });
  elsewhere = app.client({ token: adminToken, organization: 'elsewhere' });
  member = await signUp();
  from = await seedOrchestrator(admin, 'Backend Engineer');
  to = await seedOrchestrator(admin, 'Frontend Engineer');
});

afterAll(() => app.stop());

describe('an orchestrator', () => {
  it('has a public id from the moment it is one, and keeps it', async () => {
    const externalId = uniqueName('late');
    const agent = await seedAgent(admin, { externalId });
    expect(await profileOf(agent.id)).toMatchObject({ publicId: null, isOrchestrator: false });

    await register(externalId, { isOrchestrator: true, role: 'Backend Engineer' });
    const profile = await profileOf(agent.id);
    await register(externalId, { isOrchestrator: false });
    await register(externalId, { isOrchestrator: true });

    expect(profile).toMatchObject({ publicId: expect.stringMatching(/^c[0-9a-z]{24}$/), isOrchestrator: true });
    expect(await profileOf(agent.id)).toEqual(profile);
  });

  it('is listed with the others, and no plain agent is', async () => {
    const plain = await seedAgent(admin);

    const { orchestrators } = await admin.request(OrchestratorsDocument, { first: 100 });

    const listed = orchestrators.nodes.map(({ id }) => id);
    expect(listed).toEqual(expect.arrayContaining([from.id, to.id]));
    expect(listed).not.toContain(plain.id);
  });

  it('is given a task when the task is created, which is then one of the orchestrator dialect', async () => {
    const { taskCreate } = await admin.request(taskCreateDocument, { input: { title: 'given', orchestratorId: from.id } });

    expect(taskCreate.task).toMatchObject({
      source: 'ORCHESTRATOR',
      publicId: expect.stringMatching(/^c[0-9a-z]{24}$/),
      orchestrator: { id: from.id },
    });
  });

  it.each(['a plain agent', 'nobody'])('must be one to be given a task: %s is refused', async (who) => {
    const orchestratorId = who === 'nobody' ? member.id : (await seedAgent(admin)).id;

    const { taskCreate } = await admin.request(taskCreateDocument, { input: { title: 'given', orchestratorId } });

    expect(taskCreate).toMatchObject({
      task: null,
      errors: [{ code: 'ORCHESTRATOR_NOT_FOUND', path: ['orchestratorId'] }],
    });
  });
});

describe('a delegation', () => {
  it('changes the owner, priority and due time, and nothing else: a holder goes on under its lease', async () => {
    const worker = await seedAgent(admin);
    const task = await seedOwned(from);
    const { lease } = await seedClaim(app.client({ token: worker.apiKey }), { taskId: task.id });
    const dueAt = '2099-01-01T00:00:00.000Z';

    const { taskDelegate } = await delegate(admin, task, { note: 'yours', priority: 20, dueAt });

    expect(taskDelegate).toMatchObject({
      errors: [],
      task: { status: 'CLAIMED', priority: 20, dueAt, orchestrator: { id: to.id }, lease },
      record: {
        kind: 'DELEGATION',
        task: { id: task.id },
        orchestrator: { id: from.id, role: 'Backend Engineer' },
        participants: [{ orchestrator: { id: to.id, role: 'Frontend Engineer' }, role: null }],
        note: 'yours',
        conflictType: null,
        details: {},
      },
    });
  });

  it('leaves priority and due time as they were when it does not say', async () => {
    const task = await seedOwned(from, { priority: 7, dueAt: '2099-01-01T00:00:00.000Z' });

    const { taskDelegate } = await delegate(admin, task);

    expect(taskDelegate.task).toMatchObject({ priority: 7, dueAt: '2099-01-01T00:00:00.000Z' });
  });

  it('is no more the business of whom the task belonged to', async () => {
    const task = await seedOwned(from);
    await delegate(admin, task);

    const { taskDelegate: again } = await delegate(admin, task);

    expect(again).toMatchObject({
      task: null,
      record: null,
      errors: [{ __typename: 'InvalidOwnershipError', code: 'INVALID_OWNERSHIP', path: ['taskId'], owner: { id: to.id } }],
    });
  });

  it('is refused for a task that no orchestrator owns', async () => {
    const { taskDelegate } = await delegate(admin, await seedTask(admin));

    expect(taskDelegate.errors).toMatchObject([{ code: 'INVALID_OWNERSHIP', owner: null }]);
  });

  it('to oneself is refused', async () => {
    const task = await seedOwned(from);

    const { taskDelegate } = await delegate(admin, task, { toOrchestratorId: from.id });

    expect(taskDelegate.errors).toMatchObject([{ code: 'VALIDATION_FAILED', path: ['toOrchestratorId'] }]);
  });

  it('by one owner to many at once succeeds exactly once, and the others learn who has it', async () => {
    const task = await seedOwned(from);
    const targets = await Promise.all(Array.from({ length: 10 }, () => seedOrchestrator(admin)));

    const answers = await Promise.all(targets.map((target) => delegate(admin, task, { toOrchestratorId: target.id })));

    const winners = answers.flatMap(({ taskDelegate }) => taskDelegate.task?.orchestrator?.id ?? []);
    const losers = answers.flatMap(({ taskDelegate }) => taskDelegate.errors);
    expect(winners).toHaveLength(1);
    expect(losers).toMatchObject(Array(9).fill({ code: 'INVALID_OWNERSHIP', owner: { id: winners[0] } }));
    expect(await historyOf(task)).toHaveLength(1);
  });

  it('takes a note of 1,000 characters and refuses a longer one', async () => {
    const [task, other] = [await seedOwned(from), await seedOwned(from)];

    const longest = await delegate(admin, task, { note: 'x'.repeat(1000) });
    const tooLong = await delegate(admin, other, { note: 'x'.repeat(1001) });

    expect(longest.taskDelegate.errors).toEqual([]);
    expect(tooLong.taskDelegate.errors).toMatchObject([{ code: 'VALIDATION_FAILED', path: ['note'] }]);
  });
});

describe('a handoff', () => {
  it('changes the owner alone, and keeps the context and the note', async () => {
    const task = await seedOwned(from, { priority: 7 });
    const context = { progress: '50%', blockers: ['Waiting for API keys'], deep: { next: [1, null, 'x'] } };

    const { taskHandOff } = await handOff(task, { context, note: 'n'.repeat(2000) });

    expect(taskHandOff).toMatchObject({
      errors: [],
      task: { status: 'READY', priority: 7, orchestrator: { id: to.id } },
      record: {
        kind: 'HANDOFF',
        orchestrator: { id: from.id },
        participants: [{ orchestrator: { id: to.id } }],
        details: context,
        note: 'n'.repeat(2000),
      },
    });
    expect((await handOff(task, { note: 'n'.repeat(2001) })).taskHandOff.errors).toMatchObject([{ path: ['note'] }]);
  });
});

describe('a request for collaboration', () => {
  it('asks each named orchestrator once, and leaves the task with its owner', async () => {
    const third = await seedOrchestrator(admin);
    const task = await seedOwned(from);
    const collaborators = [
      { orchestratorId: third.id, role: 'code_reviewer' },
      { orchestratorId: to.id },
      { orchestratorId: third.id, role: 'again' },
    ];

    const { collaborationRequest } = await collaborate(task, { collaborators, note: 'both' });

    expect(collaborationRequest).toMatchObject({
      errors: [],
      task: { orchestrator: { id: from.id } },
      record: {
        kind: 'COLLABORATION',
        orchestrator: { id: from.id },
        participants: [
          { orchestrator: { id: third.id }, role: 'code_reviewer' },
          { orchestrator: { id: to.id }, role: 'collaborator' },
        ],
        note: 'both',
      },
    });
  });

  it('of oneself is refused', async () => {
    const collaborators = [{ orchestratorId: to.id }, { orchestratorId: from.id }];

    const { collaborationRequest } = await collaborate(await seedOwned(from), { collaborators });

    expect(collaborationRequest.errors).toMatchObject([{ code: 'VALIDATION_FAILED', path: ['collaborators'] }]);
  });

  it('names 1 to 10, each with a role of at most 100 characters', async () => {
    const many = await Promise.all(Array.from({ length: 11 }, () => seedOrchestrator(admin)));
    const task = await seedOwned(from);
    const ask = async (agents: SeededAgent[], role?: string) => {
      const collaborators = agents.map(({ id }) => ({ orchestratorId: id, role }));
      return (await collaborate(task, { collaborators })).collaborationRequest.errors;
    };

    expect(await ask(many.slice(0, 10), 'r'.repeat(100))).toEqual([]);
    expect(await ask(many)).toMatchObject([{ path: ['collaborators'] }]);
    expect(await ask([])).toMatchObject([{ path: ['collaborators'] }]);
    expect(await ask([to], 'r'.repeat(101))).toMatchObject([{ path: ['collaborators', '0', 'role'] }]);
  });
});

describe('a conflict', () => {
  it('is kept with what was decided, also when it is about no task', async () => {
    const task = await seedOwned(from);
    const resolution = { decision: 'Split into parallel tasks', parts: [1, 2] };
    const conflict = { conflictType: 'PRIORITY_CONFLICT', resolution, note: 'why' } as const;

    const aboutTask = await settle(admin, { ...conflict, taskId: task.id });
    const aboutNone = await settle(admin, conflict);

    const kept = {
      kind: 'CONFLICT',
      orchestrator: null,
      participants: [{ orchestrator: { id: from.id } }, { orchestrator: { id: to.id } }],
      conflictType: 'PRIORITY_CONFLICT',
      details: resolution,
      note: 'why',
    };
    expect(aboutTask).toMatchObject({ errors: [], record: { ...kept, task: { id: task.id } } });
    expect(aboutNone).toMatchObject({ errors: [], record: { ...kept, task: null } });
    expect(await historyOf(task)).toEqual([aboutTask.record]);
  });

  it('is between 2 to 10 different orchestrators', async () => {
    const many = await Promise.all(Array.from({ length: 11 }, () => seedOrchestrator(admin)));
    const ids = many.map(({ id }) => id);

    expect(await settle(admin, { orchestratorIds: ids.slice(0, 10) })).toMatchObject({ errors: [] });
    for (const orchestratorIds of [ids, ids.slice(0, 1), [from.id, from.id]]) {
      const { errors } = await settle(admin, { orchestratorIds });
      expect(errors).toMatchObject([{ code: 'VALIDATION_FAILED', path: ['orchestratorIds'] }]);
    }
  });

  it('is settled by any orchestrator, by the owner of a party and by administrators; nobody else', async () => {
    const third = await seedOrchestrator(admin);
    const plain = await seedAgent(admin);
    const owned = await seedOrchestrator(member.client);
    const as = ({ apiKey }: SeededAgent) => app.client({ token: apiKey });

    const byParty = await settle(as(from));
    const byThird = await settle(as(third));
    const byOwner = await settle(member.client, { orchestratorIds: [from.id, owned.id] });
    const byOwned = await settle(member.client, { orchestratorId: owned.id });

    expect([byParty, byThird, byOwner, byOwned].map(({ record }) => record?.orchestrator?.id)).toEqual([
      from.id,
      third.id,
      undefined,
      owned.id,
    ]);
    for (const caller of [as(plain), member.client]) expect(codes(await settle(caller))).toEqual(['FORBIDDEN']);
    expect(codes(await settle(as(third), { orchestratorId: from.id }))).toEqual(['FORBIDDEN']);
  });
});

describe('what belongs to an orchestrator', () => {
  it('is given away by itself, its owner, administrators and the operator; by nobody else', async () => {
    const owned = await seedOrchestrator(member.client);
    const give = async (caller: BatonClient) => {
      const task = await seedOwned(owned);
      return codes((await delegate(caller, task, { fromOrchestratorId: owned.id })).taskDelegate);
    };
    const administrator = await signUp('ADMIN');
    const stranger = await signUp();

    for (const caller of [app.client({ token: owned.apiKey }), member.client, administrator.client, admin]) {
      expect(await give(caller)).toEqual([]);
    }
    for (const caller of [app.client({ token: from.apiKey }), stranger.client]) {
      expect(await give(caller)).toEqual(['FORBIDDEN']);
    }
  });
});

describe('another organization', () => {
  it('does not exist for its orchestrators, but to the operator, who is told that they cannot work together', async () => {
    const foreign = await seedOrchestrator(elsewhere);
    const foreignTask = await seedOwned(foreign, {}, elsewhere);
    const task = await seedOwned(from);
    const everyWay = async (client: BatonClient) => {
      const collaborators = [{ orchestratorId: to.id }, { orchestratorId: foreign.id }];
      return [
        (await delegate(client, task, { toOrchestratorId: foreign.id })).taskDelegate.errors,
        (await delegate(client, foreignTask, { fromOrchestratorId: foreign.id })).taskDelegate.errors,
        (await handOff(task, { toOrchestratorId: foreign.id }, client)).taskHandOff.errors,
        (await collaborate(task, { collaborators }, client)).collaborationRequest.errors,
        (await settle(client, { orchestratorIds: [from.id, foreign.id] })).errors,
        (await settle(client, { orchestratorIds: [foreign.id, from.id] })).errors,
      ].map(([error]) => error?.code);
    };

    const owner = app.client({ token: from.apiKey });
    const told = await everyWay(admin);
    const hidden = await everyWay(owner);

    expect(told).toEqual(Array(6).fill('DIFFERENT_ORGANIZATION'));
    expect(hidden).toEqual(Array(6).fill('ORCHESTRATOR_NOT_FOUND'));
    expect(await historyOf(task)).toEqual([]);
  });

  it('may use the same external ids: they name one’s own', async () => {
    const theirs = await seedOrchestrator(elsewhere);
    await seedAgent(admin, { externalId: theirs.externalId, isOrchestrator: true });

    const { coordinationHistory } = await elsewhere.request(CoordinationHistoryDocument, { orchestratorId: from.id });

    expect(coordinationHistory.nodes).toEqual([]);
  });
});

describe('the history', () => {
  // The systems that these requests come from read a list, added to it and wrote it back: of two at once, one was lost.
  it('keeps every one of 50 acts of all kinds at once, in the order in which they happened', async () => {
    const task = await seedOwned(from);
    const acts = Array.from({ length: 50 }, (_, index) => async () => {
      const note = String(index);
      if (index % 10 === 0) return (await delegateFromOwner(task, note)).record;
      if (index % 10 === 5) return (await handOffFromOwner(task, note)).record;
      if (index % 2 === 0) return (await settle(admin, { taskId: task.id, note })).record;
      return (await collaborateAsOwner(task, note)).record;
    });

    const records = await Promise.all(acts.map((act) => act()));

    const history = await historyOf(task);
    expect(history.map(({ note }) => Number(note)).sort((a, b) => a - b)).toEqual(acts.map((_, index) => index));
    expect(new Set(history.map(({ id }) => id))).toEqual(new Set(records.map((record) => record?.id)));
    const events = await app.sql<{ recordId: string }>(
      `select data->>'recordId' as "recordId" from event where task_id = $1 and data ? 'recordId' order by xid, seq`,
      [task.id],
    );
    expect(events.map(({ recordId }) => recordId)).toEqual(history.map(({ id }) => id));
    // Each owner got the task from the one before.
    const owners = history.flatMap(({ kind, orchestrator, participants }) =>
      kind === 'DELEGATION' || kind === 'HANDOFF' ? [[orchestrator?.id, participants[0]?.orchestrator.id]] : [],
    );
    for (const [index, [giver]] of owners.entries()) expect(giver).toBe(index === 0 ? from.id : owners[index - 1]?.[1]);
  });

  it('is read by task, by orchestrator in whatever part, and by kind, page by page', async () => {
    const [one, two] = [await seedOrchestrator(admin), await seedOrchestrator(admin)];
    const task = await seedOwned(one);
    const asks = { fromOrchestratorId: one.id, collaborators: [{ orchestratorId: two.id }] };
    for (let times = 0; times < 3; times += 1) await collaborate(task, asks);
    await delegate(admin, task, { fromOrchestratorId: one.id, toOrchestratorId: two.id });
    const read = async (variables: object) => (await admin.request(CoordinationHistoryDocument, variables)).coordinationHistory;

    const all = await read({ taskId: task.id });
    const first = await read({ orchestratorId: two.id, first: 3 });
    const rest = await read({ orchestratorId: two.id, first: 3, after: first.pageInfo.endCursor });
    const given = await read({ orchestratorId: one.id, kinds: ['DELEGATION'] });

    expect(all.nodes.map(({ kind }) => kind)).toEqual(['COLLABORATION', 'COLLABORATION', 'COLLABORATION', 'DELEGATION']);
    expect([...first.nodes, ...rest.nodes]).toEqual(all.nodes);
    expect(rest.pageInfo.hasNextPage).toBe(false);
    expect(given.nodes).toEqual(all.nodes.slice(3));
    const { task: found } = await admin.request(taskCoordinationDocument, { id: task.id, kinds: ['DELEGATION'] });
    expect(found.coordination.nodes).toEqual([{ id: all.nodes[3]?.id }]);
  });
});

describe('an event', () => {
  it('tells every act as it happens, with its record: a task’s among the events of the task', async () => {
    const [one, two] = [await seedOrchestrator(admin), await seedOrchestrator(admin)];
    const task = await seedOwned(one);
    const { eventCursor: after } = await admin.request(EventCursorDocument, {});
    const kinds = ['TASK_DELEGATED', 'TASK_HANDED_OFF', 'COLLABORATION_REQUESTED', 'CONFLICT_RESOLVED'];
    const ofTask = new StreamReader(admin.subscribe(taskEventsDocument, { filter: { taskId: task.id, kinds }, after }));
    const toTwo = new StreamReader(admin.subscribe(taskEventsDocument, { filter: { agentId: two.id, kinds }, after }));
    const teamKinds = ['TEAM_CONFLICT_RESOLVED'];
    const ofTeam = new StreamReader(admin.subscribe(eventsDocument, { filter: { kinds: teamKinds }, after }));
    const parties = { orchestratorIds: [one.id, two.id] };

    await collaborate(task, { fromOrchestratorId: one.id, collaborators: [{ orchestratorId: two.id }] });
    await settle(admin, { ...parties, taskId: task.id });
    await settle(admin, parties);
    await delegate(admin, task, { fromOrchestratorId: one.id, toOrchestratorId: two.id, priority: 3 });
    await handOff(task, { fromOrchestratorId: two.id, toOrchestratorId: one.id });

    const told = (await ofTask.take(4)).map(({ taskEvents }) => taskEvents);
    expect(told).toMatchObject([
      { __typename: 'CollaborationRequested', actor: { id: one.id }, record: { kind: 'COLLABORATION' } },
      { __typename: 'ConflictResolved', actor: null, actorLabel: 'admin', record: { kind: 'CONFLICT' } },
      {
        __typename: 'TaskDelegated',
        actor: { id: one.id },
        fromOrchestrator: { id: one.id },
        toOrchestrator: { id: two.id },
        data: { before: { priority: 50 }, after: { priority: 3 } },
      },
      { __typename: 'TaskHandedOff', actor: { id: two.id }, fromOrchestrator: { id: two.id }, toOrchestrator: { id: one.id } },
    ]);
    for (const event of told) expect(event).toMatchObject({ task: { id: task.id }, record: { task: { id: task.id } } });
    expect((await toTwo.take(1))[0]?.taskEvents).toMatchObject({ __typename: 'TaskDelegated' });
    expect((await ofTeam.take(1))[0]?.events).toMatchObject({ __typename: 'TeamConflictResolved', record: { task: null } });
    await Promise.all([ofTask.stop(), toTwo.stop(), ofTeam.stop()]);
  });
});

function seedOrchestrator(client: BatonClient, role = 'Engineer'): Promise<SeededAgent> {
  return seedAgent(client, { externalId: uniqueName('orchestrator'), isOrchestrator: true, role });
}

/** A task that the orchestrator owns. */
function seedOwned(owner: SeededAgent, input: object = {}, client = admin): Promise<{ id: string }> {
  return seedTask(client, { orchestratorId: owner.id, ...input });
}

async function signUp(role: 'MEMBER' | 'ADMIN' = 'MEMBER'): Promise<{ id: string; client: BatonClient }> {
  const [email, password] = [`${uniqueName('user')}@example.org`, 'a password of the test'];
  const operator = { token: adminToken };
  const { user } = await mutate<{ user: { id: string } }>(
    app,
    operator,
    'userCreate',
    { email, password, name: email, role },
    'user { id }',
  );
  const { token } = await mutate<{ token: string }>(app, {}, 'sessionCreate', { email, password }, 'token');
  return { id: user.id, client: app.client({ token }) };
}

function register(externalId: string, input: object): Promise<unknown> {
  return mutate(app, { token: adminToken }, 'agentRegister', { externalId, ...input }, 'agent { id }');
}

async function profileOf(id: string) {
  return (await admin.request(agentDocument, { id })).agent;
}

function delegate(client: BatonClient, task: { id: string }, input: object = {}) {
  const named = { fromOrchestratorId: from.id, toOrchestratorId: to.id, taskId: task.id };
  return client.request(TaskDelegateDocument, { input: { ...named, ...input } });
}

function handOff(task: { id: string }, input: object = {}, client = admin) {
  const named = { fromOrchestratorId: from.id, toOrchestratorId: to.id, taskId: task.id };
  return client.request(TaskHandOffDocument, { input: { ...named, ...input } });
}

function collaborate(task: { id: string }, input: object = {}, client = admin) {
  const named = { fromOrchestratorId: from.id, taskId: task.id, collaborators: [{ orchestratorId: to.id }] };
  return client.request(CollaborationRequestDocument, { input: { ...named, ...input } });
}

async function settle(client: BatonClient, input: object = {}) {
  const named = { orchestratorIds: [from.id, to.id], conflictType: 'OTHER' as const, resolution: {} };
  return (await client.request(ConflictResolveDocument, { input: { ...named, ...input } })).conflictResolve;
}

/** Does what only the owner may, as whoever owns the task then; again when it was given away meanwhile. */
async function asOwner<Payload extends { errors: { code: string }[] }>(
  task: { id: string },
  act: (owner: string, other: string) => Promise<Payload>,
): Promise<Payload> {
  for (;;) {
    const { task: found } = await admin.request(ownerDocument, { id: task.id });
    const owner = found.orchestrator.id;
    const payload = await act(owner, owner === from.id ? to.id : from.id);
    if (!codes(payload).includes('INVALID_OWNERSHIP')) return payload;
  }
}

function delegateFromOwner(task: { id: string }, note: string) {
  return asOwner(task, async (owner, other) => {
    const input = { fromOrchestratorId: owner, toOrchestratorId: other, note };
    return (await delegate(admin, task, input)).taskDelegate;
  });
}

function handOffFromOwner(task: { id: string }, note: string) {
  return asOwner(task, async (owner, other) => {
    const input = { fromOrchestratorId: owner, toOrchestratorId: other, note };
    return (await handOff(task, input)).taskHandOff;
  });
}

function collaborateAsOwner(task: { id: string }, note: string) {
  return asOwner(task, async (owner, other) => {
    const input = { fromOrchestratorId: owner, collaborators: [{ orchestratorId: other }], note };
    return (await collaborate(task, input)).collaborationRequest;
  });
}

async function historyOf(task: { id: string }) {
  return (await admin.request(CoordinationHistoryDocument, { taskId: task.id, first: 100 })).coordinationHistory.nodes;
}

// biome-ignore lint/suspicious/noExplicitAny: a test says by its expectations what it is.
type AnyDocument = TypedDocumentNode<any, any>;

const taskCreateDocument: AnyDocument = parse(`mutation ($input: TaskCreateInput!) {
  taskCreate(input: $input) { task { id source publicId orchestrator { id } } errors { code path } }
}`);
const agentDocument: AnyDocument = parse('query ($id: ID!) { agent(id: $id) { publicId isOrchestrator role } }');
const ownerDocument: AnyDocument = parse('query ($id: ID!) { task(id: $id) { orchestrator { id } } }');
const taskCoordinationDocument: AnyDocument = parse(`query ($id: ID!, $kinds: [CoordinationKind!]) {
  task(id: $id) { coordination(kinds: $kinds) { nodes { id } } }
}`);
const transfer = 'fromOrchestrator { id } toOrchestrator { id } record { kind task { id } }';
const taskEventsDocument: AnyDocument = parse(`subscription ($filter: TaskEventFilter, $after: String) {
  taskEvents(filter: $filter, after: $after) {
    __typename actor { id } actorLabel data task { id }
    ... on TaskDelegated { ${transfer} } ... on TaskHandedOff { ${transfer} }
    ... on CollaborationRequested { record { kind task { id } } } ... on ConflictResolved { record { kind task { id } } }
  }
}`);
const eventsDocument: AnyDocument = parse(`subscription ($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) { __typename ... on TeamConflictResolved { record { task { id } } } }
}`);
