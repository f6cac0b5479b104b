import fc from 'fast-check';
import {
  buildSchema,
  type ExecutionResult,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLScalarType,
  type GraphQLUnionType,
  getNamedType,
  execute as interpret,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  NoUnusedVariablesRule,
  parse,
  responsePathAsArray,
  specifiedRules,
  validate,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { createErrorMask } from '../../src/graphql/error-mask.js';
import { execute } from '../../src/graphql/execution.js';
import { createLogger } from '../../src/kernel/logger.js';

const schema = buildSchema(/* GraphQL */ `
  scalar DateTime
  scalar JSON
  enum Kind { SMALL LARGE }
  input Filter { kind: Kind = LARGE, ids: [ID!], since: DateTime, inner: Filter }
  interface Node { id: ID!, name: String, node: Node }
  union Thing = A | B | C
  type A implements Node { ${fieldsOfEach()} onlyA: Int }
  type B implements Node { ${fieldsOfEach()} onlyB: Int! }
  type C { ${fieldsOfEach()} onlyC: [Float] }
  type Query { ${fieldsOfEach()} a: A b: B! c: C }
  type Mutation { first: A second: B! third(filter: Filter, n: Int): C fourth: Int! }
`);

function fieldsOfEach(): string {
  return /* GraphQL */ `
    id: ID! name: String title: String! count: Int ratio: Float! flag: Boolean kind: Kind when: DateTime any: JSON
    list: [Int] ids: [ID!]! nested: [[String!]] node: Node thing: Thing things: [Thing] nodes: [Node]!
    items(first: Int = 2, filter: Filter, any: JSON): [A]
    echo(text: String!, n: Int = 3, kind: Kind, filter: Filter, ids: [ID!], any: JSON): JSON
  `;
}

describe('compiled execution', () => {
  it('answers what graphql-js answers, the first time and when the document comes back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = randomOf(seed);
        const { rootType, document, variables } = randomRequest(random);
        for (const round of [1, 2, 3]) {
          const variableValues = variables(random);
          const args = {
            schema,
            document,
            variableValues,
            rootValue: sourceOf(rootType, `${seed}/${round}`),
          };
          const expected = described(await interpret({ ...args, contextValue: { seed } }));
          const actual = described(await execute({ ...args, contextValue: { seed } }));
          expect(actual).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('takes what stands in a document for data, whatever it says', async () => {
    // The mark by which graphql-jit finds dates in the code it writes.
    const text = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d(process.exitCode=7,0)';
    const document = parse(`{ echo(text: "${text}") __proto__: echo(text: "its own") }`);

    for (const _ of [1, 2, 3]) {
      const { data } = await execute({ schema, document, contextValue: { seed: 1 } });
      expect(JSON.stringify(data)).toBe(`{"echo":{"text":"${text}","n":3},"__proto__":{"text":"its own","n":3}}`);
    }
    expect(process.exitCode).toBeUndefined();
  });

  it('answers for every combination of conditions', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `c${index}`);
    const fields = names.map((name) => `${name}: echo(text: "${name}") @include(if: $${name})`).join(' ');
    const declared = names.map((name) => `$${name}: Boolean!`).join(' ');
    const document = parse(`query (${declared}) { ${fields} }`);

    for (let combination = 0; combination < 64; combination++) {
      const variableValues = Object.fromEntries(names.map((name, index) => [name, (combination & (1 << index)) !== 0]));
      const { data } = await execute({ schema, document, variableValues, contextValue: { seed: 1 } });
      expect(Object.keys(data ?? {})).toEqual(names.filter((name) => variableValues[name]));
    }
  });

  it('leaves no failure of an item unheard when another item fails at once', async () => {
    const { resolve } = schema.getQueryType()?.getFields().ids ?? {};
    const ids = schema.getQueryType()?.getFields().ids as GraphQLField<unknown, unknown>;
    ids.resolve = () => [Promise.reject(new Error('late')), null];
    const answer = await execute({ schema, document: parse('{ ids }') });
    ids.resolve = resolve;

    expect(answer).toMatchObject({ data: null, errors: [{ path: ['ids', 1] }] });
  });
});

/** An answer with all that a client, the log and the mask of errors look at. */
function described({ data, errors }: ExecutionResult): string {
  const facts = errors?.map((error) => ({
    ...error.toJSON(),
    code: maskError(error, { requestId: 'one', operationName: null }).extensions.code,
    original: error.originalError?.name,
    ...(isOfExecutor.test(error.message) && { message: 'the server is at fault', original: null }),
  }));
  return JSON.stringify({ data, facts }, null, 1);
}

/** What no resolver should answer is said in words of each executor's own, to the log alone. */
const isOfExecutor = /^(Abstract type|Expected|Runtime Object type)/;
const maskError = createErrorMask(createLogger('silent'));

type Random = (count: number) => number;

/** The same numbers for the same seed, each below the count that is asked with. */
function randomOf(seed: number | string): Random {
  let state = hashOf(String(seed));
  return (count) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % count;
  };
}

