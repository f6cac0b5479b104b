import type { BatonClient } from '../../src/sdk/baton-client.js';
import {
  AgentRegisterDocument,
  type AgentRegisterInput,
  TaskClaimDocument,
  type TaskClaimInput,
  TaskCreateDocument,
  type TaskCreateInput,
  type TaskFieldsFragment,
} from '../../src/sdk/generated.js';

let count = 0;

/** A name that no other test of the process uses. */
export function uniqueName(stem: string): string {
  count += 1;
  return `${stem}-${count}`;
}

export interface SeededAgent {
  id: string;
  externalId: string;
  apiKey: string;
}

/** Registers a new agent. */
export async function seedAgent(client: BatonClient, input: Partial<AgentRegisterInput> = {}): Promise<SeededAgent> {
  const { agentRegister } = await client.request(AgentRegisterDocument, { input: { externalId: uniqueName('agent'), ...input } });
  if (!agentRegister.agent || !agentRegister.apiKey) throw new Error(`not registered: ${JSON.stringify(agentRegister.errors)}`);
  return { id: agentRegister.agent.id, externalId: agentRegister.agent.externalId, apiKey: agentRegister.apiKey };
}

/** Creates a task. */
export async function seedTask(client: BatonClient, input: Partial<TaskCreateInput> = {}): Promise<TaskFieldsFragment> {
  const { taskCreate } = await client.request(TaskCreateDocument, { input: { title: uniqueName('task'), ...input } });
  if (!taskCreate.task) throw new Error(`not created: ${JSON.stringify(taskCreate.errors)}`);
  return taskCreate.task;
}

/** Claims a task; answers the task with its lease. */
export async function seedClaim(
  client: BatonClient,
  input: TaskClaimInput,
): Promise<TaskFieldsFragment & { lease: NonNullable<TaskFieldsFragment['lease']> }> {
  const { taskClaim } = await client.request(TaskClaimDocument, { input });
  if (!taskClaim.task?.lease) throw new Error(`not claimed: ${JSON.stringify(taskClaim.errors)}`);
  return { ...taskClaim.task, lease: taskClaim.task.lease };
}

/** The codes of a payload's errors; empty when the command succeeded. */
export function codes(payload: { errors: { code: string }[] }): string[] {
  return payload.errors.map((error) => error.code);
}
