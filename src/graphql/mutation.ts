import type { ObjectFieldBuilder } from '@pothos/core';
import type { z } from 'zod';
import { attempt, type Outcome, once } from '../features/idempotency.js';
import { type CommandOf, withoutNulls } from '../features/input-fields.js';
import type { Services } from '../features/services.js';
import type { UserErrorData } from '../kernel/user-error.js';
import { builder, type SchemaTypes } from './builder.js';
import type { GraphqlContext } from './context.js';
import { inputType } from './input-type.js';
import { MutationPayloadRef } from './user-error.js';

/** A payload's value: what the command answered, all null when it failed, beside the errors. */
export type PayloadShape<Result> = { [Key in keyof Result]: Result[Key] | null } & { errors: UserErrorData[] };

/**
 * Adds one mutation: `name(input: NameInput!): NamePayload!`.
 *
 * The input is checked by its zod schema, each issue becoming a VALIDATION_FAILED error with its path; DomainErrors of the
 * command become `errors`; an `idempotencyKey` makes the command run once. `run` gets the services to call, which within
 * an idempotent call are those of its transaction. This is the one place that turns domain errors into GraphQL data.
 */
export function mutation<Schema extends z.ZodObject, Result extends object>(
  name: string,
  options: {
    description: string;
    input: Schema;
    run: (services: Services, context: GraphqlContext, input: CommandOf<Schema>) => Promise<Result>;
    /** Stands after `run` wherever it is written, so that TypeScript knows the result by then. */
    payload: (t: ObjectFieldBuilder<SchemaTypes, PayloadShape<Result>>) => Record<string, unknown>;
    /** Called with the result, after the commit, on the first run and on a repeated one alike. */
    afterwards?: (result: Result, context: GraphqlContext) => void;
  },
): void {
  const typeName = name.charAt(0).toUpperCase() + name.slice(1);
  const payload = builder.objectRef<PayloadShape<Result>>(`${typeName}Payload`);
  payload.implement({
    description: `What \`${name}\` answers.`,
    interfaces: [MutationPayloadRef as never],
    fields: options.payload as never,
  });
  const hasInput = Object.keys(options.input.shape).some((field) => field !== 'idempotencyKey');
  const input = inputType(`${typeName}Input`, `What \`${name}\` takes.`, options.input);
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: options.description,
      args: { input: t.arg({ type: input, required: hasInput, description: 'What to do.' }) },
      resolve: (async (_: unknown, args: { input?: Record<string, unknown> | null }, context: GraphqlContext) => {
        const outcome = await execute(name, options, args.input ?? {}, context);
        for (const { code } of outcome.errors) context.metrics.refused(code);
        if (outcome.result !== null) options.afterwards?.(outcome.result, context);
        return { ...outcome.result, errors: outcome.errors };
      }) as never,
    }),
  );
}

async function execute<Schema extends z.ZodObject, Result>(
  name: string,
  options: { input: Schema; run: (services: Services, context: GraphqlContext, input: CommandOf<Schema>) => Promise<Result> },
  rawInput: Record<string, unknown>,
  context: GraphqlContext,
): Promise<Outcome<Result>> {
  const parsed = options.input.safeParse(withoutNulls(options.input, rawInput));
  if (!parsed.success) {
    return {
      result: null,
      errors: parsed.error.issues.map((issue) => ({
        code: 'VALIDATION_FAILED',
        message: `${issue.path.join('.')} ${issue.message}.`,
        path: issue.path.map(String),
        facts: {},
      })),
    };
  }
  const { idempotencyKey, ...input } = parsed.data as { idempotencyKey?: string };
  const run = (services: Services) => options.run(services, context, input as CommandOf<Schema>);
  if (idempotencyKey === undefined) return attempt(() => run(context.services));
  const request = { viewer: context.viewer, operation: name, input, key: idempotencyKey };
  return once(context.database, request, (database) => run(context.servicesOn(database)));
}
