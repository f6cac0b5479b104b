/** Baton's GraphQL server over the schema of tasks.ts, with credentials required, and no database behind it. */
import { createServer } from 'node:http';
import { childArguments, serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { importCompiled, productGraphql } from '../product.js';
import { buildTaskSchema } from './tasks.js';

const { adminToken } = childArguments<{ adminToken: string }>();
const { GraphqlServer } = await importCompiled<typeof import('../../src/graphql/server.js')>('graphql/server.js');
const { Authenticator } = await importCompiled<typeof import('../../src/auth/authenticator.js')>('auth/authenticator.js');
const { CostBudget } = await importCompiled<typeof import('../../src/rate-limits/cost-budget.js')>('rate-limits/cost-budget.js');
const { Metrics } = await importCompiled<typeof import('../../src/metrics/metrics.js')>('metrics/metrics.js');
const { createLogger } = await importCompiled<typeof import('../../src/kernel/logger.js')>('kernel/logger.js');

const database = { query: () => Promise.reject(new Error('there is no database')) };
const authenticator = new Authenticator({ database, adminToken });
const graphql = new GraphqlServer({
  schema: buildTaskSchema(productGraphql()),
  createContext: (source) => source,
  authenticate: (credentials) => authenticator.authenticate(credentials),
  liveCredentials: { register: () => () => {} },
  logger: createLogger('warn'),
  metrics: new Metrics(),
  // The default of the product.
  costBudget: new CostBudget({ limit: { requests: 30_000_000, windowSeconds: 60 } }),
  maxBodyBytes: 1024 * 1024,
  corsOrigins: [],
  openMode: false,
});
const server = createServer((request, response) => void graphql.handler(request, response));
serveParent({ url: await listenOnLoopback(server) });
