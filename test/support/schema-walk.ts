import {
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';

/**
 * Walks a schema, so that a test holds for every operation there is, also for those that are added after it was written.
 */

export type OperationKind = 'query' | 'mutation' | 'subscription';

/** One field that a request can be about, and how to ask for it. */
export interface Operation {
  kind: OperationKind;
  /** `taskCreate`; for a field of a thing, `Task.whyNotClaimable`. */
  name: string;
  args: readonly GraphQLArgument[];
  type: GraphQLOutputType;
  /** The whole request; its variables are the arguments, and `node` for a field of a thing. */
  document: string;
  /** The same without what its things name in turn: cheap enough for a page of a hundred rows. */
  shallowDocument: string;
}

/** Every operation of these kinds. */
export function operationsOf(schema: GraphQLSchema, ...kinds: OperationKind[]): Operation[] {
  const roots = {
    query: schema.getQueryType(),
    mutation: schema.getMutationType(),
    subscription: schema.getSubscriptionType(),
  };
  return kinds.flatMap((kind) =>
    Object.values(roots[kind]?.getFields() ?? {}).map(({ name, args, type }) => {
      const document = (depth: number) =>
        `${kind} ${declared(args)} { ${name}${passed(args)} ${selectionOf(schema, type, depth)} }`;
      return { kind, name, args, type, document: document(2), shallowDocument: document(1) };
    }),
  );
}

/** Every field with arguments of a thing that `node` finds, asked for through it. */
export function nestedOperationsOf(schema: GraphQLSchema): Operation[] {
  return nodeTypes(schema).flatMap((parent) =>
    Object.values(parent.getFields())
      .filter(({ args }) => args.length > 0)
      .map(({ name, args, type }) => {
        const field = (depth: number) => `${name}${passed(args)} ${selectionOf(schema, type, depth)}`;
        const document = (depth: number) =>
          `query ${declared(args, '$node: ID!')} { node(id: $node) { ... on ${parent.name} { ${field(depth)} } } }`;
        const documents = { document: document(2), shallowDocument: document(1) };
        return { kind: 'query' as const, name: `${parent.name}.${name}`, args, type, ...documents };
      }),
  );
}

/** The types of things that have an id of their own. */
export function nodeTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .filter((type) => type.getInterfaces().some(({ name }) => name === 'Node'));
}

/** A place where a caller puts one value: `['input', 'tasks', '0', 'title']`, the first item standing for all of a list. */
export interface Place {
  path: readonly string[];
  /** What the place is called: the last part of the path that is no index. */
  name: string;
  /** `String`, `ID`, `TaskStatus`, ... */
  type: string;
  enumValues: readonly string[];
  /** Whether it must be given, once what it stands in is. */
  isRequired: boolean;
  isListItem: boolean;
  description: string;
}

/** Every place that the arguments have. */
export function placesOf(args: readonly (GraphQLArgument | GraphQLInputField)[], prefix: string[] = []): Place[] {
  return args.flatMap((arg) => {
    const isListItem = isListType(getNullableType(arg.type));
    const path = [...prefix, arg.name, ...(isListItem ? ['0'] : [])];
    const named = getNamedType(arg.type) as GraphQLInputType;
    if (isInputObjectType(named)) return placesOf(Object.values(named.getFields()), path);
    const isRequired = 'defaultValue' in arg && (isRequiredArgument(arg as GraphQLArgument) || isRequiredInputField(arg));
    const enumValues = 'getValues' in named ? named.getValues().map((value) => value.name) : [];
    const { name, description } = arg;
    return [{ path, name, type: String(named), enumValues, isRequired, isListItem, description: description ?? '' }];
  });
}

/** Variables with a value at each place that has one; what has none is left out. In the place of an item there may be all of its list. */
export function variablesOf(places: readonly Place[], valueAt: (place: Place) => unknown): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  for (const place of places) {
    const value = valueAt(place);
    const isWholeList = place.isListItem && Array.isArray(value);
    if (value !== undefined) put(variables, isWholeList ? place.path.slice(0, -1) : place.path, value);
  }
  return variables;
}

/** A copy of the variables with another value at one place, or without it when that is undefined. */
export function withValue(variables: object, { path }: Pick<Place, 'path'>, value: unknown): Record<string, unknown> {
  const copy = structuredClone(variables) as Record<string, unknown>;
  put(copy, path, value);
  return copy;
}

function put(target: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    if (value === undefined) delete target[key];
    else target[key] = value;
    return;
  }
  target[key] ??= rest[0] === '0' ? [] : {};
  put(target[key] as Record<string, unknown>, rest, value);
}

/**
 * Everything that can be selected of a type, `depth` levels of things deep; lists by their first nodes, interfaces by the
 * fields of every type that implements them. Leaves out what takes the id of an agent: its answer depends on who asks.
 */
export function selectionOf(schema: GraphQLSchema, type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (isLeafType(named)) return '';
  if (isAbstractType(named)) {
    if (depth === 0) return `{ __typename ${'getFields' in named ? fieldsOf(schema, named, 0, []) : ''} }`;
    const types = schema.getPossibleTypes(named);
    return `{ __typename ${types.map((each) => `... on ${each.name} { ${fieldsOf(schema, each, depth - 1, types)} }`).join(' ')} }`;
  }
  return `{ __typename ${'getFields' in named ? fieldsOf(schema, named as GraphQLObjectType, depth, []) : ''} }`;
}

/** `siblings` are the types selected beside this one: a field of theirs with the same name and another type needs an alias. */
function fieldsOf(
  schema: GraphQLSchema,
  type: GraphQLObjectType | GraphQLInterfaceType,
  depth: number,
  siblings: readonly GraphQLObjectType[],
): string {
  const isPage = type.name.endsWith('Connection');
  return (
    Object.values(type.getFields())
      // A transaction that is open anywhere holds the event log back for a moment: two reads of it need not be equal.
      .filter(({ name }) => name !== 'history')
      .filter(({ name, args }) => name !== 'edges' && !args.some((arg) => getNamedType(arg.type).name === 'ID'))
      .filter((field) => isPage || depth > 0 || isLeafType(getNamedType(field.type)))
      .map((field) => {
        const first = siblings.find((sibling) => field.name in sibling.getFields())?.getFields()[field.name];
        const alias = first && String(first.type) !== String(field.type) ? `${field.name}Of${type.name}: ` : '';
        const page = field.args.some((arg) => arg.name === 'first') ? '(first: 2)' : '';
        return `${alias}${field.name}${page} ${selectionOf(schema, field.type, Math.max(0, depth - 1))}`;
      })
      .join(' ')
  );
}

function declared(args: readonly GraphQLArgument[], ...others: string[]): string {
  const variables = [...others, ...args.map((arg) => `$${arg.name}: ${arg.type}`)];
  return variables.length > 0 ? `(${variables.join(', ')})` : '';
}

function passed(args: readonly GraphQLArgument[]): string {
  return args.length > 0 ? `(${args.map((arg) => `${arg.name}: $${arg.name}`).join(', ')})` : '';
}

/** The thing that a nested operation asks a field of, as a place of its arguments. */
export const nodePlace: Place = {
  path: ['node'],
  name: 'node',
  type: 'ID',
  enumValues: [],
  isRequired: true,
  isListItem: false,
  description: '',
};