function hashOf(text: string): number {
  let hash = 2_166_136_261;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  return hash;
}

/** Objects of which a part is read as properties, the rest by resolvers: every second field of each type has one. */
for (const type of Object.values(schema.getTypeMap()).filter(isObjectType)) {
  if (type.name.startsWith('__')) continue;
  Object.values(type.getFields()).forEach((field, index) => {
    if (field.name === 'echo') field.resolve = (_source, args) => args;
    else if (index % 2 === 0)
      field.resolve = (_source, _args, context, info) => valueAt(info, (context as { seed: number }).seed);
  });
}
const { DateTime, C, Thing } = schema.getTypeMap() as unknown as {
  DateTime: GraphQLScalarType;
  C: GraphQLObjectType;
  Thing: GraphQLUnionType;
};
DateTime.serialize = (value) => (value instanceof Date ? value.toISOString() : null);
DateTime.parseValue = (value) => new Date(String(value));
C.isTypeOf = (source) => {
  const isTypeOf = (source as { type?: string }).type === 'C';
  return randomOf((source as { key: string }).key)(2) === 0 ? isTypeOf : Promise.resolve(isTypeOf);
};
Thing.resolveType = (source) => {
  const { type, key } = source as { type: string; key: string };
  const name = randomOf(`${key}?`)(40) === 0 ? 'Nothing' : type;
  return randomOf(key)(3) === 0 ? Promise.resolve(name) : name;
};

function valueAt(info: GraphQLResolveInfo, seed: number): unknown {
  return answerOf(info.returnType, `${seed}:${responsePathAsArray(info.path).join('.')}`);
}

/** What a resolver could answer, mostly what the type allows: now or later, values, nulls, errors. */
function answerOf(type: GraphQLOutputType, key: string): unknown {
  const random = randomOf(key);
  const fate = random(120);
  if (fate === 0) return null;
  if (fate === 1) return undefined;
  if (fate === 2) return new Error(`an error for ${key}`);
  if (fate === 3) return Promise.reject(new GraphQLError(`rejected for ${key}`, { extensions: { code: 'X' } }));
  if (fate === 4) return Promise.reject(`no error at all for ${key}`);
  if (fate === 5) throw new Error(`thrown for ${key}`);
  if (fate < 20) return Promise.resolve().then(() => answerOf(type, `${key}~`));
  const nullable = isNonNullType(type) ? type.ofType : type;
  if (isListType(nullable)) return fate === 20 ? 'no list' : listOf(nullable.ofType, key, random);
  if (isLeafType(nullable)) return fate === 21 ? Symbol('what no leaf can be') : leafOf(nullable.name, random);
  return sourceOf(nullable, key);
}

function listOf(type: GraphQLOutputType, key: string, random: Random): Iterable<unknown> {
  const isLate = random(2) === 0;
  const items = Array.from({ length: random(4) }, (_, index) => {
    if (!isNonNullType(type)) return attempt(() => answerOf(type, `${key}.${index}`));
    // graphql-js leaves the rejection of one such item unheard when another one fails at once.
    return isLate ? Promise.resolve().then(() => answerOf(type, `${key}.${index}`)) : leafOf('ID', random);
  });
  return random(4) === 0 ? new Set(items) : items;
}

