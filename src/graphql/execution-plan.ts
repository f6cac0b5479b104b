import {
  defaultFieldResolver,
  defaultTypeResolver,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  GraphQLBoolean,
  type GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  GraphQLFloat,
  GraphQLID,
  GraphQLIncludeDirective,
  GraphQLInt,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  GraphQLString,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  type InlineFragmentNode,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  locatedError,
  type OperationDefinitionNode,
  type ResponsePath as Path,
  responsePathAsArray,
  SchemaMetaFieldDef,
  type SelectionNode,
  type SelectionSetNode,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  typeFromAST,
  visit,
} from 'graphql';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';

type Values = Record<string, unknown>;
type Resolver = GraphQLFieldResolver<unknown, unknown, Values>;

/** Makes of what a resolver answered what the client gets; throws, or rejects with, what is wrong with it. */
type Complete = (run: Execution, value: unknown, path: Path | undefined, info: GraphQLResolveInfo | undefined) => unknown;

/** The fields of an object, in the order of the answer. */
export interface SelectionPlan {
  readonly fields: readonly FieldPlan[];
  /** Whether one is called `__proto__`, which an object would take for its prototype. */
  readonly hasPrototypeName: boolean;
}

/** What of an operation is the same each time it runs with the same conditions of @skip and @include. */
export class PlannedOperation {
  readonly schema;
  readonly fragments: Record<string, FragmentDefinitionNode> = Object.create(null);
  /** The fields that were planned so far: a measure of the memory. */
  fieldCount = 0;

  constructor(
    { schema, document }: Pick<ExecutionArgs, 'schema' | 'document'>,
    readonly operation: OperationDefinitionNode,
    /** The variables that @skip and @include look at. */
    readonly conditions: Values,
  ) {
    this.schema = schema;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments[definition.name.value] = definition;
    }
  }

  /** What the operation selects at its root. */
  rootSelection(): SelectionPlan {
    const type = this.schema.getRootType(this.operation.operation);
    if (!type) throw new Error(`the schema has no ${this.operation.operation}`);
    return this.select(type, [this.operation.selectionSet]);
  }

  /** What is selected of an object of this type, by all of the selection sets together. */
  select(type: GraphQLObjectType, selections: readonly SelectionSetNode[]): SelectionPlan {
    const nodesByName = new Map<string, FieldNode[]>();
    const spread = new Set<string>();
    for (const { selections: nodes } of selections) this.#collect(type, nodes, nodesByName, spread);
    const fields = [...nodesByName].flatMap(([responseName, nodes]) => {
      const definition = this.#definitionOf(type, nodes[0]?.name.value ?? '');
      return definition ? [new FieldPlan(this, type, definition, responseName, nodes)] : [];
    });
    return { fields, hasPrototypeName: nodesByName.has('__proto__') };
  }

  #collect(
    type: GraphQLObjectType,
    nodes: readonly SelectionNode[],
    nodesByName: Map<string, FieldNode[]>,
    spread: Set<string>,
  ): void {
    for (const node of nodes) {
      if (!this.#isIncluded(node)) continue;
      if (node.kind === Kind.FIELD) {
        const name = (node.alias ?? node.name).value;
        const known = nodesByName.get(name);
        if (known) known.push(node);
        else nodesByName.set(name, [node]);
        continue;
      }
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        // The first spread that is included counts.
        if (spread.has(node.name.value)) continue;
        spread.add(node.name.value);
      }
      const fragment = node.kind === Kind.FRAGMENT_SPREAD ? this.fragments[node.name.value] : node;
      if (fragment && this.#applies(fragment, type)) this.#collect(type, fragment.selectionSet.selections, nodesByName, spread);
    }
  }

  #isIncluded(node: SelectionNode): boolean {
    if (!node.directives?.length) return true;
    return (
      getDirectiveValues(GraphQLSkipDirective, node, this.conditions)?.if !== true &&
      getDirectiveValues(GraphQLIncludeDirective, node, this.conditions)?.if !== false
    );
  }

  #applies({ typeCondition }: FragmentDefinitionNode | InlineFragmentNode, type: GraphQLObjectType): boolean {
    if (!typeCondition) return true;
    const condition = typeFromAST(this.schema, typeCondition);
    return condition === type || (isAbstractType(condition) && this.schema.isSubType(condition, type));
  }

  #definitionOf(type: GraphQLObjectType, name: string): GraphQLField<unknown, unknown> | undefined {
    if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef;
    if (type === this.schema.getQueryType()) {
      if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
      if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
    }
    return type.getFields()[name];
  }
}

