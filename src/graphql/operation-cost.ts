import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  type ExecutionArgs,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { ErrorCode } from '../features/error-code.js';
import { DocumentTooCostlyError } from './document-too-costly-error.js';
import { Variables } from './variables.js';

/** What one operation may cost, and how many fields it may select once its fragments are spread. */
export const operationLimits = { cost: 20_000, fields: 2000 } as const;

/** Costs that are kept for one operation: one for each combination of the variables that its cost depends on. */
const combinationsMax = 8;

/** Longest combination of variables, in characters of JSON, that is worth keeping. */
const longestCombination = 200;

/**
 * What the operation costs: each field 1 unless the schema says otherwise, times the rows of the lists around it. It is known
 * before anything runs, and found out once for a document and the variables that size its lists.
 *
 * Null when the variables do not fit: it will not run. Throws DocumentTooCostlyError, and a GraphQLError for a value in
 * a place that cannot take it.
 */
export function costOf({ schema, document, operationName, variableValues }: ExecutionArgs): number | null {
  const node = getOperationAST(document, operationName);
  if (!node) return null;
  let costs = known.get(node);
  if (!costs || costs.schema !== schema) {
    costs = new OperationCosts(schema, document, node);
    known.set(node, costs);
  }
  return costs.of(variableValues ?? {});
}

/** The document cache keeps documents; with the last of them their costs go. */
const known = new WeakMap<OperationDefinitionNode, OperationCosts>();

interface Weight {
  cost: number;
  fields: number;
}

class OperationCosts {
  /** Variables on which the cost depends. */
  readonly #sizes: string[];
  readonly #variables: Variables;
  readonly #weights = new Map<string, Weight>();

  constructor(
    readonly schema: GraphQLSchema,
    private readonly document: DocumentNode,
    private readonly node: OperationDefinitionNode,
  ) {
    this.#sizes = sizingVariables(schema, document);
    this.#variables = new Variables(schema, node);
  }

  of(variables: Readonly<Record<string, unknown>>): number | null {
    const combination = this.#sizes.length === 0 ? '' : JSON.stringify(variables, this.#sizes);
    let weight: Weight | null | undefined = this.#weights.get(combination);
    if (weight === undefined) {
      weight = this.#weigh(variables);
      if (weight && this.#weights.size < combinationsMax && combination.length <= longestCombination) {
        this.#weights.set(combination, weight);
      }
    }
    if (!weight) return null;
    if (weight.fields > operationLimits.fields) throw DocumentTooCostlyError.byFields(weight.fields, operationLimits.fields);
    if (weight.cost > operationLimits.cost) throw DocumentTooCostlyError.byCost(weight.cost, operationLimits.cost);
    return weight.cost;
  }

  #weigh(given: Readonly<Record<string, unknown>>): Weight | null {
    const { schema, node } = this;
    if (this.#variables.read(given).errors) return null;
    const fragments = this.document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
    const operation: DocumentNode = { kind: Kind.DOCUMENT, definitions: [node, ...fragments] };
    try {
      const { complexity, breadth } = complexityFromQuery(operation, { schema, variables: given });
      return { cost: complexity, fields: breadth };
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      // A variable that is null where none may be, which validation lets pass when it has a default.
      throw new GraphQLError(error.message, { nodes: error.nodes, extensions: { code: 'BAD_USER_INPUT' satisfies ErrorCode } });
    }
  }
}

/** The variables that stand in arguments by which a field has its price: of a page its size, of others any. */
function sizingVariables(schema: GraphQLSchema, document: DocumentNode): string[] {
  const names = new Set<string>();
  const types = new TypeInfo(schema);
  const visitor = visitWithTypeInfo(types, {
    Field(field) {
      const definition = types.getFieldDef();
      if (typeof definition?.extensions.complexity !== 'function') return;
      const isPage = definition.args.some(({ name }) => name === 'first');
      for (const argument of field.arguments ?? []) {
        if (isPage && !pageSizeArguments.includes(argument.name.value)) continue;
        visit(argument, { Variable: ({ name }) => void names.add(name.value) });
      }
    },
  });
  visit(document, visitor);
  return [...names];
}

const pageSizeArguments: readonly string[] = ['first', 'last'];
