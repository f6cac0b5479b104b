import { type ErrorCode, errorCodes } from '../features/error-code.js';
import type { UserErrorData } from '../kernel/user-error.js';
import { builder } from './builder.js';

export const ErrorCodeRef = builder.enumType('ErrorCode', {
  description: 'What went wrong, as a code that never changes its meaning.',
  values: Object.fromEntries(Object.entries(errorCodes).map(([code, description]) => [code, { description }])) as Record<
    ErrorCode,
    { description: string }
  >,
});

/** An expected failure of a command, for the caller to act on. */
export const UserErrorRef = builder.interfaceRef<UserErrorData>('UserError').implement({
  description: 'An expected failure of a command. Nothing was changed. Types that implement it add their facts.',
  resolveType: (error) => errorTypeNames.get(error.code) ?? 'GeneralError',
  fields: (t) => ({
    code: t.field({ type: ErrorCodeRef, description: 'What went wrong.', resolve: (error) => error.code as ErrorCode }),
    message: t.exposeString('message', { description: 'What happened, to which thing, and what to do next.' }),
    path: t.field({
      type: ['String'],
      nullable: true,
      description: 'Input field at fault, outermost first. Null when no single field is.',
      resolve: (error) => error.path,
    }),
  }),
});

const errorTypeNames = new Map<string, string>();

/** Adds the GraphQL type of one error code whose facts are worth fields of their own. */
export function errorType(code: ErrorCode, name: string): ReturnType<typeof builder.objectRef<UserErrorData>> {
  errorTypeNames.set(code, name);
  return builder.objectRef<UserErrorData>(name);
}

builder.objectRef<UserErrorData>('GeneralError').implement({
  description: 'A failure that its code and message say everything about.',
  interfaces: [UserErrorRef],
});

/** What every mutation answers beside what it changed. */
export const MutationPayloadRef = builder.interfaceRef<{ errors: UserErrorData[] }>('MutationPayload').implement({
  description: 'What every mutation answers.',
  resolveType: () => undefined,
  fields: (t) => ({
    errors: t.field({
      type: [UserErrorRef],
      description: 'Why nothing was changed; empty when the command succeeded.',
      resolve: (payload) => payload.errors,
    }),
  }),
});
