import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  getVariableValues,
  type InlineFragmentNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  visit,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { Variables } from '../src/graphql/variables.js';
import { startTestApp, type TestApp } from './support/app.js';
import { call } from './support/graphql-call.js';
import { type SeededOrganization, seedOrganization, validVariables } from './support/organization.js';
import { nestedOperationsOf, operationsOf, type Place, placesOf, variablesOf, withValue } from './support/schema-walk.js';

const answers = vi.hoisted(() => ({ compiled: [] as string[], interpreted: [] as string[] }));

/** Every query that reaches the server is executed by both, as it is and with all it was asked with. */
vi.mock(import('../src/graphql/execution.js'), async (importOriginal) => {
  const { execute } = await importOriginal();
  const { execute: interpret } = await import('graphql');
  const answer = async (executor: typeof interpret, args: ExecutionArgs) => {
    // Pothos keeps what it has loaded with the context.
    const { data, errors } = await executor({ ...args, contextValue: { ...(args.contextValue as object) } });
    return JSON.stringify({ data, errors });
  };
  return {
    execute: (args: ExecutionArgs): Promise<ExecutionResult> | ExecutionResult => {
      if (getOperationAST(args.document, args.operationName)?.operation !== 'query') return execute(args);
      return (async () => {
        answers.interpreted.push(await answer(interpret, args));
        answers.compiled.push(await answer(execute as typeof interpret, args));
        return execute(args);
      })();
    },
  };
});

const adminToken = 'an-admin-token-of-the-test-alone';
const schema = buildSchema();
/** Answers the time, which has gone on when it is asked for once more. */
const clock = 'serverTime';
const reads = [...operationsOf(schema, 'query'), ...nestedOperationsOf(schema)].filter(({ name }) => name !== clock);

let app: TestApp;
let own: SeededOrganization;

beforeAll(async () => {
  app = await startTestApp({ ADMIN_TOKEN: adminToken }, { runsClockwork: false });
  own = await seedOrganization(app, adminToken);
});

afterAll(() => app.stop());

describe('compiled execution answers what graphql-js answers', () => {
  it.each(reads)('$name', async (read) => {
    const variables = validVariables(read, own);
    for (const caller of [own.operator, own.agent, {}]) await call(app.url, caller, read.document, variables);
    // A page too large, an id of nothing, a type that does not fit: the errors are the same too.
    for (const [name, value] of [
      ['first', -1],
      ['id', 'nothing'],
      ['node', own.organizationId],
      ['first', 'many'],
    ]) {
      await call(app.url, own.user, read.document, { ...variables, [String(name)]: value });
    }
    for (let round = 0; round < 2; round++) {
      const document = cut(parse(read.document), round);
      for (const yes of [true, false]) {
        const answer = await call(app.url, own.user, document, { ...variables, yes });
        expect(answer.errors).toEqual([]);
      }
    }

    expect(answers.compiled).toEqual(answers.interpreted);
    answers.compiled.length = 0;
    answers.interpreted.length = 0;
  });
});

