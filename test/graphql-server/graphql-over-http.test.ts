import { serverAudits } from 'graphql-http';
import { expect, it } from 'vitest';
import { startTestServer } from './graphql-test-server.js';

// The MUST, SHOULD and MAY of the GraphQL-over-HTTP specification, without exception.
it('passes every GraphQL-over-HTTP audit', async () => {
  const server = await startTestServer();

  const audits = serverAudits({ url: server.url });
  const results = await Promise.all(audits.map(({ fn }) => fn()));

  expect(results.length).toBeGreaterThan(50);
  expect(results.filter(({ status }) => status !== 'ok').map(({ id, name, status }) => `${status} ${id} ${name}`)).toEqual([]);
});
