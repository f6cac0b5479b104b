import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, expect, it } from 'vitest';
import { useTestApp } from './support/app.js';
import { seedAgent, seedTask } from './support/seed.js';

// What whoever runs the server loads before it, by `node --import`.
const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

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

  const spans = exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const names = spans.map(({ name }) => name);
  expect(names).toContain('graphql query task');
  expect(names).toContain('rest GET /api/coord/agents');
  const operation = spans.find(({ name }) => name === 'graphql query task');
  const statement = spans.find(({ name }) => name === 'sql task-obstacles');
  expect(statement?.parentSpanContext?.spanId).toBe(operation?.spanContext().spanId);
});

it('marks the span of what failed', async () => {
  const app = await useTestApp();
  const headers = { traceparent, 'content-type': 'application/json' };
  await app.sql('alter table event rename to gone');
  await fetch(`${app.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query: '{ eventCursor }' }) });

  const failed = exporter.getFinishedSpans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
  expect(failed.map(({ name }) => name)).toContain('sql event_current_position');
});
