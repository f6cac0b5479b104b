import type { WorkerContext } from '../api/answers.js';
import { describeContext, describeMemories, sections } from '../director/situation.js';
import { excerpt } from '../excerpt.js';

/** What the worker is told in the turns that the Director does not word. */

const rules = `Work in the current directory, which is a checkout of the repository, on the branch of the ticket. Do not commit, do not push and open
no pull request: that is done for you. Leave no notes, plans or logs of your own in the repository. Never print credentials or the
environment. You cannot ask anybody anything: decide, and say what you decided.`;

interface About {
  context: WorkerContext;
  memories: string[];
}

function about({ context, memories }: About): string {
  return sections([
    ['Project and ticket', describeContext(context)],
    ['What the project remembers', describeMemories(memories)],
    ['Rules', rules],
  ]);
}

export function researchPrompt(known: About): string {
  return `Read what you need of this repository to plan the work on the ticket below. Change nothing yet.

${about(known)}

Answer with what matters for the ticket: the files and functions that it concerns, how the project builds, checks and tests, the
conventions that it keeps, what is there already, and what is unclear.`;
}

export function planPrompt(): string {
  return `Now plan the work on the ticket. Change nothing yet, and write the plan to no file: answer with it.

Say step by step what you will change, in which files, which tests you will add, and how you will check the whole. Plan all that the
ticket asks for, and no more.`;
}

export function planRevisionPrompt(feedback: string): string {
  return `The plan is not approved:

${feedback}

Answer with the whole plan, revised. Change nothing yet, and write the plan to no file.`;
}

/** The first turn's, when the Director has none. */
export function executionPrompt(plan: string | undefined): string {
  if (!plan) return 'Do what the ticket asks for, run the checks of the project, and say what you did.';
  return `Carry out the approved plan, run the checks of the project, and say what you did.\n\n## Approved plan\n${plan}`;
}

export function setupPrompt(known: About): string {
  return `Set this project up: what its description and its architecture ask for, so that work on further tickets can begin.

${about(known)}

Make the directories, the build, the formatter, the test runner with a first test, a README that says how to run them, and an ignore
file. Keep what is there already. Run what you have made, and say what you did.`;
}

/** Stands before the first prompt of a review, whose worker has seen nothing yet. */
export function reviewPreface({ comment, ...known }: About & { comment: string }): string {
  return `A reviewer has commented on the pull request of this ticket; its branch is checked out.

${sections([['Comment', excerpt(comment, 20_000)]])}

${about(known)}`;
}
