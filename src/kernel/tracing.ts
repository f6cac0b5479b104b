import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { isPromise, type MaybePromise } from './maybe-promise.js';

/** Does nothing unless whoever runs the server has loaded an SDK of OpenTelemetry. */
const tracer = trace.getTracer('baton');

/** Runs the work as part of the trace that a request names in its headers, if it names one. */
export function continueTrace<Result>(headers: object, work: () => Result): Result {
  return context.with(propagation.extract(context.active(), headers), work);
}

/** Runs the work within a span of this name, which failure marks as failed. Names come from the schema, from routes and from statements. */
export function traced<Work extends MaybePromise<unknown>>(name: string, work: () => Work): Work {
  return tracer.startActiveSpan(name, (span) => {
    if (!span.isRecording()) return work();
    const fail = (error: unknown) => {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    };
    try {
      const result = work();
      if (isPromise(result)) result.then(() => span.end(), fail);
      else span.end();
      return result;
    } catch (error) {
      fail(error);
      throw error;
    }
  });
}
