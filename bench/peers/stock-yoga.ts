/**
 * What one would build without much ado: graphql-yoga as it comes, one SQL statement for each claim, completion and
 * heartbeat, which appends its event as well, and Yoga's pub/sub over graphql-ws. It takes the documents that the product takes.
 *
 * Its tables are as small as its features, and its keys are compared in memory: both save it work that the product does.
 */
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import pg from 'pg';
import { WebSocketServer } from 'ws';
import { childArguments, serveParent } from '../child.js';
import { listenOnLoopback } from './listen.js';

export interface StockYogaArgs {
  /** Of a database of its own, which has `stockYogaTables`. */
  databaseUrl: string;
  poolSize: number;
  /** Agents that may call, each with a token. */
  agentCount: number;
}

export interface StockYogaReady {
  url: string;
  /** Bearer tokens of the agents. */
  tokens: string[];
}

interface Task {
  id: string;
  title: string;
  status: string;
  priority: number;
  fence: number;
  holder: string | null;
}

interface TaskEvent {
  cursor: string;
  kind: string;
  occurredAt: string;
  task: Task;
}

const { databaseUrl, poolSize, agentCount } = childArguments<StockYogaArgs>();
const pool = new pg.Pool({ connectionString: databaseUrl, max: poolSize });
const agents = new Map(Array.from({ length: agentCount }, (_, index) => [`stock-agent-token-${index}`, `agent-${index}`]));
const pubSub = createPubSub<{ taskEvents: [TaskEvent] }>();

/** Changes a row and appends its event; `$1` is the agent. */
const change = (name: string, kind: string, set: string, where: string) => ({
  name,
  text: `
    with changed as (update task set ${set} where ${where} returning *),
    logged as (
      insert into event (task_id, kind, agent) select id, '${kind}', $1 from changed returning seq::text as cursor, occurred_at
    )
    select id, title, status, priority, fence, holder, cursor, occurred_at as "occurredAt" from changed, logged`,
});

const isHeld = `id = $2 and holder = $1 and fence = $3 and status = 'CLAIMED' and lease_expires_at > clock_timestamp()`;

const claimNext = change(
  'claim-next',
  'TASK_CLAIMED',
  `status = 'CLAIMED', holder = $1, fence = fence + 1, lease_seconds = $2::int, lease_expires_at = clock_timestamp() + make_interval(secs => $2::int)`,
  `id = (select id from task where status = 'READY' order by priority, id limit 1 for update skip locked)`,
);
const complete = change('complete', 'TASK_COMPLETED', `status = 'DONE', holder = null, lease_expires_at = null`, isHeld);
const heartbeat = {
  name: 'heartbeat',
  text: `update task set lease_expires_at = clock_timestamp() + make_interval(secs => lease_seconds) where ${isHeld}
         returning id, title, status, priority, fence, holder`,
};

/** Runs a statement that changes one task, and tells those who subscribed. */
async function perform(statement: { name: string; text: string }, kind: string, values: unknown[]): Promise<Task | null> {
  const { rows } = await pool.query<Task & { cursor: string; occurredAt: Date }>({ ...statement, values });
  const [row] = rows;
  if (!row) return null;
  const { cursor, occurredAt, ...task } = row;
  pubSub.publish('taskEvents', { cursor, kind, occurredAt: occurredAt.toISOString(), task });
  return task;
}

interface Context extends YogaInitialContext {
  agent: string;
}

interface HeldTask {
  input: { taskId: string; fence: number };
}

