import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi';
import type { Endpoint } from './endpoint.js';

type Registry = OpenAPIHono['openAPIRegistry'];

/** What any endpoint may answer with the failure of its dialect. */
const commonFailures: Record<number, string> = {
  400: 'The request cannot be read, or a field of it does not fit.',
  401: 'The credential is missing, wrong, expired or revoked.',
  403: 'The credential does not allow this, or a page of another origin sent the request.',
  421: 'In open development mode the server answers for localhost only.',
  500: 'A fault of the server; its log has the details under the answer’s `X-Request-Id`.',
};

const keyReused = { 409: 'The `Idempotency-Key` was used before, for another request.' };

const tooLarge = { 413: 'The body is over the size that the server takes.' };

/** Adds an endpoint to the OpenAPI document. */
export function addToDocument(registry: Registry, endpoint: Endpoint): void {
  const { dialect, method, path, summary, description, params, query, body, headers = {}, answers } = endpoint;
  const isCommand = method !== 'get';
  const failures = { ...commonFailures, ...(body && tooLarge), ...(isCommand && keyReused), ...endpoint.failures };
  const idempotency = isCommand ? { 'Idempotency-Key': idempotencyDescription } : {};
  const responses: RouteConfig['responses'] = {};
  for (const [status, text] of Object.entries(failures)) {
    responses[status] = { description: text, content: { 'application/json': { schema: dialect.failureSchema } } };
  }
  for (const [status, answer] of Object.entries(answers)) {
    const content = answer.schema && { 'application/json': { schema: answer.schema } };
    responses[status] = { description: answer.description, ...(content && { content }) };
  }
  registry.registerPath({
    method,
    path,
    tags: [dialect.name],
    summary,
    ...(description && { description }),
    operationId: operationId(method, path),
    ...(endpoint.access === 'open' && { security: [] }),
    parameters: Object.entries({ ...headers, ...idempotency }).map(([name, text]) => ({
      name,
      in: 'header' as const,
      description: text,
      schema: { type: 'string' as const, minLength: 1, maxLength: 255 },
    })),
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(body && { body: { content: { 'application/json': { schema: body } } } }),
    },
    responses,
  });
}

const idempotencyDescription =
  'Key of your choice that makes a retry safe: the same key with the same request gives the first answer again and changes nothing twice.';

/** `post /api/coord/tasks/{id}/claim` -> `postApiCoordTasksIdClaim`. */
function operationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
