import { getOperationAST, type OperationDefinitionNode, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { graphiqlTabs } from '../src/graphql/graphiql-tabs.js';
import { buildSchema } from '../src/graphql/schema.js';
import { useTestApp } from './support/app.js';
import { nothingHeldBack } from './support/event-horizon.js';

const tabs = graphiqlTabs.map(({ query, variables = '{}' }) => {
  const document = parse(query);
  const { operation, name } = getOperationAST(document) as OperationDefinitionNode;
  return { query, document, operation, name: name?.value ?? '', variables: JSON.parse(variables) as Record<string, string> };
});

describe('the tabs that GraphiQL opens with', () => {
  it.each(tabs)('fits the schema: $name', ({ document }) => {
    expect(validate(buildSchema(), document)).toEqual([]);
  });

  // The only thing a newcomer has to do is to copy what a tab's comment names from the answer that it names.
  it('run one after another on a fresh server, with the ids that the comments name', async () => {
    const app = await useTestApp();
    const answers = new Map<string, unknown>();

    for (const { query, operation, name, variables } of tabs) {
      if (operation === 'subscription') continue;
      if (name === 'History') await nothingHeldBack(app);
      const response = await fetch(new URL('/graphql', app.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables: fill(variables, query, answers) }),
      });
      const answer = (await response.json()) as { data: Record<string, { errors?: unknown[] }>; errors?: unknown[] };
      answers.set(name, answer.data);
      expect(answer, name).not.toHaveProperty('errors');
      for (const payload of Object.values(answer.data)) expect(payload.errors ?? [], name).toEqual([]);
    }

    expect(answers.get('ClaimNext')).toMatchObject({ taskClaimNext: { task: { title: 'Add a health check' } } });
    expect(answers.get('WorkAndFinish')).toMatchObject({ taskComplete: { task: { status: 'DONE' } } });
    const kinds = ['TASK_CREATED', 'TASK_CLAIMED', 'TASK_STATUS_CHANGED', 'TASK_COMPLETED'];
    const history = { nodes: kinds.map((kind) => ({ kind })) };
    expect(answers.get('History')).toMatchObject({ tasks: { nodes: [{ title: 'Add a health check', history }] } });
  });
});

/** Takes each variable from the answer of the tab that the comment names for it: "the agentId that the tab X answered". */
function fill(variables: Record<string, string>, query: string, answers: ReadonlyMap<string, unknown>): Record<string, string> {
  const filled = Object.keys(variables).map((variable) => {
    const tab = new RegExp(`the ${variable} that the tab[\\s#]+(\\w+) answered`).exec(query)?.[1];
    const line = new RegExp(`"${variable}":"([^"]+)"`).exec(JSON.stringify(answers.get(tab ?? '')));
    return [variable, line?.[1] ?? `no ${variable} in the answer of ${tab}`];
  });
  return Object.fromEntries(filled);
}
