import { gzipSync } from 'node:zlib';
import { documentLimits } from '../../src/graphql/document-limits.js';
import type { WireRequest } from '../support/http-request.js';

/** What nobody should send: documents, bodies, headers and frames, each with the answer that turns it away. */

/** One hostile request. */
export interface HostileRequest {
  name: string;
  request: Partial<WireRequest>;
  /** Who sends it; the agent unless it says so. */
  as?: 'agent' | 'nobody';
  status: number;
  /** The stable code; null where the answer is not ours to word: a plain page, or Node's own refusal. */
  code: string | null;
  /** It is refused by the checks around a resolver: an operation begins, and must not get to the database. */
  isChecked?: boolean;
}

const repeat = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => make(index)).join(' ');
const nest = (count: number, open: string, inner: string) =>
  `${open.repeat(count)}${inner}${'}'.repeat((open.match(/{/g)?.length ?? 0) * count)}`;

/** A GraphQL operation, posted as JSON. */
function operation(query: string, variables?: unknown): Partial<WireRequest> {
  return json(JSON.stringify({ query, variables }));
}

function json(body: string | Buffer): Partial<WireRequest> {
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    body,
  };
}

function typed(contentType: string, body: string | Buffer): Partial<WireRequest> {
  return { method: 'POST', path: '/graphql', headers: contentType ? { 'content-type': contentType } : {}, body };
}

function get(path: string, headers: Record<string, string> = {}): Partial<WireRequest> {
  return { method: 'GET', path, headers: { accept: 'application/graphql-response+json', ...headers } };
}

function restPost(path: string, body: string | Buffer): Partial<WireRequest> {
  return { method: 'POST', path, headers: { 'content-type': 'application/json' }, body };
}

const read = '{ viewer { kind } }';
const tasksOf = 'tasks(first: 100) { nodes { ';
const introspected = '__schema { types { ';
const base64 = (text: string) => Buffer.from(text).toString('base64');

