import { BatonClient } from '../sdk/baton-client.js';
import { unwrap } from '../sdk/errors.js';
import {
  AgentHeartbeatDocument,
  AgentRegisterDocument,
  type ErrorFieldsFragment,
  TaskClaimDocument,
  TaskClaimNextDocument,
  TaskCompleteDocument,
  TaskCountsDocument,
  TaskFailDocument,
  type TaskFieldsFragment,
  TaskHeartbeatDocument,
  TaskSetStatusDocument,
  type TaskStatus,
} from '../sdk/generated.js';
import { present } from './answers.js';
import type { Course } from './backlog.js';
import type { Stage } from './stage.js';

export interface AgentProfile {
  name: string;
  specializations: string[];
  /** Tasks that it claims at a time. */
  claimCount: number;
  leaseSeconds: number;
  /** It is killed in the middle of the second task for which it was chosen by specialization. */
  isDoomed?: boolean;
}

/** What all agents work on, and how each task will go. */
export interface Project {
  id: string;
  /** By the id of the task. */
  courses: Map<string, Course>;
}

/** Lease of a task that is claimed some time before the work begins. */
const patientLeaseSeconds = 60;

/** A task under a lease of the agent. */
export interface HeldTask {
  id: string;
  title: string;
  fence: number;
}

/** Registers the agent; from then on it acts with its own API key, over a client of its own. */
export async function registerAgent(
  stage: Stage,
  { operator, url, run, profile }: { operator: BatonClient; url: string; run: string; profile: AgentProfile },
): Promise<Agent> {
  const { name, specializations } = profile;
  const externalId = `${name.toLowerCase()}-${run}`;
  const answer = await operator.request(AgentRegisterDocument, { input: { externalId, name, specializations } });
  const { agent, apiKey } = unwrap(answer.agentRegister);
  const { id, specializations: registered } = present(agent);
  const client = new BatonClient({ url, token: present(apiKey) });
  const { agentHeartbeat } = await client.request(AgentHeartbeatDocument, { input: {} });
  const { health } = present(unwrap(agentHeartbeat).agent);
  stage.tell(name, `registered as ${externalId} for ${registered.join(' and ')}, and is ${health}`);
  return new Agent(stage, { id, profile, client });
}

/** One agent: claims what it has the specialization for, works on it while heartbeats keep the lease, and finishes it. */
export class Agent {
  readonly id: string;
  readonly profile: AgentProfile;
  readonly client: BatonClient;
  /** Heartbeats that were taken. */
  heartbeats = 0;
  /** Writes that were refused because its lease was lost. */
  staleWritesRefused = 0;
  /** What it held when it was killed. */
  leftBehind: HeldTask | undefined;
  readonly #held = new Map<string, HeldTask>();
  #specializedTasks = 0;

  constructor(
    private readonly stage: Stage,
    { id, profile, client }: { id: string; profile: AgentProfile; client: BatonClient },
  ) {
    this.id = id;
    this.profile = profile;
    this.client = client;
  }

  get name(): string {
    return this.profile.name;
  }

