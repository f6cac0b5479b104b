/**
 * Stock graphql-yoga with one UPDATE for each heartbeat, on the tables of peers/plain-tables.ts: an index has to find the leases that
 * lapse, so each heartbeat moves an entry of it. As many connections to Postgres as the product has; tokens are compared in memory.
 */
import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import pg from 'pg';
import { childArguments, serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';
import { plainOrganizationId } from '../peers/plain-tables.js';

export interface PlainServerArgs {
  databaseUrl: string;
  poolSize: number;
  /** Agent ids by bearer token. */
  agents: Record<string, string>;
}

interface Context {
  agentId: string | undefined;
}

const { databaseUrl, poolSize, agents } = childArguments<PlainServerArgs>();
const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });

const heartbeat = {
  name: 'heartbeat',
  text: `update task set lease_expires_at = clock_timestamp() + make_interval(secs => lease_ttl_seconds)
         where organization_id = $1 and id = $2 and holder_id = $3 and fence = $4 and lease_expires_at > clock_timestamp()
         returning id, lease_expires_at as "expiresAt"`,
};

const schema = createSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Query {
      isUp: Boolean!
    }
    type Lease {
      expiresAt: String!
    }
    type Task {
      id: ID!
      lease: Lease
    }
    type UserError {
      code: String!
      message: String!
    }
    input TaskHeartbeatInput {
      taskId: ID!
      fence: Int!
    }
    type TaskHeartbeatPayload {
      task: Task
      cancelRequested: Boolean!
      errors: [UserError!]!
    }
    type Mutation {
      taskHeartbeat(input: TaskHeartbeatInput!): TaskHeartbeatPayload!
    }
  `,
  resolvers: {
    Query: { isUp: () => true },
    Mutation: {
      taskHeartbeat: async (_source, { input }: { input: { taskId: string; fence: number } }, { agentId }) => {
        const values = [plainOrganizationId, input.taskId, agentId, input.fence];
        const { rows } = await pool.query<{ id: string; expiresAt: Date }>({ ...heartbeat, values });
        const [row] = rows;
        const errors = row ? [] : [{ code: 'LEASE_LOST', message: 'The lease is not yours, or it has lapsed.' }];
        return { task: row && { id: row.id, lease: { expiresAt: row.expiresAt.toISOString() } }, cancelRequested: false, errors };
      },
    },
  },
});

const yoga = createYoga<object, Context>({
  schema,
  logging: false,
  graphiql: false,
  context: ({ request }) => ({ agentId: agents[request.headers.get('authorization')?.replace('Bearer ', '') ?? ''] }),
});
serveParent({ url: await listenOnLoopback(createServer(yoga)) });