/** One field of the answer, as every object of its type has it. */
export class FieldPlan {
  readonly name: string;
  readonly isLeaf: boolean;
  readonly isNonNull: boolean;
  /** Null when the value is a property of the source, as it is without a resolver. */
  readonly resolve: Resolver | null;
  readonly argumentsOf: (variables: Values) => Values;
  /** What `typeof` says of values that are written as they are; null when there are none such. */
  readonly primitive: string | null;
  readonly complete: Complete;
  /** Whether the type of the value is told by what is told by `info`. */
  readonly needsInfo: boolean;
  readonly #selectionSets: readonly SelectionSetNode[];
  readonly #selections = new Map<GraphQLObjectType, SelectionPlan>();

  constructor(
    readonly operation: PlannedOperation,
    readonly parentType: GraphQLObjectType,
    readonly definition: GraphQLField<unknown, unknown>,
    readonly responseName: string,
    readonly nodes: readonly FieldNode[],
  ) {
    const { type, resolve, args } = definition;
    const namedType = getNamedType(type);
    const nullableType = isNonNullType(type) ? type.ofType : type;
    this.name = definition.name;
    this.isLeaf = isLeafType(nullableType);
    this.primitive = primitiveOf.get(nullableType) ?? null;
    this.isNonNull = isNonNullType(type);
    this.resolve = resolve ?? (args.length === 0 ? null : defaultFieldResolver);
    this.needsInfo = isAbstractType(namedType) || (isObjectType(namedType) && namedType.isTypeOf != null);
    this.argumentsOf = argumentsOf(definition, nodes[0] as FieldNode);
    this.complete = completeType(this, type);
    this.#selectionSets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    operation.fieldCount++;
  }

  /** What is selected of the value, when it is an object of this type. Planned when the first one is met. */
  selectionOf(type: GraphQLObjectType): SelectionPlan {
    let selection = this.#selections.get(type);
    if (!selection) {
      selection = this.operation.select(type, this.#selectionSets);
      this.#selections.set(type, selection);
    }
    return selection;
  }
}

/** One run of a planned operation. */
export class Execution {
  readonly errors: GraphQLError[] = [];
  readonly #failedAt = new Set<Path | undefined>();

  constructor(
    readonly operation: PlannedOperation,
    readonly rootValue: unknown,
    readonly contextValue: unknown,
    readonly variables: Values,
  ) {}