  /** Works until nothing in the project is left to do, or until it is killed. Begins with what it holds already. */
  async work(project: Project): Promise<void> {
    for (const task of [...this.#held.values()]) await this.#carryOut(task, project);
    while (!this.leftBehind && !(await this.#isAllFinished(project))) {
      const tasks = await this.#claimNext(project);
      for (const task of tasks) await this.#carryOut(task, project);
      if (tasks.length === 0) await this.stage.pause(0.4);
    }
  }

  /** Claims one task, to begin with it as soon as work() is called. Answers why it was refused, if it was. */
  async claim(taskId: string, { override = false } = {}): Promise<ErrorFieldsFragment | undefined> {
    const input = { taskId, override, leaseSeconds: patientLeaseSeconds };
    const { taskClaim } = await this.client.request(TaskClaimDocument, { input });
    if (taskClaim.task) this.#hold(taskClaim.task);
    return taskClaim.errors[0];
  }

  /** Writes under a lease that it may no longer have, as a process does that slept through its expiry. Answers the refusal. */
  async finishLate({ id, fence }: HeldTask): Promise<ErrorFieldsFragment | undefined> {
    const input = { taskId: id, fence, result: { note: 'finished, or so it believes' } };
    const { taskComplete } = await this.client.request(TaskCompleteDocument, { input });
    const [refusal] = taskComplete.errors;
    if (refusal?.code === 'LEASE_LOST') this.staleWritesRefused += 1;
    return refusal;
  }

  async #claimNext(project: Project): Promise<HeldTask[]> {
    const { claimCount: count, leaseSeconds } = this.profile;
    const input = { projectId: project.id, count, leaseSeconds };
    const { taskClaimNext } = await this.client.request(TaskClaimNextDocument, { input });
    const { tasks } = unwrap(taskClaimNext);
    this.#specializedTasks += tasks.filter((task) => task.requiredSpecialization !== null).length;
    return tasks.map((task) => this.#hold(task));
  }

  #hold({ id, title, lease }: TaskFieldsFragment): HeldTask {
    const held = { id, title, fence: present(lease).fence };
    this.#held.set(id, held);
    return held;
  }

  async #carryOut(task: HeldTask, project: Project): Promise<void> {
    await this.#setStatus(task, 'IN_PROGRESS');
    for (let step = 0; step < 2; step++) {
      await this.stage.pause(0.4);
      await this.#heartbeat();
    }
    if (this.profile.isDoomed && this.#specializedTasks >= 2) return this.#die(task);
    await this.stage.pause(0.2);
    await this.#deliver(task, project);
    this.#held.delete(task.id);
  }

  async #deliver(task: HeldTask, { courses }: Project): Promise<void> {
    const { id: taskId, fence } = task;
    switch (courses.get(taskId)) {
      case 'blocked':
        // Only once: whoever takes it when it is unblocked can finish it.
        courses.set(taskId, 'done');
        return this.#setStatus(task, 'BLOCKED', 'waits for credentials of the staging system');
      case 'review':
        // The reviewer answers well within the lease, which runs on without heartbeats meanwhile.
        return this.#setStatus(task, 'REVIEW');
      case 'failed': {
        const input = { taskId, fence, reason: 'the staging cluster gave up at 400 orders/s' };
        unwrap((await this.client.request(TaskFailDocument, { input })).taskFail);
        return;
      }
      default: {
        const input = { taskId, fence, result: { by: this.name } };
        unwrap((await this.client.request(TaskCompleteDocument, { input })).taskComplete);
      }
    }
  }

  async #setStatus({ id: taskId, fence }: HeldTask, status: TaskStatus, blocker?: string): Promise<void> {
    const input = { taskId, fence, status, blocker };
    unwrap((await this.client.request(TaskSetStatusDocument, { input })).taskSetStatus);
  }

  /** Says that the agent is alive, and extends the lease of everything it holds. */
  async #heartbeat(): Promise<void> {
    unwrap((await this.client.request(AgentHeartbeatDocument, { input: {} })).agentHeartbeat);
    for (const { id: taskId, fence } of this.#held.values()) {
      unwrap((await this.client.request(TaskHeartbeatDocument, { input: { taskId, fence } })).taskHeartbeat);
      this.heartbeats += 1;
    }
  }

  /** Nothing is released and nobody is told: the process is simply gone, and its heartbeats with it. */
  #die(task: HeldTask): void {
    this.leftBehind = task;
    this.stage.highlight(
      this.name,
      `KILLED in the middle of "${task.title}" (fence ${task.fence}); no more heartbeats, lease of ${this.profile.leaseSeconds} s`,
    );
  }

  async #isAllFinished(project: Project): Promise<boolean> {
    const { taskCounts } = await this.client.request(TaskCountsDocument, { filter: { projectId: project.id } });
    const open = taskCounts.filter(({ status, count }) => count > 0 && !['DONE', 'FAILED', 'CANCELED'].includes(status));
    return open.length === 0;
  }
}
