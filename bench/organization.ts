/** What benchmarks put into a database or a server of ours before they measure. */
import type pg from 'pg';
import { defaultOrganizationId } from '../src/features/organizations/organization.model.js';
import { check } from './benchmark.js';
import { adminToken } from './context.js';

export interface BenchAgent {
  id: string;
  apiKey: string;
}

const registration = `mutation ($input: AgentRegisterInput!) {
  agentRegister(input: $input) { agent { id } apiKey errors { code message } }
}`;

/** Registers agents at a server, each with an API key of its own. Their names begin with `name`. */
export async function registerAgents(
  origin: string,
  options: { name: string; count: number; specializations?: (index: number) => string[] },
): Promise<BenchAgent[]> {
  const agents: BenchAgent[] = [];
  for (let index = 0; index < options.count; index++) {
    const input = { externalId: `${options.name}-${index}`, specializations: options.specializations?.(index) ?? [] };
    const data = await mutate<{ agentRegister: { agent: { id: string } | null; apiKey: string | null } }>(origin, registration, {
      input,
    });
    const { agent, apiKey } = data.agentRegister;
    check(agent && apiKey, `the agent was not registered: ${JSON.stringify(data)}`);
    agents.push({ id: agent.id, apiKey });
  }
  return agents;
}

/** Sends one operation as the operator, and returns its data. */
export async function mutate<Data>(origin: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(`${origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  check(data && !errors, `the server answered ${response.status}: ${JSON.stringify(errors)}`);
  return data;
}

/** Adds ready tasks to the default organization until there are so many of them, and has Postgres know its tables afresh. */
export async function fillUpTasks(database: pg.Pool, readyCount: number): Promise<void> {
  await database.query(
    `insert into task (id, organization_id, title)
     select uuidv7(), $1, 'task ' || n from generate_series((select count(*) + 1 from task where status = 'READY'), $2::bigint) as n`,
    [defaultOrganizationId, readyCount],
  );
  await database.query('vacuum (analyze) task');
  await database.query('vacuum (analyze) task_attempt');
}
