import { z } from 'zod';

/** What the Director answers, each as one JSON object. Source: contracts.md 4.3, Director. */

const text = z
  .string()
  .nullish()
  .transform((value) => value?.trim() ?? '');

/** What to do next, or that all is done. */
export const turnAnswer = z
  .object({
    complete: z.boolean(),
    summary: text,
    next_prompt: text,
  })
  .refine(({ complete, next_prompt }) => complete || next_prompt !== '', {
    path: ['next_prompt'],
    error: 'must say what to do next, as complete is false',
  });

/** Whether a plan is good enough to be carried out. */
export const planAnswer = z
  .object({
    plan_approved: z.boolean(),
    approved_plan_text: text,
    summary: text,
    next_prompt: text,
  })
  .refine(({ plan_approved, summary, next_prompt }) => plan_approved || summary + next_prompt !== '', {
    path: ['next_prompt'],
    error: 'must say what to change, as plan_approved is false',
  });

/** The work in words for people: the text of a pull request, or the reply to a comment. */
export const reportAnswer = z.object({
  title: text,
  summary: z.string().trim().min(1, 'must not be empty'),
});

export type ReportAnswer = z.infer<typeof reportAnswer>;
