/** The schema, the rows and the query of the benchmark with the database taken out: the same for all sides. */
import type { GraphQLSchema } from 'graphql';

const typeDefs = /* GraphQL */ `
  type Query {
    tasks(first: Int = 20): TaskConnection!
  }
  type TaskConnection {
    nodes: [Task!]!
  }
  enum TaskStatus {
    READY
    CLAIMED
    IN_PROGRESS
    DONE
  }
  type Task {
    id: ID!
    title: String!
    status: TaskStatus!
    priority: Int!
    requiredSpecialization: String
    isClaimable: Boolean!
  }
`;

export const query = '{ tasks(first: 20) { nodes { id title status priority requiredSpecialization isClaimable } } }';

const statuses = ['READY', 'CLAIMED', 'IN_PROGRESS', 'DONE'] as const;

const rows = Array.from({ length: 20 }, (_, index) => ({
  id: `0190a1b2-c3d4-7e5f-8a9b-${String(index).padStart(12, '0')}`,
  title: `Look after the nest number ${index}`,
  status: statuses[index % statuses.length],
  priority: index * 5,
  requiredSpecialization: index % 3 === 0 ? null : 'typescript',
  isClaimable: index % statuses.length === 0,
}));

/** The right answer, as text. */
export const answer = JSON.stringify({ data: { tasks: { nodes: rows } } });

/** The schema, made by the copy of graphql that the server loads. */
export function buildTaskSchema({ buildSchema }: Pick<typeof import('graphql'), 'buildSchema'>): GraphQLSchema {
  const schema = buildSchema(typeDefs);
  const field = schema.getQueryType()?.getFields().tasks;
  if (!field) throw new Error('the schema has no tasks');
  field.resolve = (_source, args: { first: number }) => ({
    nodes: args.first === rows.length ? rows : rows.slice(0, args.first),
  });
  return schema;
}
