import type { WorkerContext } from '../api/answers.js';
import { excerpt } from '../excerpt.js';

/**
 * What of the context a model is told. A list of what may be said, not of what may not: settings, with their secrets, and
 * addresses, which may carry credentials, are never in it, and neither is what a later server adds.
 */
const contextFields = [
  'project_name',
  'project_description',
  'current_ticket',
  'graph_relevant_to_current_ticket',
  'notes',
  'in_progress_tickets',
  'backlog_tickets',
  'done_tickets',
] as const satisfies (keyof WorkerContext)[];

const ticketFields = ['id', 'title', 'description', 'priority', 'associated_nodes_labeled', 'associated_edges_labeled'];

/** Characters of the context as a model is shown it. */
const contextLengthMax = 40_000;

/** The context of a ticket, as a model may see it. */
export function describeContext(context: WorkerContext): string {
  const shown: Record<string, unknown> = Object.fromEntries(contextFields.map((name) => [name, context[name]]));
  const ticket: Record<string, unknown> = context.current_ticket;
  shown.current_ticket = Object.fromEntries(ticketFields.map((name) => [name, ticket[name]]));
  return excerpt(JSON.stringify(shown, null, 1), contextLengthMax);
}

/** A turn of the worker: what it was told, and what it said. */
export interface Turn {
  prompt: string;
  output: string;
}

/** What the Director decides on. */
export interface Situation {
  context: WorkerContext;
  /** What the project remembers that has to do with it. */
  memories: string[];
  /** Approved, or to be reviewed; none for a setup or a review. */
  plan?: string | undefined;
  /** Of a review: the comment to answer. */
  comment?: string | undefined;
  turns: readonly Turn[];
}

/** Turns that the Director is shown, the last one at length. */
const turnsShown = 8;

export function describeSituation({ context, memories, plan, comment, turns }: Situation): string {
  const latest = turns.slice(-turnsShown).map(({ prompt, output }, index, shown) => {
    const isLast = index === shown.length - 1;
    const said = excerpt(output, isLast ? 12_000 : 2000) || '(nothing)';
    return `### Turn ${turns.length - shown.length + index + 1}\nThe worker was told:\n${excerpt(prompt, 2000)}\nThe worker said:\n${said}`;
  });
  return sections([
    ['Project and ticket', describeContext(context)],
    ['What the project remembers', describeMemories(memories)],
    ['Comment on the pull request', excerpt(comment ?? '', 20_000)],
    ['Plan', excerpt(plan ?? '', 20_000)],
    [`Turns of the worker so far: ${turns.length}`, latest.join('\n\n')],
  ]);
}

export function describeMemories(memories: string[]): string {
  return memories.map((memory) => `- ${excerpt(memory, 2000)}`).join('\n');
}

/** Sections with their headings; empty ones are left out. */
export function sections(parts: [heading: string, text: string][]): string {
  return parts
    .filter(([, text]) => text.trim() !== '')
    .map(([heading, text]) => `## ${heading}\n${text.trim()}`)
    .join('\n\n');
}
