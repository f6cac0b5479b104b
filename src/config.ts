import { z } from 'zod';
import type { RedisAddress } from './kernel/redis-address.js';

/** A whole number from the environment. */
const integer = (minimum: number, maximum: number) => {
  const error = `must be a whole number from ${minimum} to ${maximum}`;
  return z
    .string()
    .regex(/^-?\d+$/, error)
    .transform(Number)
    .pipe(z.number().min(minimum, error).max(maximum, error));
};

const oneOf = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` });

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

/** Every variable Baton reads, each with a sentence, a unit where it has one, and its default. The README's table is tested against it. */
const variables = {
  HOST: z.string().default('127.0.0.1').describe('Address to listen on. Any address but loopback needs `ADMIN_TOKEN`.'),
  PORT: integer(0, 65_535).default(4000).describe('TCP port to listen on. 0 takes a free one.'),
  DATABASE_URL: url('postgres:', 'postgresql:')
    .optional()
    .describe('Postgres to use, as a URL. Unset: an embedded Postgres under `DATA_DIR`.'),
  DATABASE_POOL_SIZE: integer(2, 500).default(20).describe('Connections to Postgres that one server process opens at most.'),
  REDIS_URL: z
    .string()
    // A comma may be part of a password as well.
    .transform((text) => text.split(/,(?=\s*rediss?:)/).map((each) => each.trim()))
    .pipe(z.array(url('redis:', 'rediss:')))
    .default([])
    .describe(
      'Redis that carries wake-ups between replicas and counts requests over all of them, as a URL. Unset: in-process only.',
    ),
  REDIS_CLUSTER: oneOf(['on', 'off'])
    .default('off')
    .describe('On takes `REDIS_URL` for nodes of a Redis Cluster, separated by commas, by which the others are found.'),
  DATA_DIR: z.string().min(1).default('.baton').describe('Directory of the embedded Postgres, made when missing.'),
  ADMIN_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(512, 'must have at most 512 characters')
    .optional()
    .describe('Bearer token with every right. Unset: open development mode, on loopback only.'),
  METRICS_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .max(512, 'must have at most 512 characters')
    .optional()
    .describe('Bearer token that is good for `/metrics` alone. Unset: the operator reads them, with `ADMIN_TOKEN`.'),
  TERARCHITECT_SECRET_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')
    .optional()
    .describe('Key that secret settings are encrypted with: 64 hexadecimal digits. Unset: none can be stored.'),
  TERARCHITECT_WORKER_API_KEY: z
    .string()
    .trim()
    .max(512, 'must have at most 512 characters')
    .optional()
    .describe('Key that worker processes send, unless the setting of this name has another.'),
  LOG_LEVEL: oneOf(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])
    .default('info')
    .describe('Least severe level of log line that is written.'),
  EVENT_RETENTION_DAYS: integer(1, 3650)
    .default(30)
    .describe('Days for which the event log, and so history and cursors, are kept.'),
  SWEEP_INTERVAL_MS: integer(50, 1000)
    .default(500)
    .describe('Milliseconds between two looks for lapsed leases when none is known to lapse sooner.'),
  POLL_INTERVAL_MS: integer(20, 1000)
    .default(1000)
    .describe('Milliseconds between two looks at the event log when nothing wakes the reader.'),
  SUBSCRIBER_BUFFER: integer(10, 1_000_000)
    .default(10_000)
    .describe('Events that may wait for one subscriber before its stream ends with `RESYNC_REQUIRED`.'),
  AGENT_STALE_SECONDS: integer(1, 86_400).default(120).describe('Seconds without a heartbeat after which an agent is STALE.'),
  AGENT_OFFLINE_SECONDS: integer(2, 604_800)
    .default(300)
    .describe('Seconds without a heartbeat after which an agent is OFFLINE.'),
  JOB_LEASE_SECONDS: integer(1, 86_400)
    .default(7200)
    .describe('Seconds without a heartbeat after which the run of a job is lost, and the job waits again.'),
  EMBEDDING_SERVICE_URL: url('http:', 'https:')
    .refine((text) => !URL.canParse(text) || new URL(text).username === '', 'must not have a user name: set EMBEDDING_API_KEY')
    .optional()
    .describe('OpenAI-compatible service that makes memory searchable by meaning, as a URL. Unset: by words only.'),
  EMBEDDING_API_KEY: z
    .string()
    .trim()
    .max(1000, 'must have at most 1000 characters')
    .optional()
    .describe('Key that the embedding service is sent.'),
  EMBEDDING_MODEL: z
    .string()
    .trim()
    .max(200, 'must have at most 200 characters')
    .default('text-embedding-3-small')
    .describe('Model that the embedding service is asked for.'),
  EMBEDDING_TIMEOUT_MS: integer(100, 120_000)
    .default(10_000)
    .describe('Milliseconds that one request to the embedding service may take.'),
  SESSION_HOURS: integer(1, 8760).default(72).describe('Hours for which a sign-in lasts.'),
  IDEMPOTENCY_HOURS: integer(1, 8760).default(24).describe('Hours for which the first answer to an idempotency key is kept.'),
  MAX_BODY_BYTES: integer(1024, 104_857_600)
    .default(1_048_576)
    .describe('Bytes of the largest request body, and of the largest websocket message.'),
  MAX_WORKER_BODY_BYTES: integer(1024, 104_857_600)
    .default(16_777_216)
    .describe('The same for the worker dialect, whose logs carry whole transcripts.'),
  QUEUE_AUTH: oneOf(['on', 'off'])
    .default('on')
    .describe('Off lets the queue dialect, whose clients can send no credential, be called without one: for trusted networks.'),
  QUEUE_LEASE_SECONDS: integer(60, 86_400)
    .default(86_400)
    .describe('Seconds that a claim over the queue dialect lasts without a heartbeat of its agent.'),
  ORCHESTRATOR_USER_LIMIT_PER_MINUTE: integer(1, 1_000_000)
    .default(100)
    .describe('Requests to the orchestrator dialect that one caller may send in a minute.'),
  ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR: integer(1, 100_000_000)
    .default(1000)
    .describe('Requests to the orchestrator dialect that all callers of an organization may send in an hour.'),
  GRAPHQL_COST_LIMIT_PER_MINUTE: integer(0, 1_000_000_000)
    .refine((limit) => limit === 0 || limit >= 20_000, 'must be 0, or at least 20000, which one operation may cost')
    .default(30_000_000)
    .describe(
      'What one credential may spend on GraphQL in a minute: a field costs 1, times the rows of the lists around it, and one operation at most 20000. 0 is no limit.',
    ),
  WEBSOCKETS_PER_CREDENTIAL: integer(0, 1_000_000)
    .default(20_000)
    .describe('Websockets that one credential may have open at a server. 0 is no limit.'),
  WEBSOCKET_OPERATIONS: integer(0, 1_000_000)
    .default(1000)
    .describe('Operations, subscriptions above all, that may run at once over one websocket. 0 is no limit.'),
  WEBSOCKET_MESSAGES_PER_SECOND: integer(0, 1_000_000)
    .default(1000)
    .describe(
      'Messages that may come over one websocket in a second, and five times as many at once after a pause. 0 is no limit.',
    ),
  REQUEST_TIMEOUT_MS: integer(100, 3_600_000)
    .default(60_000)
    .describe('Milliseconds in which a request must have arrived whole; its headers in at most 15000 of them.'),
  CORS_ORIGINS: list.default([]).describe('Origins, separated by commas, that browsers may call from besides the server’s own.'),
  SHUTDOWN_DRAIN_MS: integer(0, 60_000)
    .optional()
    .describe(
      'Milliseconds for which a server still serves once told to stop, until load balancers have heard it from `/readyz`. Unset: 6000, or 0 in open mode.',
    ),
  SHUTDOWN_GRACE_MS: integer(0, 60_000).default(3000).describe('Milliseconds that requests in flight get to finish after that.'),
} satisfies Record<string, z.ZodType>;

export type Config = Readonly<z.infer<z.ZodObject<typeof variables>>>;

/** The environment cannot be used; `problems` has one line for each thing that is wrong with it. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(`The configuration has ${problems.length} problem(s):\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads, checks and freezes the configuration; an empty variable counts as unset. `flags`, of a command line, go before the
 * environment. Throws ConfigError with every problem at once.
 */
