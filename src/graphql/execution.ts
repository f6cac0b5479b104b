import {
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  getOperationAST,
  execute as interpret,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { isPromise, type MaybePromise } from '../kernel/maybe-promise.js';
import { Execution, executeFields, executeSerially, PlannedOperation, type SelectionPlan } from './execution-plan.js';
import { Variables } from './variables.js';

/** Plans that are kept for one operation: one for each combination of the variables that @skip and @include look at. */
const combinationsMax = 8;

/**
 * Executes an operation and answers exactly what graphql-js answers, faster once a document comes back: what can be known
 * of it without its variables' values is found out once, as far as answers reach, and kept as long as the document is.
 *
 * For a subscription the answer is that of one event, which is the root value. Only the schema's own resolvers are used.
 */
export function execute(args: ExecutionArgs): MaybePromise<ExecutionResult> {
  const node = getOperationAST(args.document, args.operationName);
  // graphql-js says what is wrong with the name.
  return (node && plansOf(node, args).execute(args)) ?? interpret(args);
}

/** The document cache keeps documents; with the last of them their plans go. */
const plans = new WeakMap<OperationDefinitionNode, OperationPlans>();

function plansOf(node: OperationDefinitionNode, args: ExecutionArgs): OperationPlans {
  const known = plans.get(node);
  if (known?.schema === args.schema) return known;
  const fresh = new OperationPlans(node, args);
  plans.set(node, fresh);
  return fresh;
}

/** The plans of one operation, one for each combination of the variables that @skip and @include look at. */
class OperationPlans {
  readonly schema;
  readonly #document;
  readonly #variables;
  readonly #conditions;
  /** Null for those that grew too large. */
  readonly #plans = new Map<string, Plan | null>();
  readonly #fieldsMax;

  constructor(
    readonly node: OperationDefinitionNode,
    { schema, document }: Pick<ExecutionArgs, 'schema' | 'document'>,
  ) {
    this.schema = schema;
    this.#document = document;
    this.#variables = new Variables(schema, node);
    this.#conditions = conditionVariables(document);
    // A plan may be larger than its document, by fragments that are spread in many places; what is kept stays in proportion.
    this.#fieldsMax = Math.max(100, (document.loc?.end ?? 0) / 4);
  }

  execute({ rootValue, contextValue, variableValues }: ExecutionArgs): MaybePromise<ExecutionResult> | null {
    const { node } = this;
    const variables = this.#variables.read(variableValues ?? {});
    if (variables.errors) return { errors: variables.errors };
    const plan = this.#planFor(variables.coerced);
    if (!plan) return null;

    const run = new Execution(plan.operation, rootValue, contextValue, variables.coerced);
    const answer = (data: Record<string, unknown> | null): ExecutionResult => {
      return run.errors.length === 0 ? { data } : { errors: run.errors, data };
    };
    const fail = (error: GraphQLError) => {
      run.addError(error, undefined);
      return answer(null);
    };
    try {
      const data =
        node.operation === 'mutation'
          ? executeSerially(run, plan.root, rootValue)
          : executeFields(run, plan.root, rootValue, undefined);
      return isPromise(data) ? data.then(answer, fail) : answer(data);
    } catch (error) {
      return fail(error as GraphQLError);
    }
  }

  /** Null where none is to be had. */
  #planFor(variables: Record<string, unknown>): Plan | null {
    let combination = '';
    for (const name of this.#conditions) {
      const value = variables[name];
      // Null in a place that takes none; graphql-js says where.
      if (typeof value !== 'boolean') return null;
      combination += value ? '1' : '0';
    }
    const known = this.#plans.get(combination);
    if (known !== undefined) {
      // Plans grow while they run.
      if (known && known.operation.fieldCount > this.#fieldsMax) this.#plans.set(combination, null);
      return known;
    }
    if (this.#plans.size >= combinationsMax) return null;
    const conditions = Object.fromEntries(this.#conditions.map((name) => [name, variables[name]]));
    const operation = new PlannedOperation({ schema: this.schema, document: this.#document }, this.node, conditions);
    const plan = { operation, root: operation.rootSelection() };
    this.#plans.set(combination, plan);
    return plan;
  }
}

interface Plan {
  operation: PlannedOperation;
  root: SelectionPlan;
}

/** The variables on which it depends what is selected at all. */
function conditionVariables(document: ExecutionArgs['document']): string[] {
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: given }) {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of given ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}