const schema = createSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Query {
      isUp: Boolean!
    }
    enum TaskStatus {
      READY
      CLAIMED
      DONE
    }
    enum EventKind {
      TASK_CLAIMED
      TASK_COMPLETED
    }
    type Task {
      id: ID!
      title: String!
      status: TaskStatus!
      priority: Int!
      lease: Lease
    }
    type Lease {
      fence: Int!
    }
    type UserError {
      code: String!
      message: String!
    }
    input TaskClaimNextInput {
      leaseSeconds: Int
    }
    type TaskClaimNextPayload {
      task: Task
      errors: [UserError!]!
    }
    input TaskCompleteInput {
      taskId: ID!
      fence: Int
    }
    type TaskCompletePayload {
      task: Task
      errors: [UserError!]!
    }
    input TaskHeartbeatInput {
      taskId: ID!
      fence: Int
    }
    type TaskHeartbeatPayload {
      task: Task
      errors: [UserError!]!
    }
    type Mutation {
      taskClaimNext(input: TaskClaimNextInput!): TaskClaimNextPayload!
      taskComplete(input: TaskCompleteInput!): TaskCompletePayload!
      taskHeartbeat(input: TaskHeartbeatInput!): TaskHeartbeatPayload!
    }
    input TaskEventFilter {
      kinds: [EventKind!]
    }
    type TaskEvent {
      cursor: String!
      kind: EventKind!
      occurredAt: String!
      task: Task!
    }
    type Subscription {
      taskEvents(filter: TaskEventFilter): TaskEvent!
    }
  `,
  resolvers: {
    Query: { isUp: () => true },
    Task: { lease: ({ fence, holder }: Task) => (holder === null ? null : { fence }) },
    Mutation: {
      taskClaimNext: async (_source, { input }: { input: { leaseSeconds?: number } }, { agent }) => ({
        task: await perform(claimNext, 'TASK_CLAIMED', [agent, input.leaseSeconds ?? 1800]),
        errors: [],
      }),
      taskComplete: async (_source, { input }: HeldTask, { agent }) =>
        asPayload(await perform(complete, 'TASK_COMPLETED', [agent, input.taskId, input.fence])),
      taskHeartbeat: async (_source, { input }: HeldTask, { agent }) => {
        const { rows } = await pool.query<Task>({ ...heartbeat, values: [agent, input.taskId, input.fence] });
        return asPayload(rows[0] ?? null);
      },
    },
    Subscription: {
      taskEvents: {
        subscribe: async function* (_source: unknown, { filter }: { filter?: { kinds?: string[] } }) {
          for await (const event of pubSub.subscribe('taskEvents')) {
            if (filter?.kinds?.includes(event.kind) ?? true) yield { taskEvents: event };
          }
        },
      },
    },
  },
});

function asPayload(task: Task | null) {
  return { task, errors: task ? [] : [{ code: 'LEASE_LOST', message: 'The lease is not yours, or it has lapsed.' }] };
}

/** Turns away whoever has no token. */
const authentication: Plugin<Context> = {
  onRequest({ request, fetchAPI, endResponse }) {
    if (!agentOf(request.headers.get('authorization'))) endResponse(new fetchAPI.Response(null, { status: 401 }));
  },
};

function agentOf(authorization: string | null | undefined): string | undefined {
  return agents.get(authorization?.replace('Bearer ', '') ?? '');
}

const yoga = createYoga<object, { agent: string }>({
  schema,
  logging: false,
  graphiql: false,
  plugins: [authentication],
  context: ({ request }) => ({ agent: agentOf(request?.headers.get('authorization')) ?? 'nobody' }),
});
type Enveloped = Pick<ReturnType<typeof yoga.getEnveloped>, 'execute' | 'subscribe'>;
const server = createServer(yoga);
useServer(
  {
    execute: (args) => (args.rootValue as Enveloped).execute(args),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
    onConnect: ({ connectionParams }) => agentOf(connectionParams?.authorization as string | undefined) !== undefined,
    onSubscribe: async (_context, _id, params) => {
      const { schema: enveloped, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped(params);
      const args = {
        schema: enveloped,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe } satisfies Enveloped,
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  new WebSocketServer({ server, path: '/graphql' }),
);
serveParent({ url: await listenOnLoopback(server), tokens: [...agents.keys()] } satisfies StockYogaReady);
