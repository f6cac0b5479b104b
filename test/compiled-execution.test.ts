import {
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  type InlineFragmentNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  visit,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildSchema } from '../src/graphql/schema.js';
import { startTestApp, type TestApp } from './support/app.js';
import { call } from './support/graphql-call.js';
import { type SeededOrganization, seedOrganization, validVariables } from './support/organization.js';
import { nestedOperationsOf, operationsOf } from './support/schema-walk.js';

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
