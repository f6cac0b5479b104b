import { defaultFieldResolver, GraphQLError, type GraphQLSchema } from 'graphql';
import type { GraphqlContext } from '../graphql/context.js';
import type { DomainError } from '../kernel/domain-error.js';
import { UnauthenticatedError } from './auth.errors.js';
import { endedSessionCookie } from './session-cookie.js';
import { type Scope, ScopeMissingError } from './viewer.js';

/** Root fields that need no credential. */
const openFields: ReadonlySet<string> = new Set(['sessionCreate']);

/**
 * Closes every root field of the schema to callers without a credential, and every read to those without the scope READ,
 * so that a field somebody forgets to guard is closed. Commands check the scope they need themselves, and answer the
 * lack of it as data. Introspection stays open: the schema is public.
 */
export function closeRootFields(schema: GraphQLSchema): GraphQLSchema {
  const roots = [
    { type: schema.getQueryType(), scope: 'READ' },
    { type: schema.getSubscriptionType(), scope: 'READ' },
    { type: schema.getMutationType(), scope: null },
  ] as const;
  for (const { type, scope } of roots) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      if (openFields.has(field.name)) continue;
      const { resolve = defaultFieldResolver, subscribe } = field;
      // The events of a subscription are resolved under the access it was opened with.
      if (subscribe) {
        field.subscribe = (root, args, context, info) => {
          requireAccess(context, scope);
          return subscribe(root, args, context, info);
        };
      } else {
        field.resolve = (root, args, context, info) => {
          requireAccess(context, scope);
          return resolve(root, args, context, info);
        };
      }
    }
  }
  return schema;
}

function requireAccess({ viewer, setHeader }: GraphqlContext, scope: Scope | null): void {
  if (viewer.credential.kind === 'anonymous') {
    // No page can remove the cookie, which would have every request refused until somebody signs in.
    if (viewer.credential.hasStaleCookie) setHeader('set-cookie', endedSessionCookie);
    throw refusal(new UnauthenticatedError(), { status: 401, headers: { 'www-authenticate': 'Bearer' } });
  }
  if (scope && !viewer.scopes.has(scope)) throw refusal(new ScopeMissingError(scope), { status: 403 });
}

/** The error as an answer to the whole request, with its status over HTTP. */
function refusal(error: DomainError, http: { status: number; headers?: Record<string, string> }): GraphQLError {
  return new GraphQLError(error.message, { extensions: { code: error.code, http } });
}
