import type { TaskCreateManyItemInput } from '../sdk/generated.js';

/** How the work on a task goes: most of it is simply done. */
export type Course =
  | 'done'
  /** A human looks at it before it is done. */
  | 'review'
  /** It is blocked when it is first worked on, until a human has unblocked it. */
  | 'blocked'
  | 'failed'
  /** All agents want it at once. */
  | 'raced'
  /** An agent without the specialization gets it by an override. */
  | 'overridden'
  /** It stays in the backlog until a human cancels it. */
  | 'parked';

export interface Work {
  title: string;
  /** What an agent must know to claim it; without one, every agent may. */
  specialization: string | undefined;
  priority: number;
  kind: string;
  course: Course;
  /** In Markdown; most titles say it all. */
  description?: string;
}

const descriptions: Record<string, string> = {
  'Charge cards idempotently': `A customer who presses the button twice must be charged **once**.

- Send the key of the *order*, not of the attempt
- Keep the answer of the payment service for 24 hours

| answer | what to do |
| --- | --- |
| \`409\` | the same key with another amount: give up |
| \`5xx\` | try again, with the same key |
`,
  'Retry failed payment webhooks': 'Back off from 1 s to 5 min, and give up after a day. The staging system needs credentials.',
  'Load-test the sale': 'Last year it was 300 orders/s. This year it has to be **600**.',
};

/** The forty tasks of the project. */
export const backlog: readonly Work[] = [
  task('Rotate the leaked staging key', undefined, 0, 'incident', 'raced'),
  task('Model orders and order lines', 'backend', 5, 'code'),
  task('Expose orders over GraphQL', 'backend', 8, 'code', 'review'),
  task('Validate the cart on the server', 'backend', 12, 'code'),
  task('Charge cards idempotently', 'backend', 15, 'code'),
  task('Retry failed payment webhooks', 'backend', 20, 'code', 'blocked'),
  task('Send receipts by email', 'backend', 25, 'code'),
  task('Cache the price list', 'backend', 30, 'code'),
  task('Limit requests per customer', 'backend', 35, 'code', 'review'),
  task('Log slow queries', 'backend', 55, 'chore'),
  task('Archive old carts', 'backend', 60, 'chore'),
  task('Index orders by customer', 'database', 10, 'code', 'overridden'),
  task('Partition the audit table', 'database', 40, 'code'),
  task('Back up before the migration', 'database', 45, 'chore', 'review'),
  task('Draw the checkout page', 'frontend', 6, 'design'),
  task('Show delivery dates', 'frontend', 14, 'code'),
  task('Make forms work by keyboard', 'frontend', 18, 'code', 'review'),
  task('Load images lazily', 'frontend', 28, 'code'),
  task('Translate the checkout', 'frontend', 32, 'code', 'blocked'),
  task('Remember the last address', 'frontend', 38, 'code'),
  task('Adapt the cart to phones', 'frontend', 42, 'design'),
  task('Drop the old style sheet', 'frontend', 70, 'chore'),
  task('Test a checkout end to end', 'testing', 9, 'test', 'review'),
  task('Test double submission', 'testing', 16, 'test'),
  task('Load-test the sale', 'testing', 22, 'test', 'failed'),
  task('Fuzz the coupon field', 'testing', 34, 'test'),
  task('Check screen readers', 'testing', 44, 'test'),
  task('Scan dependencies', 'security', 13, 'audit'),
  task('Review payment permissions', 'security', 19, 'audit', 'review'),
  task('Threat-model guest checkout', 'security', 36, 'audit'),
  task('Set up the staging cluster', 'operations', 7, 'chore'),
  task('Alert on failed payments', 'operations', 17, 'chore'),
  task('Rehearse the rollback', 'operations', 26, 'chore', 'review'),
  task('Rotate logs daily', 'operations', 50, 'chore'),
  task('Write the release notes', 'writing', 23, 'docs', 'review'),
  task('Document the webhooks', 'writing', 33, 'docs'),
  task('Explain refunds to support', 'writing', 48, 'docs'),
  task('Tidy the issue labels', undefined, 80, 'chore'),
  task('Collect open questions', undefined, 85, 'research'),
  task('Port the shop to WAP', undefined, 100, 'code', 'parked'),
];

function task(title: string, specialization: string | undefined, priority: number, kind: string, course: Course = 'done'): Work {
  return { title, specialization, priority, kind, course, description: descriptions[title] };
}

/** The task as it is sent to the server. */
export function taskInput(
  { title, specialization, priority, kind, course, description }: Work,
  projectId: string,
): TaskCreateManyItemInput {
  return {
    title,
    description,
    projectId,
    priority,
    kind,
    requiredSpecialization: specialization,
    status: course === 'parked' ? 'BACKLOG' : 'READY',
  };
}
