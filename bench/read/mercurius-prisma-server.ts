/**
 * Mercurius with JIT over the product's database, through the same Prisma client with the same pool: the same filter, order
 * and number of rows, and the same columns. Its tokens are compared in memory.
 */
import fastify from 'fastify';
import * as graphql from 'graphql';
import mercurius from 'mercurius';
import { childArguments, serveParent } from '../child.js';
import { importCompiled } from '../product.js';

export interface MercuriusPrismaArgs {
  databaseUrl: string;
  poolSize: number;
  organizationId: string;
  token: string;
  /** Whether the product reads all columns of a row, or those alone that were asked for. */
  readsAllColumns: boolean;
}

const { databaseUrl, poolSize, organizationId, token, readsAllColumns } = childArguments<MercuriusPrismaArgs>();
const { openDatabase } = await importCompiled<typeof import('../../src/database/pg-database.js')>('database/pg-database.js');
const { createLogger } = await importCompiled<typeof import('../../src/kernel/logger.js')>('kernel/logger.js');
const { prisma } = openDatabase({ url: databaseUrl, poolSize, logger: createLogger('warn') });

const schema = graphql.buildSchema(/* GraphQL */ `
  type Query {
    tasks(first: Int = 20): TaskConnection!
  }
  type TaskConnection {
    nodes: [Task!]!
    hasNextPage: Boolean!
  }
  enum TaskStatus {
    BACKLOG
    READY
    CLAIMED
    IN_PROGRESS
    REVIEW
    DONE
    BLOCKED
    FAILED
    CANCELED
  }
  type Task {
    id: ID!
    title: String!
    status: TaskStatus!
    priority: Int!
    requiredSpecialization: String
    createdAt: String!
  }
`);
const columns = { id: true, title: true, status: true, priority: true, requiredSpecialization: true, createdAt: true } as const;
const { tasks } = schema.getQueryType()?.getFields() ?? {};
const { createdAt } = (schema.getType('Task') as graphql.GraphQLObjectType).getFields();
if (!tasks || !createdAt) throw new Error('the schema lacks a field');
tasks.resolve = async (_source, { first }: { first: number }) => {
  const rows = await prisma.task.findMany({
    where: { AND: [{ organizationId }] },
    orderBy: { id: 'asc' },
    // One more, to know whether there is a next page.
    take: first + 1,
    ...(!readsAllColumns && { select: columns }),
  });
  return { nodes: rows.slice(0, first), hasNextPage: rows.length > first };
};
createdAt.resolve = (task: { createdAt: Date }) => task.createdAt.toISOString();

const app = fastify();
app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== `Bearer ${token}`) await reply.code(401).send();
});
app.register(mercurius, { schema, jit: 1 });
serveParent({ url: await app.listen({ host: '127.0.0.1', port: 0 }) });