  /** Notes an error, unless a failure above it has taken its place out of the answer already. */
  addError(error: GraphQLError, path: Path | undefined): void {
    for (let place = path; place !== undefined; place = place.prev) if (this.#failedAt.has(place)) return;
    if (this.#failedAt.has(undefined)) return;
    this.#failedAt.add(path);
    this.errors.push(error);
  }

  infoOf({ definition, nodes, parentType }: FieldPlan, path: Path): GraphQLResolveInfo {
    const { schema, fragments, operation } = this.operation;
    return {
      fieldName: definition.name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path,
      schema,
      fragments,
      rootValue: this.rootValue,
      operation,
      variableValues: this.variables,
    };
  }
}

/** Executes the fields of an object, all at once. Throws, or rejects, when one fails that must not be null. */
export function executeFields(
  run: Execution,
  selection: SelectionPlan,
  source: unknown,
  path: Path | undefined,
): MaybePromise<Values> {
  const results = emptyAnswer(selection);
  let pending: Promise<unknown>[] | undefined;
  let names: string[] | undefined;
  try {
    for (const field of selection.fields) {
      const value = executeField(run, field, source, path);
      // Set at once, so that the order of the answer is that of the document.
      results[field.responseName] = value;
      if (isPromise(value)) {
        if (pending === undefined || names === undefined) {
          pending = [];
          names = [];
        }
        pending.push(value);
        names.push(field.responseName);
      }
    }
  } catch (error) {
    if (pending) return throwAfter(pending, error);
    throw error;
  }
  if (pending === undefined || names === undefined) return results;
  const settledNames = names;
  return Promise.all(pending).then((values) => {
    for (let index = 0; index < values.length; index++) results[settledNames[index] as string] = values[index];
    return results;
  });
}

/** Executes the fields of an object one after the other: those of a mutation. */
export function executeSerially(run: Execution, selection: SelectionPlan, source: unknown): MaybePromise<Values> {
  const { fields } = selection;
  const results = emptyAnswer(selection);
  const executeFrom = (start: number): MaybePromise<Values> => {
    for (let index = start; index < fields.length; index++) {
      const field = fields[index] as FieldPlan;
      const value = executeField(run, field, source, undefined);
      results[field.responseName] = value;
      if (isPromise(value)) {
        return value.then((settled) => {
          results[field.responseName] = settled;
          return executeFrom(index + 1);
        });
      }
    }
    return results;
  };
  return executeFrom(0);
}

function executeField(run: Execution, field: FieldPlan, source: unknown, parentPath: Path | undefined): unknown {
  // Most fields are a property with a value: they need no path unless they fail.
  let path: Path | undefined;
  try {
    let value: unknown;
    let info: GraphQLResolveInfo | undefined;
    if (field.resolve === null) {
      value = isObjectLike(source) ? source[field.name] : undefined;
      if (isPrimitive(value, field.primitive)) return value;
      if (typeof value === 'function') {
        path = pathTo(field, parentPath);
        info = run.infoOf(field, path);
        value = defaultFieldResolver(source, {}, run.contextValue, info);
      } else if (!field.isLeaf) {
        path = pathTo(field, parentPath);
        if (field.needsInfo) info = run.infoOf(field, path);
      }
    } else {
      path = pathTo(field, parentPath);
      info = run.infoOf(field, path);
      value = field.resolve(source, field.argumentsOf(run.variables), run.contextValue, info);
      if (isPrimitive(value, field.primitive)) return value;
    }
    // What is promised is awaited elsewhere: a closure here would cost each field an allocation.
    if (isPromise(value)) return settleField(run, field, completeLater(run, field.complete, value, path, info), path, parentPath);
    const completed = field.complete(run, value, path, info);
    return isPromise(completed) ? settleField(run, field, completed, path, parentPath) : completed;
  } catch (error) {
    return failed(run, error, field, field.isNonNull, path ?? pathTo(field, parentPath));
  }
}

function completeLater(
  run: Execution,
  complete: Complete,
  value: Promise<unknown>,
  path: Path | undefined,
  info: GraphQLResolveInfo | undefined,
): Promise<unknown> {
  return value.then((settled) => complete(run, settled, path, info));
}

function settleField(
  run: Execution,
  field: FieldPlan,
  completed: Promise<unknown>,
  path: Path | undefined,
  parentPath: Path | undefined,
): Promise<unknown> {
  return completed.then(undefined, (error) => failed(run, error, field, field.isNonNull, path ?? pathTo(field, parentPath)));
}

/** Null in the place of what failed, or the error thrown on, where no null may be. */
function failed(run: Execution, error: unknown, { nodes }: FieldPlan, isNonNull: boolean, path: Path): null {
  const located = locatedError(error, nodes, responsePathAsArray(path));
  if (isNonNull) throw located;
  run.addError(located, path);
  return null;
}

function completeType(field: FieldPlan, type: GraphQLOutputType): Complete {
  const nullable = isNonNullType(type) ? type.ofType : type;
  const complete = isLeafType(nullable) ? completeLeaf(nullable) : completeNullable(field, nullable);
  return isNonNullType(type) ? completeNonNull(field, complete) : complete;
}

function completeNonNull(field: FieldPlan, complete: Complete): Complete {
  return (run, value, path, info) => {
    const completed = complete(run, value, path, info);
    if (completed === null) {
      throw new Error(`Cannot return null for non-nullable field ${field.parentType.name}.${field.name}.`);
    }
    return completed;
  };
}

function completeNullable(field: FieldPlan, type: GraphQLOutputType): Complete {
  const complete = completeComposite(field, type);
  return (run, value, path, info) => {
    if (value == null) return null;
    if (value instanceof Error) throw value;
    return complete(run, value, path, info);
  };
}

function completeComposite(field: FieldPlan, type: GraphQLOutputType): Complete {
  if (isListType(type)) return completeList(field, type.ofType);
  if (isAbstractType(type)) return completeAbstract(field, type);
  if (isObjectType(type)) return completeObject(field, type);
  throw new Error(`cannot complete a value of type ${type}`);
}

function completeList(field: FieldPlan, itemType: GraphQLOutputType): Complete {
  const complete = completeType(field, itemType);
  const isNonNull = isNonNullType(itemType);
  return (run, list, path, info) => {
    if (!isIterable(list)) {
      throw new Error(`Expected Iterable, but did not find one for field "${field.parentType.name}.${field.name}".`);
    }
    const results: unknown[] = [];
    let pending: Promise<unknown>[] | undefined;
    let index = 0;
    for (const item of list) {
      const itemPath: Path = { prev: path, key: index, typename: undefined };
      index += 1;
      try {
        const completed = isPromise(item)
          ? item.then((settled) => complete(run, settled, itemPath, info))
          : complete(run, item, itemPath, info);
        if (isPromise(completed)) {
          const guarded = completed.then(undefined, (error) => failed(run, error, field, isNonNull, itemPath));
          pending ??= [];
          pending.push(guarded);
          results.push(guarded);
        } else {
          results.push(completed);
        }
      } catch (error) {
        try {
          results.push(failed(run, error, field, isNonNull, itemPath));
        } catch (located) {
          if (pending) return throwAfter(pending, located);
          throw located;
        }
      }
    }
    return pending ? Promise.all(results) : results;
  };
}

function completeLeaf(type: GraphQLLeafType): Complete {
  const primitive = primitiveOf.get(type) ?? null;
  return (_run, value) => {
    if (isPrimitive(value, primitive)) return value;
    if (value == null) return null;
    if (value instanceof Error) throw value;
    const serialized = type.serialize(value);
    if (serialized == null) throw new Error(`Expected ${type}.serialize to return a value, returned: ${serialized}`);
    return serialized;
  };
}

/** The scalars that serialize these to themselves. */
const primitiveOf: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [GraphQLString, 'string'],
  [GraphQLID, 'string'],
  [GraphQLBoolean, 'boolean'],
  [GraphQLInt, 'number'],
  [GraphQLFloat, 'number'],
]);

/** Numbers that are no 32-bit integers are looked at by their type. */
function isPrimitive(value: unknown, primitive: string | null): boolean {
  return typeof value === primitive && (primitive !== 'number' || ((value as number) | 0) === value);
}

function completeAbstract(field: FieldPlan, type: GraphQLAbstractType): Complete {
  const resolveType = type.resolveType ?? defaultTypeResolver;
  const complete = (
    run: Execution,
    name: unknown,
    value: unknown,
    path: Path | undefined,
    info: GraphQLResolveInfo | undefined,
  ) => {
    const concrete = typeof name === 'string' ? run.operation.schema.getType(name) : undefined;
    if (!isObjectType(concrete) || !run.operation.schema.isSubType(type, concrete)) {
      throw new Error(`Abstract type "${type.name}" was resolved to "${name}", which is none of its object types.`);
    }
    return completeAs(run, field, concrete, value, path, info);
  };
  return (run, value, path, info) => {
    const name = resolveType(value, run.contextValue, info as GraphQLResolveInfo, type);
    return isPromise(name)
      ? name.then((settled) => complete(run, settled, value, path, info))
      : complete(run, name, value, path, info);
  };
}

function completeObject(field: FieldPlan, type: GraphQLObjectType): Complete {
  if (type.isTypeOf) return (run, value, path, info) => completeAs(run, field, type, value, path, info);
  let selection: SelectionPlan | undefined;
  return (run, value, path) => {
    selection ??= field.selectionOf(type);
    return executeFields(run, selection, value, path);
  };
}

function completeAs(
  run: Execution,
  field: FieldPlan,
  type: GraphQLObjectType,
  value: unknown,
  path: Path | undefined,
  info: GraphQLResolveInfo | undefined,
): unknown {
  const execute = (isOfType: boolean) => {
    if (!isOfType) throw new Error(`Expected value of type "${type.name}".`);
    return executeFields(run, field.selectionOf(type), value, path);
  };
  const isOfType = type.isTypeOf ? type.isTypeOf(value, run.contextValue, info as GraphQLResolveInfo) : true;
  return isPromise(isOfType) ? isOfType.then(execute) : execute(isOfType);
}

/** How the arguments of a field are found; each caller gets an object of its own. */
function argumentsOf(definition: GraphQLField<unknown, unknown>, node: FieldNode): (variables: Values) => Values {
  if (definition.args.length === 0) return () => ({});
  const compute = (variables: Values) => getArgumentValues(definition, node, variables);
  if (hasVariables(node)) return compute;
  try {
    const values = compute({});
    // A value that is an object could be changed by whoever gets it.
    return Object.values(values).some(isObjectLike) ? compute : () => ({ ...values });
  } catch {
    return compute;
  }
}

function hasVariables({ arguments: given }: FieldNode): boolean {
  let found = false;
  for (const argument of given ?? []) {
    visit(argument, {
      Variable() {
        found = true;
      },
    });
  }
  return found;
}

/** An object without a prototype is much slower to fill and to write. */
function emptyAnswer({ hasPrototypeName }: SelectionPlan): Values {
  return hasPrototypeName ? Object.create(null) : {};
}

/** Throws the error once nothing runs any more whose own failure would go unheard; in as many steps as graphql-js. */
function throwAfter(pending: readonly Promise<unknown>[], error: unknown): Promise<never> {
  return Promise.all(pending)
    .then(() => undefined as never)
    .finally(() => {
      throw error;
    });
}

function pathTo({ responseName, parentType }: FieldPlan, prev: Path | undefined): Path {
  return { prev, key: responseName, typename: parentType.name };
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value && typeof value[Symbol.iterator] === 'function';
}

function isObjectLike(value: unknown): value is Values {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
