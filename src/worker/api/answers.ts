import { z } from 'zod';

/**
 * Answers of the worker dialect, as a worker process reads them: what is missing or odd counts as not said, for older
 * servers say less. Source: contracts.md 1.2.
 */

/** A text; anything else counts as none. */
const text = z.string().catch('');

/** Names with texts; numbers and booleans are taken as text, and whatever is empty or no value is left out. */
const texts = z.record(z.string(), z.unknown()).catch({}).transform(filledTexts);

const list = z.array(z.unknown()).catch([]);

export const workerContext = z.looseObject({
  project_id: text,
  project_name: text,
  project_description: text,
  repo_url: text,
  current_ticket: z.looseObject({ title: text, description: text }).catch({ title: '', description: '' }),
  graph_relevant_to_current_ticket: z.looseObject({ nodes: list, edges: list }).catch({ nodes: [], edges: [] }),
  notes: list,
  backlog_tickets: list,
  in_progress_tickets: list,
  done_tickets: list,
  /** Secrets in plain text. */
  agent_settings: texts,
});

export type WorkerContext = z.infer<typeof workerContext>;

const wholeNumber = z.int().optional().catch(undefined);

export const job = z.looseObject({
  job_id: z.string().min(1),
  ticket_id: z.string().min(1),
  project_id: z.string().min(1),
  kind: z.enum(['ticket', 'review']).catch('ticket'),
  repo_url: text,
  execution_mode: z.enum(['docker', 'local']).catch('docker'),
  project_path: z.string().nullable().catch(null),
  /** Secrets in plain text. */
  agent_env: texts,
  /** Number of this run; a server that knows no fences says none. */
  fence: wholeNumber,
  lease_expires_at: z.string().optional().catch(undefined),
  /** Without it the run needs no heartbeats. */
  lease_seconds: z.number().positive().optional().catch(undefined),
  pr_number: wholeNumber,
  comment_body: z.string().optional().catch(undefined),
  github_comment_id: z.int().nullish().catch(undefined),
});

/** A job that was started. */
export type Job = z.infer<typeof job>;

export const cancelRequested = z.looseObject({ cancel_requested: z.unknown() });

export const memoryResults = z.looseObject({
  results: z
    .array(
      z.looseObject({
        question: text,
        docs: z.array(z.string()).catch([]),
        doc_scores: z.array(z.number()).catch([]),
      }),
    )
    .catch([]),
});

/** What the memory knows of one question, best first. */
export type MemoryResult = z.infer<typeof memoryResults>['results'][number];

export const heartbeat = z.looseObject({ lease_expires_at: z.string().optional().catch(undefined) });

/** By key; of a secret whether it is set, else its value, null when it is not set. */
export const settings = z.record(z.string(), z.unknown());

/** An answer whose status says all. */
export const acknowledged = z.unknown();

function filledTexts(values: Record<string, unknown>): Record<string, string> {
  const filled = Object.entries(values).flatMap(([name, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) && String(value).trim() !== '' ? [[name, String(value)]] : [],
  );
  return Object.fromEntries(filled);
}
