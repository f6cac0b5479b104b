import { defaultOrganizationId } from '../../src/features/organizations/organization.model.js';
import { type Claimed, workBody } from './documents.js';
import { type Form, forms } from './forms.js';

interface BareRequest {
  path: string;
  body: object;
  answer: object;
}

const task: Claimed & { title: string } = { id: defaultOrganizationId, title: 'task 12345', lease: { fence: 1 } };
const tasks = new Array<Claimed>(forms['claims of ten'].batchSize).fill(task);
const isDone = { task: { status: 'DONE' }, errors: [] };

/** The requests of each form, as long as they are, and answers that are as long as the product's. */
export const bareRequests: Record<Form, BareRequest[]> = {
  'two requests': [
    { path: '/claim', body: workBody([], 1), answer: { data: { claim: { task, errors: [] } } } },
    { path: '/complete', body: workBody([task], 0), answer: { data: { done0: isDone } } },
  ],
  'one document': [{ path: '/one', body: workBody([task], 1), answer: { data: { done0: isDone, claim: { task, errors: [] } } } }],
  'claims of ten': [
    {
      path: '/ten',
      body: workBody(tasks, tasks.length),
      answer: {
        data: { ...Object.fromEntries(tasks.map((_task, index) => [`done${index}`, isDone])), claim: { tasks, errors: [] } },
      },
    },
  ],
};
