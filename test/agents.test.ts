import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BatonClient } from '../src/sdk/baton-client.js';
import {
  AgentEventsDocument,
  AgentHeartbeatDocument,
  AgentRegisterDocument,
  AgentSetStatusDocument,
  AgentsDocument,
  EventCursorDocument,
  TaskClaimDocument,
  TaskClaimNextDocument,
} from '../src/sdk/generated.js';
import { startTestApp, type TestApp } from './support/app.js';
import { codes, seedAgent, seedTask, uniqueName } from './support/seed.js';
import { StreamReader } from './support/stream.js';

let app: TestApp;
let operator: BatonClient;
beforeAll(async () => {
  app = await startTestApp();
  operator = app.client();
});
afterAll(() => app.stop());

describe('an agent that registers', () => {
  it('gets its key the first time only, and keeps what it leaves out the next time', async () => {
    const externalId = uniqueName('code');
    const full = { externalId, name: 'Coder', specializations: ['backend'], capabilities: { tools: ['db'] } };
    const first = await operator.request(AgentRegisterDocument, { input: full });

    const again = await operator.request(AgentRegisterDocument, {
      input: { externalId, specializations: ['backend', 'research'] },
    });

    expect(first.agentRegister.apiKey).toMatch(/^baton_[0-9a-f]{32}_/);
    expect(again.agentRegister).toMatchObject({
      apiKey: null,
      agent: { id: first.agentRegister.agent?.id, name: 'Coder', specializations: ['backend', 'research'] },
    });
  });

  it('is one agent, however many register it at once', async () => {
    const externalId = uniqueName('twin');

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => operator.request(AgentRegisterDocument, { input: { externalId } })),
    );

    expect(new Set(answers.map((answer) => answer.agentRegister.agent?.id)).size).toBe(1);
    expect(answers.filter((answer) => answer.agentRegister.apiKey)).toHaveLength(1);
  });

  it('may not register itself under the name of another', async () => {
    const [mallory, victim] = [await seedAgent(operator), await seedAgent(operator)];
    const client = app.client({ token: mallory.apiKey });

    const taken = await client.request(AgentRegisterDocument, { input: { externalId: victim.externalId, name: 'mine' } });
    const fresh = await client.request(AgentRegisterDocument, { input: { externalId: uniqueName('fresh') } });

    expect([codes(taken.agentRegister), codes(fresh.agentRegister)]).toEqual([['FORBIDDEN'], ['FORBIDDEN']]);
  });
});

describe('the health of an agent', () => {
  it('follows its heartbeats, and each change is an event', async () => {
    const agent = await seedAgent(operator);
    const { eventCursor: after } = await operator.request(EventCursorDocument, {});
    const about = { filter: { agentId: agent.id }, kinds: ['AGENT_HEALTH_CHANGED' as const] };
    const events = new StreamReader(operator.subscribe(AgentEventsDocument, { ...about, after }));
    const health = async () => {
      const { agents } = await operator.request(AgentsDocument, { filter: { agentId: agent.id } });
      return agents.nodes.map((node) => node.health);
    };
    const client = app.client({ token: agent.apiKey });
    const seen = [await health()];

    await client.request(AgentHeartbeatDocument, { input: {} });
    seen.push(await health());
    await app.elapse(121);
    seen.push(await health());
    await events.take(2);
    await app.elapse(180);
    seen.push(await health());
    await events.take(3);
    const { agentHeartbeat } = await client.request(AgentHeartbeatDocument, { input: {} });
    await events.take(4);

    expect(seen).toEqual([['OFFLINE'], ['ONLINE'], ['STALE'], ['OFFLINE']]);
    expect(agentHeartbeat).toMatchObject({ agent: { health: 'ONLINE' }, nextHeartbeatSeconds: 60 });
    expect(events.items.map((item) => item.agentEvents.data)).toEqual([
      { before: 'OFFLINE', after: 'ONLINE' },
      { before: 'ONLINE', after: 'STALE' },
      { before: 'STALE', after: 'OFFLINE' },
      { before: 'OFFLINE', after: 'ONLINE' },
    ]);
    await events.stop();
  });
});

describe('events of agents', () => {
  it('come for the agents that the filter wants', async () => {
    const { eventCursor: after } = await operator.request(EventCursorDocument, {});
    const specialization = uniqueName('rare');
    await seedAgent(operator);
    const wanted = await seedAgent(operator, { specializations: [specialization] });
    await seedAgent(operator);
    const last = await seedAgent(operator, { specializations: [specialization] });

    const events = new StreamReader(operator.subscribe(AgentEventsDocument, { filter: { specialization }, after }));

    expect((await events.take(2)).map((item) => item.agentEvents.agent.id)).toEqual([wanted.id, last.id]);
    await events.stop();
  });
});

describe('an agent that an administrator has switched off', () => {
  it.each(['INACTIVE', 'PENDING'] as const)('may not claim while it is %s, nor lift that itself', async (status) => {
    const agent = await seedAgent(operator);
    const client = app.client({ token: agent.apiKey });
    const task = await seedTask(operator);
    await operator.request(AgentSetStatusDocument, { input: { agentId: agent.id, status } });

    const claim = await client.request(TaskClaimDocument, { input: { taskId: task.id, override: true } });
    const next = await client.request(TaskClaimNextDocument, { input: {} });
    const heartbeat = await client.request(AgentHeartbeatDocument, { input: { status: 'ACTIVE' } });
    const setStatus = await client.request(AgentSetStatusDocument, { input: { status: 'ACTIVE' } });

    expect([claim.taskClaim, next.taskClaimNext, heartbeat.agentHeartbeat, setStatus.agentSetStatus].map(codes)).toEqual([
      ['AGENT_INACTIVE'],
      ['AGENT_INACTIVE'],
      ['FORBIDDEN'],
      ['FORBIDDEN'],
    ]);
    await operator.request(AgentSetStatusDocument, { input: { agentId: agent.id, status: 'ACTIVE' } });
    expect((await client.request(TaskClaimDocument, { input: { taskId: task.id } })).taskClaim.errors).toEqual([]);
  });
});
