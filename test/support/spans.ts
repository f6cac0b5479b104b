import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SamplingDecision, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll } from 'vitest';

const exporter = new InMemorySpanExporter();
let isWanted = false;

const sampler = {
  shouldSample: () => ({ decision: isWanted ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }),
};

// A tracer keeps to the first provider that it finds, so that all test files of a process share one.
const provider = new BasicTracerProvider({ sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });

/** Does what whoever runs the server loads before it, by `node --import`, for the tests of this file: their spans end in the exporter. */
export function useSpans(): InMemorySpanExporter {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(provider);
    isWanted = true;
  });
  afterAll(() => {
    isWanted = false;
    exporter.reset();
    trace.disable();
    context.disable();
    propagation.disable();
  });
  return exporter;
}
