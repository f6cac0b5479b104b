import { describe, expect, it } from 'vitest';
import { post, Source, startTestServer, TestSocket, TicketNotFoundError } from './graphql-test-server.js';

const secrets = /secret|hunter2|TypeError|node_modules|\.ts:/;

describe('an error that is a bug', () => {
  it('reaches the client without its message or stack, with the request id under which the log has them', async () => {
    const server = await startTestServer();

    const response = await post(server, { query: 'query Failing { bug }' });
    const text = await response.text();

    const [error] = JSON.parse(text).errors;
    expect(text).not.toMatch(secrets);
    expect(text).not.toContain('unexpected');
    expect(error).toMatchObject({ path: ['bug'], extensions: { code: 'INTERNAL_ERROR' } });
    expect(error.extensions.requestId).toBe(response.headers.get('x-request-id'));
    expect(server.log()).toContainEqual(
      expect.objectContaining({
        level: 50,
        requestId: error.extensions.requestId,
        operationName: 'Failing',
        error: {
          type: 'TypeError',
          message: 'the secret plan failed',
          stack: expect.stringContaining('graphql-test-server'),
          cause: expect.objectContaining({ message: 'password=hunter2' }),
        },
      }),
    );
  });

  it('is masked over the websocket too', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.subscribe('query Failing { bug }');
    const message = await client.message();

    expect(JSON.stringify(message)).not.toMatch(secrets);
    expect(message).toMatchObject({ type: 'next', payload: { data: { bug: null }, errors: [{ path: ['bug'] }] } });
    const { extensions } = (message.payload as { errors: [{ extensions: object }] }).errors[0];
    expect(extensions).toEqual({ code: 'INTERNAL_ERROR', requestId: expect.any(String) });
    expect(server.log()).toContainEqual(expect.objectContaining({ level: 50, requestId: Object(extensions).requestId }));
  });

  it('is logged without variables, documents and credentials', async () => {
    const server = await startTestServer();

    await post(
      server,
      { query: 'query Failing($id: ID!) { bug byId(id: $id) }', variables: { id: 'variable-value' } },
      { authorization: 'Bearer credential-value' },
    );

    expect(server.rawLog()).toContain('the secret plan failed');
    expect(server.rawLog()).not.toMatch(/variable-value|credential-value|byId/);
  });

  it.each(['{ notANumber }', '{ nothing }'])('is what a value that the schema does not allow counts as: %s', async (query) => {
    const server = await startTestServer();

    const response = await post(server, { query });
    const text = await response.text();

    expect(text).not.toMatch(secrets);
    expect(JSON.parse(text).errors[0].extensions.code).toBe('INTERNAL_ERROR');
  });

  it('answers 500 when the context cannot be built', async () => {
    const server = await startTestServer({
      createContext: () => {
        throw new Error('the secret plan failed');
      },
    });

    const response = await post(server, { query: '{ hello }' });
    const text = await response.text();

    expect(response.status).toBe(500);
    expect(text).not.toMatch(secrets);
    expect(JSON.parse(text).errors[0].extensions.requestId).toBe(response.headers.get('x-request-id'));
    expect(server.rawLog()).toContain('the secret plan failed');
  });

  it('answers 500 when the caller cannot be looked up', async () => {
    const server = await startTestServer();

    const response = await post(server, { query: '{ hello }' }, { authorization: 'Bearer outage' });
    const text = await response.text();

    expect(response.status).toBe(500);
    expect(text).not.toContain('ECONNREFUSED');
    expect(JSON.parse(text).errors[0].extensions.code).toBe('INTERNAL_ERROR');
  });

  it('is masked when a subscription throws it, before and after the first event', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);

    client.subscribe('subscription { bugs }', 'before');
    const before = JSON.stringify(await client.message());
    await client.message();
    client.subscribe('subscription { events }', 'after');
    await source.started;
    source.fail(new Error('the secret plan failed'));
    const after = await client.message();

    expect(before).not.toMatch(secrets);
    expect(before).toContain('INTERNAL_ERROR');
    expect(JSON.stringify(after)).not.toMatch(secrets);
    expect(after).toMatchObject({ id: 'after', type: 'error', payload: [{ extensions: { code: 'INTERNAL_ERROR' } }] });
  });
});