const documents: HostileRequest[] = [
  ['nested deep', `{ ${nest(10, 'tasks { nodes { project { ', 'id')} }`, 'DOCUMENT_TOO_DEEP'],
  [
    'nested deep by fragments',
    `{ tasks { nodes { ...F0 } } } ${repeat(6, (index) => `fragment F${index} on Task { project { tasks { nodes { ...F${index + 1} } } } }`)} fragment F6 on Task { id }`,
    'DOCUMENT_TOO_DEEP',
  ],
  ['of inline fragments in inline fragments', `{ ${nest(200, '... on Query { ', 'eventCursor')} }`, 'DOCUMENT_TOO_DEEP'],
  ['with an alias for everything', `{ ${repeat(1000, (index) => `a${index}: eventCursor`)} }`, 'DOCUMENT_TOO_MANY_ALIASES'],
  [
    'with its aliases in fragments',
    `{ ${repeat(8, (index) => `b${index}: tasks { nodes { ...F } }`)} } fragment F on Task { ${repeat(25, (index) => `a${index}: title`)} }`,
    'DOCUMENT_TOO_MANY_ALIASES',
  ],
  ['of directives', `{ eventCursor ${repeat(60, () => '@skip(if: true)')} }`, 'DOCUMENT_TOO_MANY_DIRECTIVES'],
  [
    'of directives that there are not',
    `query ${repeat(1000, (index) => `@d${index}`)} { eventCursor }`,
    'DOCUMENT_TOO_MANY_DIRECTIVES',
  ],
  ['that asks for parts later', '{ ... @defer { eventCursor } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['that spreads itself', '{ ...A } fragment A on Query { ...A }', 'GRAPHQL_VALIDATION_FAILED'],
  [
    'that spreads itself by others',
    '{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...A }',
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'that spreads itself from within',
    '{ ...A } fragment A on Query { tasks { nodes { ...B } } } fragment B on Task { project { tasks { nodes { ...B } } } }',
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'that doubles thirty times',
    `{ tasks { nodes { ...F0 } } } ${repeat(30, (index) => `fragment F${index} on Task { ...F${index + 1} ... on Task { ...F${index + 1} } }`)} fragment F30 on Task { id }`,
    'DOCUMENT_TOO_DEEP',
  ],
  [
    'that grows threefold five times',
    `{ tasks { nodes { ...F0 } } } ${repeat(5, (index) => `fragment F${index} on Task { ...F${index + 1} ...F${index + 1} ...F${index + 1} }`)} fragment F5 on Task { id title kind status priority createdAt updatedAt number description }`,
    'DOCUMENT_TOO_COSTLY',
  ],
  [
    'of a million rows',
    `{ ${tasksOf} threads(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }`,
    'DOCUMENT_TOO_COSTLY',
  ],
  [
    'of many searches',
    '{ memorySearch(projectId: "1", queries: ["a"], limit: 2147483647) { query hits { __typename } } }',
    'DOCUMENT_TOO_COSTLY',
  ],
  ['of too many tokens', `{ ${'eventCursor '.repeat(documentLimits.tokens)} }`, 'DOCUMENT_TOO_LARGE'],
  ['of a list of a thousand literals', `{ nodes(ids: [${'"1", '.repeat(6000)}]) { id } }`, 'DOCUMENT_TOO_LARGE'],
  ['of open braces', '{'.repeat(900_000), 'GRAPHQL_PARSE_FAILED'],
  ['of open brackets', `{ nodes(ids: ${'['.repeat(4900)}`, 'DOCUMENT_TOO_DEEP'],
  ['of values in values', `{ nodes(ids: ${'['.repeat(2400)}${']'.repeat(2400)}) { id } }`, 'ANY'],
  ['with a string that never ends', `{ task(id: "${'x'.repeat(500_000)}`, 'GRAPHQL_PARSE_FAILED'],
  ['of half a character', '{ task(id: "\\uD800") { id } }', 'GRAPHQL_PARSE_FAILED'],
  ['of letters that look like others', '{ v\u0456ewer { kind } }', 'GRAPHQL_PARSE_FAILED'],
  ['with control characters', '{ viewer\u0000 { kind } }', 'GRAPHQL_PARSE_FAILED'],
  ['of nothing', '', 'GRAPHQL_PARSE_FAILED'],
  ['of a fragment alone', 'fragment A on Query { eventCursor }', 'ANY'],
  ['of two operations and no name', 'query A { eventCursor } query B { eventCursor }', 'BAD_REQUEST'],
  ['of types', 'type Query { secrets: String }', 'ANY'],
  ['of numbers beyond all', '{ tasks(first: 99999999999999999999) { nodes { id } } }', 'GRAPHQL_VALIDATION_FAILED'],
  ['of two subscriptions in one', 'subscription { taskEvents { cursor } agentEvents { cursor } }', 'GRAPHQL_VALIDATION_FAILED'],
  [
    'that looks deep into the schema',
    `{ ${introspected}fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`,
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'that looks at the schema under many names',
    `{ ${introspected}${repeat(14, (index) => `f${index}: fields { type { ${repeat(1, () => `g${index}: fields { name }`)} } }`)} } } }`,
    'DOCUMENT_TOO_MANY_ALIASES',
  ],
  [
    'that looks at the whole schema again and again',
    `{ ${repeat(29, (index) => `s${index}: ${introspected}name } }`)} }`,
    'DOCUMENT_TOO_MANY_ALIASES',
  ],
].map(([what, query, code]) => ({
  name: `a document ${what}`,
  request: operation(query as string),
  status: 400,
  code: code as string,
}));

const deepJson = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const create = 'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { task { id } errors { code } } }';

