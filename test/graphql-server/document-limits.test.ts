import { getIntrospectionQuery } from 'graphql';
import { describe, expect, it } from 'vitest';
import { DocumentCache } from '../../src/graphql/document-cache.js';
import { documentLimits } from '../../src/graphql/document-limits.js';
import { post, startTestServer, TestSocket } from './graphql-test-server.js';

const repeat = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');

const cases = [
  {
    code: 'DOCUMENT_TOO_DEEP',
    allowed: `${'{ nested '.repeat(documentLimits.depth - 1)}{ hello }${' }'.repeat(documentLimits.depth - 1)}`,
    hostile: `${'{ nested '.repeat(documentLimits.depth)}{ hello }${' }'.repeat(documentLimits.depth)}`,
  },
  {
    code: 'DOCUMENT_TOO_MANY_ALIASES',
    allowed: `{ ${repeat(documentLimits.aliases, (index) => `a${index}: hello`)} }`,
    hostile: `{ ${repeat(documentLimits.aliases + 1, (index) => `a${index}: hello`)} }`,
  },
  {
    code: 'DOCUMENT_TOO_MANY_DIRECTIVES',
    allowed: `{ ${repeat(documentLimits.directives, () => 'hello @include(if: true)')} }`,
    hostile: `{ ${repeat(documentLimits.directives + 1, () => 'hello @include(if: true)')} }`,
  },
  {
    code: 'DOCUMENT_TOO_LARGE',
    allowed: `{ ${'hello '.repeat(documentLimits.tokens - 2)}}`,
    hostile: `{ ${'hello '.repeat(documentLimits.tokens - 1)}}`,
  },
];

describe.each(cases)('$code', ({ code, allowed, hostile }) => {
  it.each(['application/json', 'application/graphql-response+json'])('is refused with 400 over HTTP as %s', async (accept) => {
    const server = await startTestServer();

    const atLimit = await post(server, { query: allowed }, { accept });
    const response = await post(server, { query: hostile }, { accept });
    // The second time the answer comes from the cache.
    const again = await post(server, { query: hostile }, { accept });

    expect(await atLimit.text()).not.toContain('DOCUMENT_TOO');
    expect([response.status, again.status]).toEqual([400, 400]);
    const answer = await response.json();
    expect(answer).toMatchObject({ errors: [{ extensions: { code } }] });
    expect(answer.errors).toHaveLength(1);
    expect(await again.json()).toEqual(answer);
  });

  it('is refused as a message over the websocket, which stays open', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.subscribe(hostile, '1');
    const refusal = await client.message();
    client.subscribe('{ hello }', '2');

    expect(refusal).toMatchObject({ id: '1', type: 'error', payload: [{ extensions: { code } }] });
    expect(await client.message()).toMatchObject({ id: '2', type: 'next', payload: { data: { hello: 'hello' } } });
  });
});

it('allows the introspection query of GraphiQL', async () => {
  const server = await startTestServer();

  const query = getIntrospectionQuery({ inputValueDeprecation: true, directiveIsRepeatable: true, schemaDescription: true });
  const answer = await (await post(server, { query })).json();

  expect(answer.errors).toBeUndefined();
  expect(answer.data.__schema.queryType.name).toBe('Query');
});

it('refuses bombs made of fragments before they cost anything', async () => {
  const server = await startTestServer();
  // Each fragment doubles the one before: 2^30 fields when expanded.
  const fragments = repeat(
    30,
    (index) => `fragment F${index} on Query { nested { ...F${index + 1} } again { ...F${index + 1} } }`,
  );
  const query = `query { ...F0 } ${fragments} fragment F30 on Query { hello }`;

  const startedAt = performance.now();
  const response = await post(server, { query });

  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'DOCUMENT_TOO_DEEP' } }] });
  expect(performance.now() - startedAt).toBeLessThan(1000);
});

describe('the document cache', () => {
  it('keeps what is used, and lets go of the rest before it grows', () => {
    const cache = new DocumentCache<number>();
    const document = (index: number) => `${index}`.padEnd(16_000, '#');

    cache.set('{ used }', 1);
    for (let index = 0; index < 500; index++) {
      cache.set(document(index), index);
      cache.get('{ used }');
    }

    expect(cache.get('{ used }')).toBe(1);
    expect(cache.get(document(499))).toBe(499);
    expect(cache.get(document(0))).toBeUndefined();
  });

  it('does not keep a document that is too long to be sent often', () => {
    const cache = new DocumentCache<number>();

    cache.set('#'.repeat(100_000), 1);

    expect(cache.get('#'.repeat(100_000))).toBeUndefined();
  });
});