describe('an expected failure', () => {
  it('keeps its message, code and path', async () => {
    const server = await startTestServer();

    const answer = await (await post(server, { query: '{ hello missing }' })).json();

    expect(answer).toEqual({
      data: { hello: 'hello', missing: null },
      errors: [
        {
          message: 'Ticket 7 does not exist.',
          path: ['missing'],
          locations: [{ line: 1, column: 9 }],
          extensions: { code: 'TASK_NOT_FOUND' },
        },
      ],
    });
    expect(server.log().filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });

  it('keeps them when it ends a subscription', async () => {
    const source = new Source<{ events: string }>();
    const server = await startTestServer({ source });
    const client = await TestSocket.connected(server);

    client.subscribe('subscription { events }');
    await source.started;
    source.fail(new TicketNotFoundError('Ticket 7 does not exist.'));

    expect(await client.message()).toMatchObject({
      type: 'error',
      payload: [{ message: 'Ticket 7 does not exist.', extensions: { code: 'TASK_NOT_FOUND' } }],
    });
  });

  it('keeps them when it refuses a subscription', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.subscribe('subscription { cannotSubscribe }');

    expect(await client.message()).toMatchObject({ payload: { errors: [{ extensions: { code: 'TASK_NOT_FOUND' } }] } });
  });

  it('keeps them when a plugin or resolver raised a coded GraphQL error', async () => {
    const server = await startTestServer();

    const answer = await (await post(server, { query: '{ refused }' })).json();

    expect(answer.errors).toMatchObject([{ message: 'Ask for less.', extensions: { code: 'DOCUMENT_TOO_COSTLY' } }]);
  });
});

describe('a request that GraphQL refuses', () => {
  const cases = [
    { name: 'syntax', params: { query: '{ hello' }, code: 'GRAPHQL_PARSE_FAILED' },
    { name: 'an unknown field', params: { query: '{ unknown }' }, code: 'GRAPHQL_VALIDATION_FAILED' },
    {
      name: 'a variable of another type',
      params: { query: 'query ($times: Int!) { hello(times: $times) }', variables: { times: 'many' } },
      code: 'BAD_USER_INPUT',
    },
    { name: 'an unknown operation', params: { query: 'query A { hello }', operationName: 'B' }, code: 'BAD_REQUEST' },
  ];

  it.each(cases)('has a code and status 400 over HTTP: $name', async ({ params, code }) => {
    const server = await startTestServer();

    const response = await post(server, params);

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it.each(cases)('has the same code over the websocket, which stays open: $name', async ({ params, code }) => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.send({ id: '1', type: 'subscribe', payload: params });
    const refusal = JSON.stringify(await client.message());
    client.subscribe('{ hello }', '2');

    expect(refusal).toContain(`"code":"${code}"`);
    expect(refusal).not.toContain('"http"');
    for (let message = await client.message(); message.id !== '2'; ) message = await client.message();
  });

  // The parse cache once kept the websocket's error, without the status that HTTP needs.
  it('answers 400 over HTTP for a document that the websocket refused first', async () => {
    const server = await startTestServer();
    const client = await TestSocket.connected(server);

    client.subscribe('{ hello');
    await client.message();
    const response = await post(server, { query: '{ hello' });

    expect(response.status).toBe(400);
  });

  it('blames the caller for a null variable in a place that takes none, which only execution finds', async () => {
    const server = await startTestServer();

    const query = 'query ($times: Int = 1) { hello(times: $times) }';
    const answer = await (await post(server, { query, variables: { times: null } })).json();

    expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});
