import { randomUUID } from 'node:crypto';
import { BatonClient } from '../sdk/baton-client.js';
import { unwrap } from '../sdk/errors.js';
import {
  MessagePostDocument,
  ProjectFeedDocument,
  SessionCreateDocument,
  TaskCompleteDocument,
  TaskSetStatusDocument,
  UserCreateDocument,
} from '../sdk/generated.js';
import { present } from './answers.js';
import type { Stage } from './stage.js';

/** A human, signed in. */
export interface Person {
  id: string;
  name: string;
  client: BatonClient;
}

/** Where the people follow the work. */
export interface Place {
  projectId: string;
  threadId: string;
  /** Cursor after which they follow it. */
  after: string;
}

/** Creates a user, and signs in as that user. */
export async function signUp(
  stage: Stage,
  { operator, url, run, name }: { operator: BatonClient; url: string; run: string; name: string },
): Promise<Person> {
  const email = `${name.toLowerCase()}-${run}@example.com`;
  const password = randomUUID();
  unwrap((await operator.request(UserCreateDocument, { input: { email, name, password } })).userCreate);
  const answer = await new BatonClient({ url }).request(SessionCreateDocument, { input: { email, password } });
  const { user, token } = unwrap(answer.sessionCreate);
  const { id, name: signedIn } = present(user);
  stage.tell(signedIn, `signed in as ${email}`);
  return { id, name: signedIn, client: new BatonClient({ url, token: present(token) }) };
}

/** Unblocks what an agent has blocked, as soon as it hears of it. */
export async function unblockTasks(stage: Stage, { client }: Person, { projectId, threadId, after }: Place): Promise<void> {
  for await (const { events: event } of client.subscribe(ProjectFeedDocument, { projectId, after })) {
    if (event.__typename !== 'TaskStatusChanged' || event.taskStatus !== 'BLOCKED') continue;
    await stage.pause(0.8);
    const text = `"${event.task.title}": the credentials are in the vault now, go on.`;
    unwrap((await client.request(MessagePostDocument, { input: { threadId, type: 'answer', payload: { text } } })).messagePost);
    const input = { taskId: event.task.id, status: 'READY' } as const;
    unwrap((await client.request(TaskSetStatusDocument, { input })).taskSetStatus);
  }
}

/** Looks at what was handed in for review, and finishes it. */
export async function reviewTasks(stage: Stage, { name, client }: Person, { projectId, after }: Place): Promise<void> {
  for await (const { events: event } of client.subscribe(ProjectFeedDocument, { projectId, after })) {
    if (event.__typename !== 'TaskStatusChanged' || event.taskStatus !== 'REVIEW') continue;
    await stage.pause(0.5);
    const input = { taskId: event.task.id, result: { approvedBy: name } };
    unwrap((await client.request(TaskCompleteDocument, { input })).taskComplete);
  }
}