export function loadConfig(
  environment: NodeJS.ProcessEnv = process.env,
  flags: Partial<Record<keyof Config, string>> = {},
): Config {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const given: NodeJS.ProcessEnv = { ...environment, ...flags };
  for (const [name, schema] of Object.entries(variables)) {
    const parsed = schema.safeParse(given[name] === '' ? undefined : given[name]);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => `${name} ${issue.message}`));
  }
  problems.push(...problemsBetween(values as Partial<Config>, { hasAdminToken: Boolean(given.ADMIN_TOKEN) }));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values as Config);
}

/** What no variable shows by itself. A value that is wrong in itself is left out: that problem is told already. */
function problemsBetween(values: Partial<Config>, { hasAdminToken }: { hasAdminToken: boolean }): string[] {
  const { HOST = '127.0.0.1', AGENT_STALE_SECONDS = 0, AGENT_OFFLINE_SECONDS = Number.POSITIVE_INFINITY } = values;
  const { REDIS_URL, REDIS_CLUSTER } = values;
  const problems: string[] = [];
  if (!hasAdminToken && !isLoopback(HOST)) {
    problems.push(`HOST is ${HOST}, which others can reach, but ADMIN_TOKEN is not set: set one, or listen on 127.0.0.1`);
  }
  if (AGENT_OFFLINE_SECONDS <= AGENT_STALE_SECONDS) problems.push('AGENT_OFFLINE_SECONDS must be more than AGENT_STALE_SECONDS');
  if (REDIS_CLUSTER === 'off' && REDIS_URL && REDIS_URL.length > 1) {
    problems.push('REDIS_URL names several: set REDIS_CLUSTER to on if they are nodes of a cluster, or name one');
  }
  if (REDIS_CLUSTER === 'on' && REDIS_URL?.length === 0) problems.push('REDIS_CLUSTER is on, but REDIS_URL names no node');
  return problems;
}

/** Where the configured Redis is; null when there is none. */
export function redisAddress({ REDIS_URL, REDIS_CLUSTER }: Config): RedisAddress | null {
  return REDIS_URL.length > 0 ? { urls: REDIS_URL, isCluster: REDIS_CLUSTER === 'on' } : null;
}

/** How long a server that was told to stop still serves. Nobody balances the load of one that answers on loopback only. */
export function drainMs({ SHUTDOWN_DRAIN_MS, ADMIN_TOKEN }: Config): number {
  return SHUTDOWN_DRAIN_MS ?? (ADMIN_TOKEN ? 6000 : 0);
}

/** The part of it in which load balancers notice; clients that are sent away sooner may be led back. */
export function noticeMs(config: Config): number {
  return drainMs(config) / 4;
}

/** Name, description and default of every variable, for the README's table. */
export function describeConfig(): { name: string; description: string; defaultValue: string }[] {
  return Object.entries(variables).map(([name, schema]) => {
    const parsed = z.object({ value: schema }).safeParse({});
    const value = parsed.success ? parsed.data.value : undefined;
    const defaultValue = value === undefined || (Array.isArray(value) && value.length === 0) ? '' : String(value);
    return { name, description: schema.description ?? '', defaultValue };
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