describe('variables are read as graphql-js reads them', () => {
  const commands = operationsOf(schema, 'query', 'mutation', 'subscription');

  it.each(commands)('$name', ({ document, args }) => {
    const node = parse(document).definitions[0] as OperationDefinitionNode;
    const variables = new Variables(schema, node);
    const places = placesOf(args);
    const complete = variablesOf(places, (place) => sampleOf(place));
    const inputs: Record<string, unknown>[] = [{}, complete, { ...complete, another: 1 }, { ...complete, input: 'none' }];
    for (const place of places) {
      // What is around a place may be a thing where a list is due, a list where a thing is, or hold what nobody knows.
      for (let depth = 1; depth <= place.path.length; depth++) {
        const at = { path: place.path.slice(0, depth) };
        for (const value of oddities) inputs.push(withValue(complete, at, value));
        inputs.push(withValue(complete, { path: [...at.path.slice(0, -1), 'nobody'] }, 1));
      }
    }

    for (const given of inputs) {
      const expected = getVariableValues(schema, node.variableDefinitions ?? [], given, { maxErrors: 50 });
      expect(wire(variables.read(given))).toEqual(wire(expected));
    }
  });

  it.each<[string, string, Record<string, unknown>]>([
    ['a default', 'query ($first: Int = 7) { tasks(first: $first) { nodes { id } } }', {}],
    ['null instead of a default', 'query ($first: Int = 7) { tasks(first: $first) { nodes { id } } }', { first: null }],
    [
      'a name that objects have',
      'query ($__proto__: Int) { tasks(first: $__proto__) { nodes { id } } }',
      JSON.parse('{"__proto__": 3}'),
    ],
    ['a type that is none of input', 'query ($a: Task) { serverTime }', { a: {} }],
    [
      'a field of a name that objects have',
      'mutation ($input: TaskCreateInput!) { taskCreate(input: $input) { __typename } }',
      { input: JSON.parse('{"title": "a", "__proto__": {"title": "b"}}') },
    ],
    [
      'more than fifty problems',
      'mutation ($input: TaskCreateManyInput!) { taskCreateMany(input: $input) { __typename } }',
      { input: { tasks: Array(60).fill({}) } },
    ],
  ])('%s', (_, document, given) => {
    const node = parse(document).definitions[0] as OperationDefinitionNode;

    const read = new Variables(schema, node).read(given);

    expect(wire(read)).toEqual(wire(getVariableValues(schema, node.variableDefinitions ?? [], given, { maxErrors: 50 })));
  });
});

/** In the place of any value. */
const oddities = [
  undefined,
  null,
  'text',
  '',
  1,
  1.5,
  2 ** 40,
  true,
  [],
  ['text'],
  [null],
  [[1]],
  {},
  { a: 1 },
  '2026-01-01T00:00:00Z',
];

/** A value that the place takes. */
function sampleOf({ type, enumValues }: Place): unknown {
  if (enumValues.length > 0) return enumValues[0];
  const samples: Record<string, unknown> = {
    Int: 1,
    Float: 0.5,
    Boolean: true,
    DateTime: '2026-01-01T00:00:00Z',
    JSON: { a: [1] },
  };
  return samples[type] ?? 'text';
}

/** What came of the variables, errors as an answer tells them. */
function wire({ coerced, errors }: ReturnType<typeof getVariableValues>) {
  return { coerced, errors: errors?.map((error) => error.toJSON()) };
}

/** The document without some of its fields, others only on a condition or in a fragment; in each round others. */
function cut(document: DocumentNode, round: number): string {
  let count = round;
  // A document has a limit of directives.
  let conditions = 12;
  const condition = () => {
    if (conditions === 0) return null;
    const directives = isNext(8) ? include : isNext(7) ? skip : null;
    if (directives) conditions -= 1;
    return directives;
  };
  const isNext = (every: number) => {
    count += 1;
    return count % every === 0;
  };
  const onCondition = parse('{ a @include(if: $yes) b @skip(if: $yes) }').definitions[0] as OperationDefinitionNode;
  const [include = [], skip = []] = onCondition.selectionSet.selections.map(({ directives }) => directives ?? []);
  const changed = visit(document, {
    SelectionSet: {
      leave(set) {
        const [first, ...others] = set.selections;
        if (!first) return set;
        const kept = others.filter((node) => node.kind !== Kind.FIELD || node.selectionSet || !isNext(3));
        const selections = kept.map((node) => ({
          ...node,
          directives: condition() ?? node.directives ?? [],
        }));
        const fragment: InlineFragmentNode = {
          kind: Kind.INLINE_FRAGMENT,
          directives: condition() ?? [],
          selectionSet: { ...set, selections: [first, ...selections] },
        };
        return { ...set, selections: [first, ...(isNext(3) ? [fragment] : selections)] };
      },
    },
  });
  const text = print(changed).replace('{', '{ __typename @include(if: $yes)');
  return text.startsWith('query (')
    ? text.replace('(', '($yes: Boolean!, ')
    : text.replace(/^(query )?/, 'query ($yes: Boolean!) ');
}
