import { SpanStatusCode } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { useTestApp } from './support/app.js';
import { seedAgent, seedTask } from './support/seed.js';
import { useSpans } from './support/spans.js';

const spans = useSpans();

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

it('continues the trace of a request through its operation to its statements', async () => {
  const app = await useTestApp();
  const { apiKey } = await seedAgent(app.client());
  const task = await seedTask(app.client());
  const headers = { traceparent, authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const query = 'query One($id: ID!) { whyNotClaimable: task(id: $id) { whyNotClaimable { code } } }';

  await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables: { id: task.id } }) });
  await fetch(`${app.url}/api/coord/agents`, { headers });

  const ofTrace = spans.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const names = ofTrace.map(({ name }) => name);
  expect(names).toContain('graphql query task');
  expect(names).toContain('rest GET /api/coord/agents');
  const operation = ofTrace.find(({ name }) => name === 'graphql query task');
  const statement = ofTrace.find(({ name }) => name === 'sql task-obstacles');
  expect(statement?.parentSpanContext?.spanId).toBe(operation?.spanContext().spanId);
});

it('marks the span of what failed', async () => {
  const app = await useTestApp();
  const headers = { traceparent, 'content-type': 'application/json' };
  await app.sql('alter table event rename to gone');
  await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: '{ eventCursor }' }) });

  const failed = spans.getFinishedSpans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
  expect(failed.map(({ name }) => name)).toContain('sql event_current_position');
});
