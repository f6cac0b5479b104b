import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  TaskCancelDocument,
  TaskClaimDocument,
  TaskCompleteDocument,
  TaskDocument,
  TaskFailDocument,
  TaskHeartbeatDocument,
  TaskReleaseDocument,
  TaskResetDocument,
  TaskSetStatusDocument,
  type TaskStatus,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { codes, seedAgent, seedTask } from './support/seed.js';

// What may happen to a task is stated here a second time, in another form than in the product, and held against a real
// server and Postgres with random commands of two agents and a person, some with old fences, while leases lapse.

const leaseSeconds = 100;

interface Model {
  status: TaskStatus;
  /** 0 and 1 are agents; null when nobody holds the task. */
  holder: 0 | 1 | null;
  fence: number;
  secondsLeft: number;
  /** Whose claim, the newest, ended by expiry. */
  expiredFor: 0 | 1 | null;
}

const finished: TaskStatus[] = ['DONE', 'FAILED', 'CANCELED'];
const held: TaskStatus[] = ['CLAIMED', 'IN_PROGRESS', 'REVIEW'];

/** Where `taskSetStatus` and its kin can take a task, by target. */
const reachableFrom: Record<string, TaskStatus[]> = {
  BACKLOG: [],
  READY: ['BACKLOG', 'BLOCKED'],
  CLAIMED: [],
  IN_PROGRESS: ['CLAIMED', 'REVIEW'],
  REVIEW: ['IN_PROGRESS'],
  DONE: held,
  FAILED: held,
  CANCELED: ['BACKLOG', 'READY', 'BLOCKED', ...held],
  BLOCKED: ['BACKLOG', 'READY', ...held],
};

type Actor = 0 | 1 | 'person';
type Command =
  | { kind: 'claim'; actor: 0 | 1 }
  | { kind: 'heartbeat'; actor: Actor; fenceAge: number | null }
  | { kind: 'release'; actor: Actor; fenceAge: number | null }
  | { kind: 'reset'; actor: Actor; fenceAge: number | null }
  | { kind: 'move'; actor: Actor; fenceAge: number | null; to: TaskStatus }
  | { kind: 'elapse'; seconds: number };

const actor = fc.constantFrom<Actor>(0, 1, 'person');
const agent = fc.constantFrom<0 | 1>(0, 1);
/** How many claims old the fence is that is sent; null sends none. */
const fenceAge = fc.constantFrom(0, 0, 1, null, null);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim' as const), actor: agent }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('heartbeat' as const), actor, fenceAge }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), actor, fenceAge }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), actor, fenceAge }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      actor,
      fenceAge,
      to: fc.constantFrom<TaskStatus>(
        'BACKLOG',
        'READY',
        'CLAIMED',
        'IN_PROGRESS',
        'REVIEW',
        'DONE',
        'FAILED',
        'CANCELED',
        'BLOCKED',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('elapse' as const), seconds: fc.constantFrom(40, 99, 101) }) },
);

/** The error that the model expects of a command; null when it must succeed, and then the model has taken it. */
function step(model: Model, command: Command): string | null {
  if (command.kind === 'elapse') {
    if (model.holder !== null) {
      model.secondsLeft -= command.seconds;
      if (model.secondsLeft <= 0) Object.assign(model, { status: 'READY', expiredFor: model.holder, holder: null });
    }
    return null;
  }
  if (command.kind === 'claim') {
    if (model.holder !== null) return 'TASK_ALREADY_CLAIMED';
    if (model.status !== 'READY') return 'TASK_NOT_READY';
    Object.assign(model, {
      status: 'CLAIMED',
      holder: command.actor,
      fence: model.fence + 1,
      secondsLeft: leaseSeconds,
      expiredFor: null,
    });
    return null;
  }
  const fence = fenceOf(model, command.fenceAge);
  const isHolder = model.holder !== null && model.holder === command.actor;
  if (command.kind === 'heartbeat') {
    if (!isHolder || (fence !== undefined && fence !== model.fence)) return 'LEASE_LOST';
    model.secondsLeft = leaseSeconds;
    return null;
  }
  const isPerson = command.actor === 'person';
  const mayWrite =
    fence !== undefined
      ? fence === model.fence && (isPerson || isHolder)
      : isPerson || (model.holder === null ? model.expiredFor !== command.actor : isHolder);
  if (command.kind === 'reset') {
    // Agents reset only what came in by the queue dialect.
    if (!isPerson) return 'FORBIDDEN';
    if (!mayWrite) return 'LEASE_LOST';
    Object.assign(model, { status: 'READY', holder: null });
    return null;
  }
  const sources = command.kind === 'release' ? held : (reachableFrom[command.to] ?? []);
  if (!mayWrite) return 'LEASE_LOST';
  if (!sources.includes(model.status)) return 'ILLEGAL_TRANSITION';
  model.status = command.kind === 'release' ? 'READY' : command.to;
  if (!held.includes(model.status)) model.holder = null;
  return null;
}

