import { BatonClient } from '../sdk/baton-client.js';
import { unwrap } from '../sdk/errors.js';
import {
  DecisionDocument,
  DecisionRecordDocument,
  EventCursorDocument,
  MessagePostDocument,
  PlanCreateDocument,
  PlanReviseDocument,
  PlanSetStatusDocument,
  ProjectCreateDocument,
  TaskCancelDocument,
  TaskCreateManyDocument,
  ThreadCreateDocument,
} from '../sdk/generated.js';
import { type Agent, type AgentProfile, type Project, registerAgent } from './agents.js';
import { present } from './answers.js';
import { backlog, type Course, taskInput } from './backlog.js';
import type { Findings } from './findings.js';
import { Narrator } from './narrator.js';
import { type Person, type Place, reviewTasks, signUp, unblockTasks } from './people.js';
import type { Stage } from './stage.js';
import { readLog, Watcher } from './watcher.js';

const agentProfiles: readonly AgentProfile[] = [
  { name: 'Otter', specializations: ['backend', 'database'], claimCount: 2, leaseSeconds: 60 },
  { name: 'Heron', specializations: ['backend'], claimCount: 1, leaseSeconds: 3, isDoomed: true },
  { name: 'Finch', specializations: ['frontend'], claimCount: 1, leaseSeconds: 60 },
  { name: 'Badger', specializations: ['testing', 'security'], claimCount: 3, leaseSeconds: 60 },
  { name: 'Marten', specializations: ['operations', 'writing'], claimCount: 2, leaseSeconds: 60 },
];

export interface Setting {
  stage: Stage;
  findings: Findings;
  /** Acts for whoever runs the server. */
  operator: BatonClient;
  url: string;
  token: string | undefined;
  /** Makes the names of this run different from those of every other. */
  run: string;
  /** Breaks the play off, wherever it is. */
  breakOff: (reason: unknown) => void;
}

/** Everybody and everything that the acts share. */
export interface Company {
  /** Leads the project. */
  owner: Person;
  /** Reviews. */
  reviewer: Person;
  agents: Agent[];
  project: Project;
  place: Place;
  watcher: Watcher;
}

/** Plays the whole scenario, act after act. */
export async function play(setting: Setting): Promise<Company> {
  const { stage } = setting;
  stage.act('Two humans and five agents arrive');
  const owner = await signUp(stage, { ...setting, name: 'Owner' });
  const reviewer = await signUp(stage, { ...setting, name: 'Reviewer' });
  const agents: Agent[] = [];
  for (const profile of agentProfiles) {
    agents.push(await registerAgent(stage, { ...setting, profile }));
    await stage.pause(0.2);
  }

  stage.act('They talk, plan and decide (● is what the watcher hears over its websocket)');
  const { place, watcher } = await openProject(setting, owner);
  await talk(setting, { owner, agents, place });
  const planId = await writePlan(setting, { owner, agents, place });
  await decide(setting, { agents, place, watcher });

  stage.act('Forty tasks');
  const project: Project = { id: place.projectId, courses: await createTasks(owner, place) };
  const company: Company = { owner, reviewer, agents, project, place, watcher };
  await cancelParkedTask(setting, company);

  stage.act('Five agents want one task');
  await raceForOneTask(setting, company);

  stage.act('An agent takes a task that it is not specialized in');
  await overrideSpecialization(setting, company);

  stage.act('To work, under leases that heartbeats extend');
  for (const helping of [unblockTasks(stage, owner, place), reviewTasks(stage, reviewer, place)]) helping.catch(setting.breakOff);
  await Promise.all([
    ...agents.map((agent) => agent.work(project)),
    loseConnection(setting, company),
    followKilledAgent(setting, company),
  ]);

  stage.act('All is done');
  unwrap((await owner.client.request(PlanSetStatusDocument, { input: { planId, status: 'COMPLETED' } })).planSetStatus);
  await watcher.seen('PlanStatusChanged', ({ planStatus }) => planStatus === 'COMPLETED');
  await compareWithLog(setting, company);
  await Promise.all([owner.client.close(), reviewer.client.close(), watcher.disconnect()]);
  return company;
}

/** Opens the project and a thread to talk in, with the watcher listening from before the first event of it. */
async function openProject({ stage, operator, url, token, run, breakOff }: Setting, { client }: Person) {
  const { eventCursor: after } = await operator.request(EventCursorDocument, {});
  const { projectCreate } = await client.request(ProjectCreateDocument, { input: { name: `Checkout ${run}` } });
  const projectId = present(unwrap(projectCreate).project).id;
  stage.highlight('board', `shows it as it happens: ${new URL(`/?project=${projectId}`, url)}`);
  const watcher = new Watcher(stage, {
    connect: () => new BatonClient({ url, token }),
    projectId,
    after,
    onEvent: new Narrator(stage).hear,
    onFailure: breakOff,
  });
  watcher.connect();
  const { threadCreate } = await client.request(ThreadCreateDocument, { input: { projectId, title: 'New checkout' } });
  const threadId = present(unwrap(threadCreate).thread).id;
  return { watcher, place: { projectId, threadId, after } };
}

