import { mutation } from '../../graphql/mutation.js';
import { MessageRef, ThreadRef } from './message.graphql.js';
import { messagePostInput, threadCreateInput } from './message.inputs.js';

mutation('threadCreate', {
  description: 'Open a thread, about a project, a task or anything else.',
  input: threadCreateInput,
  run: (services, context, input) => services.messages.createThread(context.viewer, input),
  payload: (t) => ({
    thread: t.field({
      type: ThreadRef,
      nullable: true,
      description: 'The new thread. Null on errors.',
      resolve: (payload) => payload.thread,
    }),
  }),
});

mutation('messagePost', {
  description: 'Say something in a thread, to everybody who reads it. Put what people read into the key `text` of the payload.',
  input: messagePostInput,
  run: (services, context, input) => services.messages.post(context.viewer, input),
  payload: (t) => ({
    message: t.field({
      type: MessageRef,
      nullable: true,
      description: 'The new message. Null on errors.',
      resolve: (payload) => payload.message,
    }),
  }),
});