function fenceOf(model: Model, age: number | null): number | undefined {
  return age === null || model.fence - age < 1 ? undefined : model.fence - age;
}

let app: TestApp;
let person: BatonClient;
let agents: { id: string; client: BatonClient }[];

beforeAll(async () => {
  // Nobody sweeps: every command must find by itself what has lapsed.
  app = await startTestApp({}, { runsClockwork: false });
  person = app.client();
  agents = await Promise.all(
    [0, 1].map(async () => {
      const { id, apiKey } = await seedAgent(person);
      return { id, client: app.client({ token: apiKey }) };
    }),
  );
});
afterAll(() => app.stop());

async function send(taskId: string, model: Model, command: Exclude<Command, { kind: 'elapse' }>): Promise<string[]> {
  const client = command.actor === 'person' ? person : (agents[command.actor]?.client ?? person);
  if (command.kind === 'claim') {
    return codes((await client.request(TaskClaimDocument, { input: { taskId, leaseSeconds } })).taskClaim);
  }
  const input = { taskId, fence: fenceOf(model, command.fenceAge) };
  if (command.kind === 'heartbeat') return codes((await client.request(TaskHeartbeatDocument, { input })).taskHeartbeat);
  if (command.kind === 'release') return codes((await client.request(TaskReleaseDocument, { input })).taskRelease);
  if (command.kind === 'reset') return codes((await client.request(TaskResetDocument, { input })).taskReset);
  switch (command.to) {
    case 'DONE':
      return codes((await client.request(TaskCompleteDocument, { input })).taskComplete);
    case 'FAILED':
      return codes((await client.request(TaskFailDocument, { input })).taskFail);
    case 'CANCELED':
      return codes((await client.request(TaskCancelDocument, { input })).taskCancel);
    default:
      return codes((await client.request(TaskSetStatusDocument, { input: { ...input, status: command.to } })).taskSetStatus);
  }
}

it('does with any sequence of commands exactly what the state machine says', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<TaskStatus>('READY', 'READY', 'BACKLOG'),
      fc.array(command, { minLength: 4, maxLength: 24 }),
      async (status, commands) => {
        const task = await seedTask(person, { status });
        const model: Model = { status, holder: null, fence: 0, secondsLeft: 0, expiredFor: null };

        for (const next of commands) {
          if (finished.includes(model.status) && next.kind === 'elapse') continue;
          if (next.kind === 'elapse') {
            step(model, next);
            await app.elapse(next.seconds);
            continue;
          }
          const before = { ...model };
          const expected = step(model, next);
          const actual = await send(task.id, before, next);

          expect({ command: next, before, errors: actual }).toEqual({
            command: next,
            before,
            errors: expected ? [expected] : [],
          });
          const { task: read } = await person.request(TaskDocument, { id: task.id });
          const holderId = model.holder === null ? undefined : agents[model.holder]?.id;
          expect({ status: read?.status, holderId: read?.lease?.holder.id }).toEqual({ status: model.status, holderId });
        }

        const { task: read } = await person.request(TaskDocument, { id: task.id });
        expect(read?.attempts.nodes.map((attempt) => attempt.fence)).toEqual(
          Array.from({ length: Math.min(model.fence, 20) }, (_, index) => index + 1),
        );
        // Nobody sweeps: a lapse closes the attempt only once a command comes by.
        const open = read?.attempts.nodes.filter((attempt) => attempt.outcome === null).map((attempt) => attempt.fence);
        expect(model.expiredFor === null ? [model.holder === null ? [] : [model.fence]] : [[], [model.fence]]).toContainEqual(
          open,
        );
      },
    ),
    { numRuns: 40 },
  );
});
