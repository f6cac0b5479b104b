import type { PullRequestState } from '../../database/generated/prisma/client.js';
import { builder } from '../../graphql/builder.js';
import { connectionOf } from '../../graphql/connection.js';
import { pageById } from '../../graphql/keyset.js';
import { mutation } from '../../graphql/mutation.js';
import { NodeRef } from '../../graphql/node.js';
import { JobRef } from '../jobs/job.graphql.js';
import { TaskRef } from '../tasks/task.graphql.js';
import { reviewRequestInput } from './review.inputs.js';

const PullRequestStateRef = builder.enumType('PullRequestState', {
  description: 'Where a pull request stands.',
  values: {
    OPEN: { description: 'Waits to be merged; every one begins so.' },
    MERGED: { description: 'Was merged.' },
    CLOSED: { description: 'Was closed without being merged.' },
  } satisfies Record<PullRequestState, { description: string }>,
});

const ReviewCommentRef = builder.prismaObject('ReviewComment', {
  description: 'Something said on a pull request: by people, who want changes, or by an agent, which answers.',
  interfaces: [NodeRef],
  fields: (t) => ({
    body: t.exposeString('body', { description: 'What was said.' }),
    author: t.exposeString('author', { nullable: true, description: 'Who said it, as a name. Null when nobody said who.' }),
    isAnswer: t.exposeBoolean('isAnswer', { description: 'Whether an agent answers others with it.' }),
    githubCommentId: t.string({
      nullable: true,
      description: 'GitHub’s id of the comment, a whole number as text. Null when it was not said.',
      resolve: (comment) => comment.githubCommentId?.toString() ?? null,
    }),
    addressedAt: t.expose('addressedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the review job that answers it was completed. Null until then, and of answers.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the comment became known here.' }),
  }),
});

const PullRequestRef = builder.prismaObject('PullRequest', {
  description: 'A pull request with the work on a ticket, as an agent named it.',
  interfaces: [NodeRef],
  fields: (t) => ({
    url: t.exposeString('url', { description: 'Address of the pull request.' }),
    number: t.exposeInt('number', { nullable: true, description: 'Number of the pull request. Null when nobody said.' }),
    state: t.expose('state', { type: PullRequestStateRef, description: 'Where the pull request stands.' }),
    task: t.relation('task', { description: 'The ticket.' }),
    comments: t.prismaConnection(
      {
        type: ReviewCommentRef,
        cursor: 'organizationId_id',
        description: 'What was said on the pull request, as far as it is known here, oldest first.',
        resolve: (query, pullRequest, _args, { prisma }) => {
          const where = { pullRequestId: pullRequest.id, organizationId: pullRequest.organizationId };
          return prisma.reviewComment.findMany(pageById(query, where, 'asc'));
        },
      },
      ...connectionOf('ReviewComment', ReviewCommentRef),
    ),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'Time at which the pull request was named.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'Time of the last change.' }),
  }),
});

builder.prismaObjectField(TaskRef, 'pullRequests', (t) =>
  t.prismaConnection(
    {
      type: PullRequestRef,
      cursor: 'organizationId_id',
      description: 'Pull requests with the work on the task, newest first.',
      resolve: (query, task, _args, { prisma }) =>
        prisma.pullRequest.findMany(pageById(query, { taskId: task.id, organizationId: task.organizationId }, 'desc')),
    },
    ...connectionOf('PullRequest', PullRequestRef),
  ),
);

mutation('reviewRequest', {
  description:
    'Have an agent answer a comment on the pull request of a ticket: puts a REVIEW job into the queue, unless there is one for the comment.',
  input: reviewRequestInput,
  run: (services, context, input) => services.reviews.request(context.viewer, input),
  payload: (t) => ({
    job: t.field({
      type: JobRef,
      nullable: true,
      description: 'The job for the comment, new or not. Null on errors.',
      resolve: (payload) => payload.job,
    }),
    isNew: t.boolean({
      description: 'Whether the job was put into the queue now.',
      resolve: (payload) => payload.isNew ?? false,
    }),
  }),
});
