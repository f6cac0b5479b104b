import { mutation } from '../../graphql/mutation.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { ticketCompleteInput } from './ticket-completion.inputs.js';

mutation('ticketComplete', {
  description:
    'Say that your work on a ticket is finished: it goes to REVIEW, for people to look at, with the pull request that you name. What you leave out stays as it is. A ticket that is done stays done, and one whose cancellation was requested stays where it is. Saying the same again changes nothing.',
  input: ticketCompleteInput,
  run: (services, context, input) => services.ticketCompletion.complete(context.viewer, input),
  payload: (t) => ({
    task: t.field({
      type: TaskRef,
      nullable: true,
      description: 'The ticket as this command left it. Null on errors.',
      resolve: (payload) => payload.task,
    }),
  }),
});
