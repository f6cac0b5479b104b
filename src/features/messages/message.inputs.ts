import { type CommandOf, code, commandInput, id, jsonObject, title } from '../input-fields.js';

export const threadCreateInput = commandInput({
  projectId: id('Id of the project that the thread is about. Default: the project of the task, if there is one.').optional(),
  taskId: id('Id of the task that the thread is about.').optional(),
  title: title('What the thread is about, in one line.').optional(),
  type: code('Kind of thread: `general`, `project`, `task`, `idea`, `dm`, or a word of your own. Default `general`.').default(
    'general',
  ),
  agentId: id(
    'Id of the agent that opens the thread. Leave it out with an API key: the key says who acts. People and administrators name the agent they act for.',
  ).optional(),
});

export const messagePostInput = commandInput({
  threadId: id('Id of the thread to post in.'),
  senderId: id(
    'Id of the agent that speaks. Leave it out with an API key: the key says who speaks. People and administrators name the agent they speak for.',
  ).optional(),
  type: code(
    'Kind of message: `note`, `text`, `question`, `answer`, `status`, or a word of your own, by which readers filter. Default `note`.',
  ).default('note'),
  payload: jsonObject(
    'What the message says, as a JSON object of your own shape. By convention its key `text` holds what people read, in Markdown.',
  ).default({}),
  replyToId: id('Id of the message of the same thread that this one answers.').optional(),
});

export type ThreadCreate = CommandOf<typeof threadCreateInput>;
export type MessagePost = CommandOf<typeof messagePostInput>;
