/**
 * Stock graphql-ws over stock Yoga and its pub/sub, put together as Yoga's documentation has it. The events have all their facts
 * with them: no database has to be asked for any.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { serveParent } from '../child.js';
import { listenOnLoopback } from '../peers/listen.js';

interface Task {
  id: string;
  title: string;
  status: string;
  priority: number;
  requiredSpecialization: string | null;
}

interface TaskCreated {
  cursor: string;
  kind: 'TASK_CREATED';
  occurredAt: string;
  actorLabel: string | null;
  task: Task;
  after: string;
}

const pubSub = createPubSub<{ taskEvents: [TaskCreated] }>();
let sequence = 0;

const schema = createSchema({
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
      TASK_CREATED
      TASK_CLAIMED
      TASK_COMPLETED
    }
    type Task {
      id: ID!
      title: String!
      status: TaskStatus!
      priority: Int!
      requiredSpecialization: String
    }
    interface TaskEvent {
      cursor: String!
      kind: EventKind!
      occurredAt: String!
      actorLabel: String
      task: Task!
    }
    type TaskCreated implements TaskEvent {
      cursor: String!
      kind: EventKind!
      occurredAt: String!
      actorLabel: String
      task: Task!
      after: TaskStatus!
    }
    input TaskCreateInput {
      title: String!
    }
    input TaskCreateManyInput {
      tasks: [TaskCreateInput!]!
    }
    type UserError {
      code: String!
      message: String!
    }
    type TaskCreateManyPayload {
      errors: [UserError!]!
    }
    type Mutation {
      taskCreateMany(input: TaskCreateManyInput!): TaskCreateManyPayload!
    }
    input TaskEventFilter {
      kinds: [EventKind!]
    }
    type Subscription {
      taskEvents(filter: TaskEventFilter): TaskEvent!
    }
  `,
  resolvers: {
    Query: { isUp: () => true },
    TaskEvent: { __resolveType: () => 'TaskCreated' },
    Mutation: {
      taskCreateMany: (_source, { input }: { input: { tasks: { title: string }[] } }) => {
        for (const { title } of input.tasks) pubSub.publish('taskEvents', eventOf(title));
        return { errors: [] };
      },
    },
    Subscription: {
      taskEvents: {
        subscribe: () => pubSub.subscribe('taskEvents'),
        resolve: (event: TaskCreated) => event,
      },
    },
  },
});

function eventOf(title: string): TaskCreated {
  sequence += 1;
  const cursor = Buffer.from(`${100_000 + sequence}.${sequence}`).toString('base64url');
  const task = { id: randomUUID(), title, status: 'READY', priority: 50, requiredSpecialization: null };
  return { cursor, kind: 'TASK_CREATED', occurredAt: new Date().toISOString(), actorLabel: 'admin', task, after: 'READY' };
}

const yoga = createYoga({ schema, logging: false, graphiql: false });
type Enveloped = Pick<ReturnType<typeof yoga.getEnveloped>, 'execute' | 'subscribe'>;
const server = createServer(yoga);
useServer(
  {
    execute: (args) => (args.rootValue as Enveloped).execute(args),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const {
        schema: enveloped,
        execute,
        subscribe,
        contextFactory,
        parse,
        validate,
      } = yoga.getEnveloped({ ...context, params });
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
serveParent({ url: await listenOnLoopback(server) });
