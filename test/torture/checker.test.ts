import { describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/kernel/cursor.js';
import { check, type Remains, type Rule, type TaskEventRow } from './checker.js';
import { type ClaimOperation, type EndOperation, type HeartbeatOperation, History } from './history.js';

const otter = 'agent-otter';
const heron = 'agent-heron';
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const cursor = (seq: number) => encodeCursor({ xid: BigInt(100 + seq), seq: BigInt(seq) });
const sent = { outcome: 'acknowledged', sendings: 1, unanswered: 0, hasKey: true } as const;

/** A run in which nothing went wrong: Otter lets task a lapse, and Heron finishes it. A subscriber saw it all. */
function soundRun() {
  const history = new History();
  const grant = (fence: number, seconds: number) => ({ taskId: 'a', fence, leaseExpiresAt: at(seconds) });
  const claims: [ClaimOperation, ClaimOperation] = [
    { ...sent, kind: 'claim', agentId: otter, count: 1, leaseSeconds: 10, grants: [grant(1, 11)], lapsedTaskIds: [] },
    { ...sent, kind: 'claim', agentId: heron, count: 1, leaseSeconds: 10, grants: [grant(2, 35)], lapsedTaskIds: [] },
  ];
  const heartbeat: HeartbeatOperation = {
    ...{ ...sent, kind: 'heartbeat', agentId: otter, taskId: 'a', fence: 1 },
    ...{ leaseSeconds: 10, leaseExpiresAt: at(15) },
  };
  const late: EndOperation = {
    ...sent,
    kind: 'complete',
    agentId: otter,
    taskId: 'a',
    fence: 1,
    token: 'late',
    outcome: 'refused',
  };
  const end: EndOperation = { ...sent, kind: 'complete', agentId: heron, taskId: 'a', fence: 2, token: 'done' };
  history.record({ ...sent, kind: 'create', tokens: ['title a'] });
  for (const operation of [claims[0], heartbeat, claims[1], late, end]) history.record(operation);

  const event = (seq: number, type: string, actorId: string | null, occurredAt: Date, data: object): TaskEventRow => ({
    cursor: cursor(seq),
    type,
    taskId: 'a',
    projectId: 'p',
    actorId,
    occurredAt,
    data: data as Record<string, unknown>,
  });
  const events = [
    event(1, 'TaskCreated', null, at(0), { after: 'READY' }),
    event(2, 'TaskClaimed', otter, at(1), { before: 'READY', after: 'CLAIMED', fence: 1 }),
    event(3, 'TaskLeaseExpired', null, at(15.2), { before: 'CLAIMED', after: 'READY', fence: 1 }),
    event(4, 'TaskClaimed', heron, at(25), { before: 'READY', after: 'CLAIMED', fence: 2 }),
    event(5, 'TaskCompleted', heron, at(26), { before: 'CLAIMED', after: 'DONE', fence: 2, result: { token: 'done' } }),
  ] satisfies TaskEventRow[];
  const remains: Remains = {
    tasks: [{ id: 'a', title: 'title a', status: 'DONE', fence: 2, holderId: null, leaseExpiresAt: null }],
    events,
    attempts: [`a 1 ${otter}`, `a 2 ${heron}`],
    openAttempts: [],
    now: at(60),
  };
  const receptions = events.slice(1).map((each) => ({ cursor: each.cursor }));
  history.subscribers.push({ name: 'watcher', after: cursor(1), receptions });
  return { history, remains, claims, heartbeat, late, end, receptions };
}

type Run = ReturnType<typeof soundRun>;

/** Every rule of the checker, with what breaks it; the others are of the scenarios that count and time. */
const planted: Record<Exclude<Rule, 'lost answer' | 'too slow'>, (run: Run) => void> = {
  'broken chain': ({ remains }) => Object.assign(remains.events[4]?.data ?? {}, { before: 'REVIEW' }),
  'fence not rising': ({ remains }) => Object.assign(remains.events[3]?.data ?? {}, { fence: 1 }),
  'two holders': ({ remains }) => remains.events.splice(2, 1),
  'expired early': ({ heartbeat }) => Object.assign(heartbeat, { leaseExpiresAt: at(16) }),
  'extended after its end': ({ heartbeat }) => Object.assign(heartbeat, { leaseExpiresAt: at(26) }),
  'lost write': ({ end }) => Object.assign(end, { token: 'never written' }),
  'doubled write': ({ remains }) => remains.tasks.push({ ...(remains.tasks[0] as Remains['tasks'][0]), id: 'b' }),
  'refused write applied': ({ end }) => Object.assign(end, { outcome: 'refused', code: 'LEASE_LOST' }),
  'stale write applied': ({ remains }) => Object.assign(remains.events[4] as TaskEventRow, { actorId: otter }),
  'unasked write': ({ claims }) => Object.assign(claims[1], { grants: [] }),
  'row and log differ': ({ remains }) => Object.assign(remains.tasks[0] as object, { fence: 3 }),
  'attempt and row differ': ({ remains }) => remains.openAttempts.push('a 2'),
  'stuck task': ({ remains }) => Object.assign(remains.tasks[0] as object, { status: 'CLAIMED', holderId: heron }),
  gap: ({ receptions }) => receptions.splice(1, 1),
  double: ({ receptions }) => receptions.push({ ...(receptions[0] as (typeof receptions)[0]) }),
  disorder: ({ receptions }) => receptions.reverse(),
  'stray event': ({ receptions }) => receptions.push({ cursor: cursor(77) }),
};

describe('the checker', () => {
  it('finds nothing in a run in which nothing went wrong', () => {
    const { history, remains } = soundRun();

    expect(check(history, remains)).toEqual([]);
  });

  it.each(Object.entries(planted))('finds a planted violation: %s', (rule, plant) => {
    const run = soundRun();
    plant(run);

    const violations = check(run.history, run.remains);

    expect(violations.map((violation) => violation.rule)).toContain(rule);
  });

  it('finds an acknowledged claim without its attempt, and one that the log gives to another', () => {
    const withoutAttempt = soundRun();
    withoutAttempt.remains.attempts.pop();
    const ofAnother = soundRun();
    Object.assign(ofAnother.remains.events[3] as TaskEventRow, { actorId: otter });

    for (const { history, remains } of [withoutAttempt, ofAnother]) {
      expect(check(history, remains)).toContainEqual(expect.objectContaining({ rule: 'lost write', subject: 'a' }));
    }
  });

  it('finds a write that was sent again under its key and happened twice', () => {
    const run = soundRun();
    Object.assign(run.end, { sendings: 3 });
    run.remains.events.push({ ...(run.remains.events[4] as TaskEventRow), cursor: cursor(6) });

    expect(check(run.history, run.remains)).toContainEqual(expect.objectContaining({ rule: 'doubled write', subject: 'done' }));
  });

  it('takes a claim that was answered when its lease was over for what it is', () => {
    const run = soundRun();
    const [claim] = run.claims;
    Object.assign(claim, { grants: [], lapsedTaskIds: ['a'] });
    expect(check(run.history, run.remains)).toEqual([]);

    Object.assign(claim, { lapsedTaskIds: [] });

    expect(check(run.history, run.remains)).toContainEqual(expect.objectContaining({ rule: 'unasked write', subject: otter }));
  });

  it('finds a list of tasks of which only some were created', () => {
    const run = soundRun();
    run.history.record({ ...sent, kind: 'create', tokens: ['title a', 'title b'], outcome: 'unknown' });

    expect(check(run.history, run.remains)).toContainEqual(expect.objectContaining({ rule: 'lost write', subject: 'title a' }));
  });

  it('expects of a subscriber of one project what happens there, and nothing else', () => {
    const run = soundRun();
    const [subscriber] = run.history.subscribers;
    Object.assign(subscriber as object, { projectId: 'p' });
    expect(check(run.history, run.remains)).toEqual([]);

    Object.assign(run.remains.events[4] as TaskEventRow, { projectId: 'q' });

    expect(check(run.history, run.remains)).toContainEqual(expect.objectContaining({ rule: 'stray event', subject: 'watcher' }));
  });

  it('takes a claim whose answer was lost for what it may be', () => {
    const run = soundRun();
    Object.assign(run.claims[1], { outcome: 'unknown', grants: [] });

    expect(check(run.history, run.remains)).toEqual([]);
  });
});