function attempt(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

function leafOf(name: string, random: Random): unknown {
  const values: Record<string, unknown[]> = {
    ID: ['an id', 7, ''],
    String: ['text', 'über "quotes"\u2028', 12, true],
    Int: [1, -0, 2 ** 31 - 1, 2 ** 31, 1.5, '12', 'many', true, Number.NaN],
    Float: [1.5, '2.5', Number.POSITIVE_INFINITY, 3],
    Boolean: [true, false, 1, 'yes'],
    Kind: ['SMALL', 'LARGE', 'TINY'],
    DateTime: [new Date(0), 'yesterday'],
    JSON: [{ a: [1, null] }, 'text', [], 0],
  };
  const choices = values[name] ?? [];
  // Mostly the first, which are right.
  return choices[random(4) === 0 ? random(choices.length) : 0];
}

/** An object of the type, or of one of its types: its fields are properties where they have no resolver, some of them methods. */
function sourceOf(type: GraphQLNamedType, key: string): object {
  const random = randomOf(`${key}!`);
  const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [type as GraphQLObjectType];
  const concrete = possible[random(possible.length)] as GraphQLObjectType;
  const source = { key, type: concrete.name, __typename: concrete.name };
  for (const field of Object.values(concrete.getFields())) {
    const value = () => answerOf(field.type, `${key}/${field.name}`);
    const isMethod = random(5) === 0;
    Object.defineProperty(source, field.name, { get: isMethod ? () => value : () => attempt(value) });
  }
  return source;
}

/** A document that is valid, and makers of variables for it, some of which do not fit. */
function randomRequest(random: Random) {
  const operation = random(4) === 0 ? 'mutation' : 'query';
  const rootType = (operation === 'query' ? schema.getQueryType() : schema.getMutationType()) as GraphQLObjectType;
  const fragments: Fragment[] = [];
  const selection = randomSelection(rootType, random, 3, fragments);
  const declared = Object.entries(variableTypes).map(([name, type]) => `$${name}: ${type}`);
  const document = parse(`${operation} Q(${declared.join(' ')}) ${selection} ${fragments.map(({ text }) => text).join(' ')}`);
  const complaints = validate(
    schema,
    document,
    specifiedRules.filter((rule) => rule !== NoUnusedVariablesRule),
  );
  if (complaints.length > 0) throw complaints[0];
  const variables = (again: Random) =>
    Object.fromEntries(
      Object.entries(variableValues).flatMap(([name, values]) => {
        const value = values[again(12) === 0 ? again(values.length) : 0];
        return value === undefined ? [] : [[name, value]];
      }),
    );
  return { rootType, document, variables };
}

const variableTypes = {
  yes: 'Boolean!',
  no: 'Boolean = false',
  text: 'String!',
  n: 'Int',
  kind: 'Kind',
  ids: '[ID!]',
  filter: 'Filter',
  any: 'JSON',
};

/** The first of each fits. */
const variableValues: Record<keyof typeof variableTypes, unknown[]> = {
  yes: [true, false, null, 'yes'],
  no: [undefined, true, null],
  text: ['text', 7],
  n: [5, null, undefined, 1.5],
  kind: ['SMALL', undefined, 'TINY'],
  ids: [['a', 'b'], 'a', ['a', null], null],
  filter: [{ ids: ['a'], inner: { kind: 'SMALL' } }, undefined, null, { unknown: 1 }, { since: '2026-02-08' }],
  any: [{ a: 1 }, undefined, [1]],
};

interface Fragment {
  name: string;
  on: string;
  text: string;
}

let aliases = 0;

function randomSelection(type: GraphQLNamedType, random: Random, depth: number, fragments: Fragment[]): string {
  const parts = Array.from({ length: 1 + random(5) }, () => randomPart(type, random, depth, fragments));
  return `{ ${parts.join(' ')} }`;
}

function randomPart(type: GraphQLNamedType, random: Random, depth: number, fragments: Fragment[]): string {
  if (random(6) === 0) return `__typename ${randomCondition(random)}`;
  if (depth > 0 && (isUnionType(type) || random(4) === 0)) {
    const on = isAbstractType(type) ? schema.getPossibleTypes(type)[random(2)] : type;
    const known = fragments.filter((fragment) => fragment.on === on?.name);
    if (known.length > 0 && random(3) === 0) return `...${known[random(known.length)]?.name} ${randomCondition(random)}`;
    const body = randomSelection(on as GraphQLObjectType, random, depth - 1, fragments);
    if (random(2) === 0) return `... on ${on?.name} ${randomCondition(random)} ${body}`;
    const name = `F${fragments.length}`;
    fragments.push({ name, on: String(on), text: `fragment ${name} on ${on?.name} ${body}` });
    return `...${name} ${randomCondition(random)}`;
  }
  if (!('getFields' in type)) return '__typename';
  const fields = (Object.values(type.getFields()) as GraphQLField<unknown, unknown>[]).filter(
    (field) => depth > 0 || isLeafType(getNamedType(field.type)),
  );
  const field = fields[random(fields.length)];
  if (!field) return '__typename';
  // Types with a common alias could be asked for different things under it.
  aliases += 1;
  const alias = field.args.length > 0 || random(3) === 0 ? `a${aliases}: ` : '';
  const args = field.args.flatMap((arg) => randomArgument(arg.name, isNonNullType(arg.type), random));
  const sub = isLeafType(getNamedType(field.type)) ? '' : randomSelection(getNamedType(field.type), random, depth - 1, fragments);
  return `${alias}${field.name}${args.length > 0 ? `(${args.join(', ')})` : ''} ${randomCondition(random)} ${sub}`;
}

function randomCondition(random: Random): string {
  const conditions = [
    '@include(if: $yes)',
    '@skip(if: $no)',
    '@skip(if: true)',
    '@include(if: false)',
    '@skip(if: $yes) @include(if: $no)',
  ];
  return random(8) === 0 ? (conditions[random(conditions.length)] ?? '') : '';
}

/** Literals and variables that are allowed for the arguments of these names. */
function randomArgument(name: string, isRequired: boolean, random: Random): string[] {
  const values: Record<string, string[]> = {
    text: ['$text', '"literal"', '"__proto__"'],
    first: ['$n', '4', 'null'],
    n: ['$n', '4', 'null'],
    kind: ['$kind', 'SMALL', 'null'],
    ids: ['$ids', '["a"]', '"a"', '[]'],
    filter: ['$filter', '{ kind: $kind, ids: $ids }', '{ inner: { since: "2026-02-08" } }', '{}'],
    any: ['$any', '{ a: [1, $n], b: "x" }', '7'],
  };
  const choices = values[name] ?? [];
  return isRequired || random(2) === 0 ? [`${name}: ${choices[random(choices.length)]}`] : [];
}