async function talk({ stage }: Setting, { owner, agents, place: { threadId } }: Pick<Company, 'owner' | 'agents' | 'place'>) {
  const say = async (client: BatonClient, type: string, text: string, replyToId?: string) => {
    await stage.pause(0.4);
    const { messagePost } = await client.request(MessagePostDocument, {
      input: { threadId, type, payload: { text }, replyToId },
    });
    return present(unwrap(messagePost).message).id;
  };
  const question = await say(owner.client, 'question', 'The new checkout goes live on Friday. What worries you?');
  await say(named(agents, 'Badger').client, 'answer', 'Double submissions: I want a test before anything else.', question);
  await say(named(agents, 'Otter').client, 'answer', 'The sale of last year took the database down. I write a plan.', question);
}

/** The plan is an agent's; a human revises it and puts it into force. Answers its id. */
async function writePlan(
  { stage, findings }: Setting,
  { owner, agents, place: { projectId } }: Pick<Company, 'owner' | 'agents' | 'place'>,
): Promise<string> {
  await stage.pause(0.4);
  const draft = { projectId, title: 'Checkout by Friday', bodyMarkdown: '1. Orders\n2. Payment\n3. Tests' };
  const { planCreate } = await named(agents, 'Otter').client.request(PlanCreateDocument, { input: draft });
  const { id: planId, revision } = present(unwrap(planCreate).plan);

  await stage.pause(0.4);
  const revised = { planId, expectedRevision: revision, bodyMarkdown: `${draft.bodyMarkdown}\n4. Rehearse the rollback` };
  const { planRevise } = await owner.client.request(PlanReviseDocument, { input: revised });
  const isRevised = present(unwrap(planRevise).plan).revision === revision + 1;
  const { planSetStatus } = await owner.client.request(PlanSetStatusDocument, { input: { planId, status: 'ACTIVE' } });
  const isActive = present(unwrap(planSetStatus).plan).status === 'ACTIVE';
  findings.expect('a human revised the plan of an agent, and put it into force', isRevised && isActive);
  return planId;
}

/** One agent decides, another one decides otherwise. */
async function decide(
  { stage, findings }: Setting,
  { agents, place: { projectId }, watcher }: Pick<Company, 'agents' | 'place' | 'watcher'>,
) {
  const record = async (name: string, title: string, bodyMarkdown: string, supersedesId?: string) => {
    await stage.pause(0.4);
    const input = { projectId, title, bodyMarkdown, supersedesId };
    const { decisionRecord } = await named(agents, name).client.request(DecisionRecordDocument, { input });
    return present(unwrap(decisionRecord).decision);
  };
  const first = await record('Marten', 'Keep carts in Redis', 'It is there already, and fast.');
  const second = await record('Otter', 'Keep carts in Postgres', 'A cart must survive a restart, as an order does.', first.id);
  const { decision } = await named(agents, 'Marten').client.request(DecisionDocument, { id: first.id });
  findings.expect('a decision superseded another', decision?.status === 'SUPERSEDED' && decision.supersededBy?.id === second.id);
  await watcher.seen('DecisionRecorded', ({ superseded }) => superseded !== null);
}

/** Creates all tasks of the backlog at once. Answers how each of them will go. */
async function createTasks({ client }: Person, { projectId }: Place): Promise<Map<string, Course>> {
  const input = { tasks: backlog.map((work) => taskInput(work, projectId)) };
  const { taskCreateMany } = await client.request(TaskCreateManyDocument, { input });
  const { tasks } = unwrap(taskCreateMany);
  return new Map(backlog.map(({ course }, index) => [present(tasks[index]).id, course]));
}

async function cancelParkedTask({ stage }: Setting, { owner, project, watcher }: Company): Promise<void> {
  await stage.pause(0.6);
  const input = { taskId: taskWith('parked', project), reason: 'nobody has asked for it since 2009' };
  unwrap((await owner.client.request(TaskCancelDocument, { input })).taskCancel);
  await watcher.seen('TaskCanceled');
}