const checked: HostileRequest[] = [
  [
    'JSON nested deeper than a stack',
    json(`{"query":${JSON.stringify(create)},"variables":{"input":{"title":"x","metadata":{"a":${deepJson}}}}}`),
    'VALIDATION_FAILED',
  ],
  [
    'a key that would pollute',
    json(`{"query":${JSON.stringify(create)},"variables":{"input":{"title":"x","metadata":{"__proto__":{"admin":true}}}}}`),
    'VALIDATION_FAILED',
  ],
  ['text with U+0000', operation(create, { input: { title: 'a\u0000b' } }), 'VALIDATION_FAILED'],
  ['text of a megabyte', operation(create, { input: { title: 'x'.repeat(900_000) } }), 'VALIDATION_FAILED'],
  ['half a character', operation(create, { input: { title: '\ud800' } }), 'VALIDATION_FAILED'],
  [
    'ten thousand tasks at once',
    operation('mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { errors { code } } }', {
      input: { tasks: Array(10_000).fill({ title: 'x' }) },
    }),
    'VALIDATION_FAILED',
  ],
  [
    'a list of 100,000 ids',
    operation('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: Array(100_000).fill('1') }),
    'ANY',
  ],
  ['a negative page', operation('{ tasks(first: -1) { nodes { id } } }'), 'VALIDATION_FAILED'],
  ['a page from both ends', operation('{ tasks(first: 1, last: 1) { nodes { id } } }'), 'VALIDATION_FAILED'],
  ['a cursor of garbage', operation('{ tasks(after: "garbage") { nodes { id } } }'), 'INVALID_CURSOR'],
  [
    'a cursor of SQL',
    operation('query ($after: String) { tasks(after: $after) { nodes { id } } }', {
      after: base64(`GPC:T:["S:' or 1=1 --","S:x"]`),
    }),
    'INVALID_CURSOR',
  ],
  [
    'a cursor of a megabyte',
    operation('query ($after: String) { tasks(after: $after) { nodes { id } } }', { after: 'x'.repeat(900_000) }),
    'INVALID_CURSOR',
  ],
  [
    'an event cursor of garbage',
    operation('query ($after: String) { events(after: $after) { nodes { __typename } } }', { after: base64('e1:1e9:-1') }),
    'ANY',
  ],
].map(([what, request, code]) => ({
  name: what as string,
  request: request as Partial<WireRequest>,
  status: 200,
  code: code as string,
  isChecked: true,
}));

const bodies: HostileRequest[] = [
  ['JSON that ends early', json('{"query": "{ viewer'), 400, 'BAD_REQUEST'],
  ['JSON with a comment', json(`{"query": "${read}" /* hi */}`), 400, 'BAD_REQUEST'],
  ['JSON in single quotes', json("{'query': '{ viewer { kind } }'}"), 400, 'BAD_REQUEST'],
  ['open brackets by the 100,000', json('['.repeat(200_000)), 400, 'BAD_REQUEST'],
  ['a text', json('"query"'), 400, 'BAD_REQUEST'],
  ['a batch', json(JSON.stringify([{ query: read }, { query: read }])), 400, 'BAD_REQUEST'],
  ['a batch of thousands', json(JSON.stringify(Array(10_000).fill({ query: read }))), 400, 'BAD_REQUEST'],
  ['a query in the prototype', json(`{"__proto__": {"query": "${read}"}}`), 400, 'BAD_REQUEST'],
  ['a prototype beside the query', json(`{"query": "${read}", "__proto__": {"admin": true}}`), 400, 'BAD_REQUEST'],
  [
    'a constructor beside the query',
    json(`{"query": "${read}", "constructor": {"prototype": {"admin": true}}}`),
    400,
    'BAD_REQUEST',
  ],
  ['a query that is an object', json('{"query": {"toString": "x"}}'), 400, 'BAD_REQUEST'],
  ['variables that are a list', json(`{"query": "${read}", "variables": [1]}`), 400, 'BAD_REQUEST'],
  ['extensions that are a list', json(`{"query": "${read}", "extensions": [1]}`), 400, 'BAD_REQUEST'],
  ['a name that is an object', json(`{"query": "${read}", "operationName": {}}`), 400, 'BAD_REQUEST'],
  ['a name of a megabyte', json(`{"query": "${read}", "operationName": "${'x'.repeat(900_000)}"}`), 400, 'BAD_REQUEST'],
  [
    'a hash in the place of a query',
    json('{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}'),
    400,
    'BAD_REQUEST',
  ],
  ['bytes that are no UTF-8', json(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), 400, 'BAD_REQUEST'],
  [
    'an overlong slash',
    json(Buffer.concat([Buffer.from('{"query":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])),
    400,
    'BAD_REQUEST',
  ],
  ['UTF-16', json(Buffer.from(`\ufeff{"query":"${read}"}`, 'utf16le')), 400, 'BAD_REQUEST'],
  [
    'a zip bomb',
    { ...json(gzipSync(Buffer.alloc(10_000_000))), headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
    400,
    'BAD_REQUEST',
  ],
  ['a body over the limit', json(`{"query": "#${'x'.repeat(1_100_000)}"}`), 413, 'BODY_TOO_LARGE'],
  [
    'a body over the limit in chunks',
    { ...json(`{"query": "#${'x'.repeat(1_100_000)}"}`), isChunked: true },
    413,
    'BODY_TOO_LARGE',
  ],
  ['a form', typed('application/x-www-form-urlencoded', `query=${encodeURIComponent(read)}`), 415, 'BAD_REQUEST'],
  ['plain text', typed('text/plain', JSON.stringify({ query: read })), 415, 'BAD_REQUEST'],
  ['a bare document', typed('application/graphql', read), 415, 'BAD_REQUEST'],
  ['no content type', typed('', JSON.stringify({ query: read })), 415, 'BAD_REQUEST'],
  ['a type that only begins like JSON', typed('application/jsonp', JSON.stringify({ query: read })), 415, 'BAD_REQUEST'],
  [
    'an upload',
    typed(
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{ viewer { kind } }"}\r\n--b--\r\n',
    ),
    415,
    'BAD_REQUEST',
  ],
].map(([what, request, status, code]) => ({
  name: `a body: ${what}`,
  request: request as Partial<WireRequest>,
  status: status as number,
  code: code as string,
}));

const mutation = encodeURIComponent('mutation { taskCreate(input: { title: "x" }) { task { id } } }');

const requests: HostileRequest[] = [
  ['a GET that changes things', get(`/graphql?query=${mutation}`), 405, 'BAD_REQUEST'],
  ['a GET with variables that are no JSON', get(`/graphql?query=${encodeURIComponent(read)}&variables=%7B`), 400, 'BAD_REQUEST'],
  ['a GET without a query', get('/graphql?query'), 400, null],
  [
    'a GET from a foreign page',
    get(`/graphql?query=${encodeURIComponent(read)}`, { 'sec-fetch-site': 'cross-site' }),
    403,
    'BAD_REQUEST',
  ],
  ['a request line of 20,000 characters', get(`/graphql?query=${'x'.repeat(20_000)}`), 431, null],
  ['a PUT', { method: 'PUT', path: '/graphql', body: read }, 405, 'BAD_REQUEST'],
  ['a TRACE', { method: 'TRACE', path: '/graphql' }, 405, 'BAD_REQUEST'],
  ['a stream in the place of an answer', operation('subscription { taskEvents { cursor } }'), 406, 'BAD_REQUEST'],
  ['a path that climbs', get('/graphql/../../etc/passwd'), 404, null],
  ['a file of the board that climbs', get('/ui/assets/..%2f..%2f..%2fpackage.json'), 404, null],
  ['a path with a null in it', get('/ui/assets/%00'), 404, null],
  ['a path that is no UTF-8', get('/api/coord/%ff%fe'), 404, null],
].map(([what, request, status, code]) => ({
  name: what as string,
  request: request as Partial<WireRequest>,
  // Of a page that has no credential but its visitor's cookie.
  as: what === 'a GET from a foreign page' ? ('nobody' as const) : ('agent' as const),
  status: status as number,
  code: code as string | null,
}));

const authorized = (authorization: string, more: Record<string, string> = {}): Partial<WireRequest> => ({
  ...operation(read),
  headers: { 'content-type': 'application/json', authorization, ...more },
});

const credentials: HostileRequest[] = [
  ['a token of 15,000 characters', authorized(`Bearer ${'x'.repeat(15_000)}`), 401, 'UNAUTHENTICATED'],
  ['a token of 40,000 characters', authorized(`Bearer ${'x'.repeat(40_000)}`), 431, null],
  ['a token of SQL', authorized(`Bearer '_or_1=1--`), 401, 'UNAUTHENTICATED'],
  ['a token that is an object', authorized('Bearer [object Object]'), 401, 'UNAUTHENTICATED'],
  ['another scheme', authorized('Basic YWRtaW46YWRtaW4='), 401, 'UNAUTHENTICATED'],
  ['two tokens', authorized('Bearer a, Bearer b'), 401, 'UNAUTHENTICATED'],
  ['no credential at all', operation(read), 401, 'UNAUTHENTICATED'],
].map(([what, request, status, code]) => ({
  name: `a caller with ${what}`,
  request: request as Partial<WireRequest>,
  as: 'nobody' as const,
  status: status as number,
  code: code as string | null,
  // Who has sent none is turned away by the field: signing in is open.
  isChecked: what === 'no credential at all',
}));

const older: HostileRequest[] = [
  ['JSON that ends early', restPost('/api/coord/agents/register', '{"employee_id": '), 400, 'ANY'],
  ['a list', restPost('/api/coord/agents/register', '[]'), 400, 'ANY'],
  ['open brackets by the 100,000', restPost('/api/coord/agents/register', '['.repeat(200_000)), 400, 'ANY'],
  ['a prototype', restPost('/api/orchestrators', '{"__proto__": {"name": "x", "role": "y"}}'), 400, 'ANY'],
  ['bytes that are no UTF-8', restPost('/tasks', Buffer.from([0xff, 0xfe, 0x00])), 400, 'ANY'],
  ['a body over the limit', restPost('/tasks', `{"title": "${'x'.repeat(1_100_000)}"}`), 413, 'ANY'],
  ['a type for a text', restPost('/tasks', '{"title": {"$gt": ""}}'), 400, 'ANY'],
  ['another method', { method: 'DELETE', path: '/api/orchestrators' }, 405, 'ANY'],
  ['a path that is not there', get('/api/orchestrators/a/b/c/d'), 404, 'ANY'],
].map(([what, request, status, code]) => ({
  name: `an older API sent ${what}`,
  request: request as Partial<WireRequest>,
  status: status as number,
  code: code as string,
}));

export const hostileRequests: HostileRequest[] = [...documents, ...checked, ...bodies, ...requests, ...credentials, ...older];

/** Bytes on a connection that no HTTP client would send; Node turns them away, and closes it. */
export const hostileBytes: [name: string, bytes: string][] = [
  ['two lengths', 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
  [
    'a length and chunks',
    'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a length that is none', 'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n'],
  ['a header with a null', 'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n'],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n'],
  ['no host', 'GET /graphql HTTP/1.1\r\n\r\n'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
];

/** Messages after the handshake, with the code that closes the websocket, or of the error that answers them. */
export const hostileMessages: [name: string, message: string | Buffer, answer: number | string][] = [
  ['that is no JSON', '{"type":', 4400],
  ['that is null', 'null', 4400],
  ['of an unknown type', '{"type":"__proto__"}', 4400],
  ['without an id', '{"type":"subscribe","payload":{"query":"{ eventCursor }"}}', 4400],
  ['whose id is an object', '{"type":"subscribe","id":{},"payload":{"query":"{ eventCursor }"}}', 4400],
  ['whose query is a list', '{"type":"subscribe","id":"1","payload":{"query":["{ eventCursor }"]}}', 4400],
  ['whose variables are a text', '{"type":"subscribe","id":"1","payload":{"query":"{ eventCursor }","variables":"x"}}', 4400],
  ['that says again who it is', '{"type":"connection_init"}', 4429],
  ['over the limit', ' '.repeat(1_048_577), 1009],
  ['of bytes that are no JSON', Buffer.from([0xff, 0xfe, 0x00]), 4400],
  ['with a document nested deep', subscribe(`{ ${nest(10, 'tasks { nodes { project { ', 'id')} }`), 'DOCUMENT_TOO_DEEP'],
  [
    'with a document of a million rows',
    subscribe(`{ ${tasksOf} threads(first: 100) { nodes { messages(first: 100) { nodes { id } } } } } } }`),
    'DOCUMENT_TOO_COSTLY',
  ],
  ['with a document that is none', subscribe('{'), 'GRAPHQL_PARSE_FAILED'],
];

function subscribe(query: string): string {
  return JSON.stringify({ type: 'subscribe', id: '__proto__', payload: { query } });
}