async function raceForOneTask({ stage, findings }: Setting, { agents, project, watcher }: Company): Promise<void> {
  await stage.pause(0.6);
  const taskId = taskWith('raced', project);
  const refusals = await Promise.all(agents.map((agent) => agent.claim(taskId)));
  await watcher.seen('TaskClaimed', ({ task }) => task.id === taskId);
  for (const [index, refusal] of refusals.entries()) {
    const agent = agents[index];
    if (!agent || refusal?.__typename !== 'TaskAlreadyClaimedError') continue;
    const until = refusal.leaseExpiresAt?.slice('2026-01-01T'.length);
    stage.tell(agent.name, `refused: ${refusal.code}, held by ${refusal.holder?.name} until ${until}`);
  }
  const winners = refusals.filter((refusal) => refusal === undefined);
  const isFair = winners.length === 1 && refusals.every((refusal) => !refusal || refusal.code === 'TASK_ALREADY_CLAIMED');
  findings.expect(`of ${agents.length} agents that raced for one task, ${winners.length} got it`, isFair);
}

async function overrideSpecialization({ stage, findings }: Setting, { agents, project, watcher }: Company): Promise<void> {
  await stage.pause(0.6);
  const taskId = taskWith('overridden', project);
  const finch = named(agents, 'Finch');
  const refusal = await finch.claim(taskId);
  if (refusal) stage.tell(finch.name, `refused: ${refusal.code}; asks again with override: true`);
  await stage.pause(0.6);
  const secondRefusal = await finch.claim(taskId, { override: true });
  const claimed = await watcher.seen('TaskClaimed', ({ task }) => task.id === taskId);
  findings.expect(
    'an agent without the specialization was refused, and got the task by an override that is on record',
    refusal?.code === 'SPECIALIZATION_MISMATCH' && !secondRefusal && claimed.isOverride,
  );
}

/** In the middle of the work the watcher loses its connection, and goes on after its last event. */
async function loseConnection({ stage, operator }: Setting, { watcher, place: { projectId } }: Company): Promise<void> {
  await stage.until(() => watcher.eventsOf('TaskCompleted')[5]);
  await watcher.disconnect();
  stage.highlight('watcher', 'drops its connection on purpose: nothing is heard');
  await stage.pause(1.2);
  const missed = await readLog(operator, { projectId, after: watcher.cursor });
  stage.highlight('watcher', `connects again, after its last cursor; ${missed.length} events have happened since`);
  watcher.connect();
}

/** The killed agent's task comes back, somebody else takes it, and the killed one's late write is refused. */
async function followKilledAgent({ stage, findings }: Setting, { agents, watcher }: Company): Promise<void> {
  const killed = present(agents.find(({ profile }) => profile.isDoomed));
  const task = await stage.until(() => killed.leftBehind);
  const expiry = await watcher.seen('TaskLeaseExpired', (event) => event.task.id === task.id);
  const claim = await watcher.seen('TaskClaimed', (event) => event.task.id === task.id && event.fence > task.fence);

  await stage.pause(0.5);
  stage.highlight(killed.name, `wakes up as a zombie and finishes "${task.title}" under its old fence ${task.fence}`);
  const refusal = await killed.finishLate(task);
  if (refusal) stage.highlight(killed.name, `refused: ${refusal.code}. ${refusal.message}`);
  findings.expect(`the late write of ${killed.name} was refused as ${refusal?.code}`, refusal?.code === 'LEASE_LOST');

  const completed = await watcher.seen('TaskCompleted', (event) => event.task.id === task.id);
  const finisher = agents.find(({ id }) => id === completed.formerHolder?.id);
  const { requiredSpecialization } = completed.task;
  findings.expect(
    `the task of ${killed.name} came back, and ${finisher?.name}, who knows ${requiredSpecialization}, finished it`,
    expiry.formerHolder?.id === killed.id &&
      finisher !== undefined &&
      finisher !== killed &&
      finisher.id === claim.actor?.id &&
      requiredSpecialization !== null &&
      finisher.profile.specializations.includes(requiredSpecialization),
  );
}

/** What the watcher heard over its two connections must be what the log has. */
async function compareWithLog({ stage, findings, operator }: Setting, { watcher, place }: Company): Promise<void> {
  const logged = await readLog(operator, place);
  await stage.until(() => watcher.cursor === logged.at(-1) || undefined);
  const heard = watcher.events.map(({ cursor }) => cursor);
  findings.expect(
    `the watcher heard each of the ${logged.length} events once and in order, over two connections`,
    heard.length === logged.length && heard.every((cursor, index) => cursor === logged[index]),
  );
}

function named(agents: readonly Agent[], name: string): Agent {
  return present(agents.find((agent) => agent.name === name));
}

function taskWith(wanted: Course, { courses }: Project): string {
  return present([...courses].find(([, course]) => course === wanted)?.[0]);
}
