import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Authenticator } from './auth/authenticator.js';
import { LiveCredentials } from './auth/live-credentials.js';
import { SignInLimit } from './auth/sign-in-limit.js';
import { WorkerAuthenticator } from './auth/worker-authenticator.js';
import { type Config, drainMs, noticeMs, redisAddress } from './config.js';
import type { Database, OwnedDatabase } from './database/database.js';
import { DatabaseClock } from './database/database-clock.js';
import { databaseName } from './database/database-name.js';
import { startEmbeddedPostgres } from './database/embedded/embedded-postgres.js';
import { currentPosition } from './database/event-log.js';
import { applyMigrations, newestMigration } from './database/migration-runner.js';
import { openDatabase } from './database/pg-database.js';
import { startRetention } from './database/retention.js';
import { AgentHealthWatch } from './features/agents/agent.health.js';
import { sweepStatement as sweepJobs } from './features/jobs/sql/expire.sql.js';
import { LeaseExpiry } from './features/lease-expiry.js';
import { MemoryBackfill } from './features/memory/memory.backfill.js';
import { Embeddings } from './features/memory/memory.embeddings.js';
import { findPgvector, MemorySearch } from './features/memory/memory.search.js';
import { createServices, type ServiceOptions } from './features/services.js';
import { SettingCipher } from './features/settings/setting.cipher.js';
import { sweepStatement as sweepTasks } from './features/tasks/sql/expire.sql.js';
import type { GraphqlContext } from './graphql/context.js';
import type { OperationSource } from './graphql/operation.js';
import { buildSchema } from './graphql/schema.js';
import { GraphqlServer, graphqlPath } from './graphql/server.js';
import { Arrivals } from './http/arrivals.js';
import { DashboardFiles } from './http/dashboard-files.js';
import { HealthServer } from './http/health.js';
import { leaveIdleConnectionsToClients } from './http/idle-connections.js';
import { RequestAccess } from './http/request-access.js';
import { createLogger, type Logger } from './kernel/logger.js';
import { packageDirectory } from './kernel/package.js';
import { continueTrace } from './kernel/tracing.js';
import { Metrics } from './metrics/metrics.js';
import { MetricsServer, metricsPath } from './metrics/metrics-server.js';
import { CostBudget } from './rate-limits/cost-budget.js';
import { MemoryRateLimiter } from './rate-limits/memory-rate-limiter.js';
import type { RateLimit, RateLimiter } from './rate-limits/rate-limiter.js';
import { RedisRateLimiter } from './rate-limits/redis-rate-limiter.js';
import type { EventBus } from './realtime/event-bus.js';
import { EventTailer } from './realtime/event-tailer.js';
import { MemoryEventBus } from './realtime/memory-event-bus.js';
import { RedisEventBus } from './realtime/redis-event-bus.js';
import { SubscriptionHub } from './realtime/subscription-hub.js';
import { createAuthentication } from './rest/authentication.js';
import { type OrchestratorLimit, OrchestratorQuota } from './rest/orchestrator-quota.js';
import { RestServer } from './rest/server.js';

/** Events of the past that are kept in memory from the start, so that clients that reconnect after a restart cost no query. */
const warmEvents = 4096;

/** Connections that may wait to be accepted, as far as the operating system allows: thousands come at once when another replica stops. */
const backlogMax = 4096;

/** A running server. */
export interface App {
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  url: string;
  /**
   * Sends load balancers away and lets go of connections as they are answered, but serves everybody, for the time of the
   * configuration or until `hurry`: so that nothing is on its way here when it stops. After a quarter of that time, when load
   * balancers have noticed, websockets are closed one after another.
   */
  drain(hurry: AbortSignal): Promise<void>;
  /** Finishes what is in flight, within the grace of the configuration, and lets go of everything. May be called twice. */
  stop(): Promise<void>;
}

export interface AppOptions {
  logger?: Logger;
  /** False leaves the sweeping of lapsed leases and silent agents to other replicas. */
  runsClockwork?: boolean;
}

/** Starts everything a server needs, each part once; whatever was started is stopped again when a later part fails. */
export async function startApp(config: Config, options: AppOptions = {}): Promise<App> {
  const { logger = createLogger(config.LOG_LEVEL), runsClockwork = true } = options;
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (let last = stops.pop(); last; last = stops.pop()) await last();
  };
  try {
    const { url, drain } = await start(config, logger, runsClockwork, stops);
    return { url, drain, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Each part pushes how it is stopped; they are stopped in the reverse order. */
async function start(
  config: Config,
  logger: Logger,
  runsClockwork: boolean,
  stops: (() => Promise<void> | void)[],
): Promise<Pick<App, 'url' | 'drain'>> {
  const database = await startDatabase(config, logger, stops);
  // Deployments may share a Redis: each keeps to its own database's part of it.
  const namespace = `baton:${await databaseName(database)}`;
  const bus = await startBus(config, namespace, logger, stops);
  database.onCommit(() => bus.nudge());
  const clock = await DatabaseClock.start(database);

  const hub = new SubscriptionHub({
    sql: database,
    logger,
    position: await currentPosition(database, warmEvents),
    subscriberBuffer: config.SUBSCRIBER_BUFFER,
  });
  const tailer = new EventTailer({ sql: database, hub, bus, pollIntervalMs: config.POLL_INTERVAL_MS, logger });
  await tailer.start();
  stops.push(() => tailer.stop());
  stops.push(
    startRetention({
      sql: database,
      retentionDays: config.EVENT_RETENTION_DAYS,
      idempotencyHours: config.IDEMPOTENCY_HOURS,
      logger,
    }),
  );

  const clockwork = { intervalMs: config.SWEEP_INTERVAL_MS, logger };
  const expiry = new LeaseExpiry(database, clock, sweepTasks, clockwork);
  const jobExpiry = new LeaseExpiry(database, clock, sweepJobs, clockwork);
  const healthLimits = { staleSeconds: config.AGENT_STALE_SECONDS, offlineSeconds: config.AGENT_OFFLINE_SECONDS };
  const healthWatch = new AgentHealthWatch(database, healthLimits, clockwork);
  if (runsClockwork) {
    for (const loop of [expiry, jobExpiry, healthWatch]) {
      loop.start();
      stops.push(() => loop.stop());
    }
  }

  const serviceOptions: ServiceOptions = {
    onLease: (leaseSeconds) => expiry.expectLapseIn(leaseSeconds),
    onJobLease: (leaseSeconds) => jobExpiry.expectLapseIn(leaseSeconds),
    jobLeaseSeconds: config.JOB_LEASE_SECONDS,
    sessionHours: config.SESSION_HOURS,
    signInLimit: new SignInLimit(),
    settingCipher: config.TERARCHITECT_SECRET_KEY ? new SettingCipher(config.TERARCHITECT_SECRET_KEY) : null,
    workerApiKey: config.TERARCHITECT_WORKER_API_KEY,
  };
  const services = createServices(database, serviceOptions);
  const embeddings = new Embeddings({
    serviceUrl: config.EMBEDDING_SERVICE_URL,
    apiKey: config.EMBEDDING_API_KEY,
    model: config.EMBEDDING_MODEL,
    timeoutMs: config.EMBEDDING_TIMEOUT_MS,
    settings: (organizationId, keys) => services.settings.effective(organizationId, keys),
    logger,
  });
  const backfill = new MemoryBackfill({ database, embeddings, hub, logger });
  if (runsClockwork) backfill.start();
  stops.push(() => backfill.stop());
  const memory = new MemorySearch({ database, embeddings, backfill, hasPgvector: await findPgvector(database) });
  const openMode = !config.ADMIN_TOKEN;
  const authenticator = new Authenticator({ database, adminToken: config.ADMIN_TOKEN });
  const workerAuthenticator = new WorkerAuthenticator({
    authenticator,
    database,
    workerKey: (organizationId) => services.settings.workerKey(organizationId),
    isOpen: openMode,
  });
  const liveCredentials = new LiveCredentials({ database, hub, logger });
  liveCredentials.start();
  stops.push(() => liveCredentials.stop());

  const metrics = new Metrics();
  const servicesOn = (other: Database) => createServices(other, serviceOptions);

  // In one literal: to copy the source's properties would cost more than the rest.
  const createContext = ({ requestId, viewer, transport, setHeader }: OperationSource): GraphqlContext => ({
    requestId,
    viewer,
    transport,
    setHeader,
    prisma: database.prisma,
    database,
    clock,
    healthLimits,
    hub,
    memory,
    services,
    servicesOn,
    metrics,
  });
  const access = new RequestAccess({ corsOrigins: config.CORS_ORIGINS, openMode });
  const dashboard = new DashboardFiles({ directory: path.join(packageDirectory(), 'dist/dashboard'), access });
  const rateLimiter = await startRateLimiter(config, namespace, logger, stops);
  const costBudget = createCostBudget(config, rateLimiter, stops);
  const graphql = new GraphqlServer({
    schema: buildSchema(),
    createContext,
    authenticate: (credentials) => authenticator.authenticate(credentials),
    liveCredentials,
    logger,
    metrics,
    costBudget,
    maxBodyBytes: config.MAX_BODY_BYTES,
    corsOrigins: config.CORS_ORIGINS,
    openMode,
    socketLimits: {
      socketsPerCredential: config.WEBSOCKETS_PER_CREDENTIAL,
      operationsPerSocket: config.WEBSOCKET_OPERATIONS,
      messagesPerSecond: config.WEBSOCKET_MESSAGES_PER_SECOND,
    },
  });
  const quota = new OrchestratorQuota(rateLimiter);
  const queueNeedsCredential = !openMode && config.QUEUE_AUTH === 'on';
  const rest = new RestServer({
    database,
    clock,
    healthLimits,
    queueLeaseSeconds: config.QUEUE_LEASE_SECONDS,
    memory,
    services,
    servicesOn,
    authenticate: createAuthentication({ authenticator, workerAuthenticator, openMode, queueNeedsCredential }),
    admit: { orchestrator: (viewer, setHeader) => quota.admit(viewer, setHeader) },
    access,
    needsCredential: { coordinator: !openMode, orchestrator: !openMode, queue: queueNeedsCredential, worker: !openMode },
    logger,
    metrics,
    maxBodyBytes: {
      coordinator: config.MAX_BODY_BYTES,
      orchestrator: config.MAX_BODY_BYTES,
      queue: config.MAX_BODY_BYTES,
      worker: config.MAX_WORKER_BODY_BYTES,
    },
  });
  metrics.observe({ database, clock, hub, tailer, socketCount: () => graphql.socketCount });
  const metricsServer = new MetricsServer({
    metrics,
    token: config.METRICS_TOKEN,
    access,
    authenticate: (credentials) => authenticator.authenticate(credentials),
    logger,
  });
  const health = new HealthServer({
    isReadable: () => tailer.isReading,
    migration: await newestMigration(),
    bus: redisAddress(config) ? () => bus.isHealthy : null,
  });
  let isLeaving = false;
  const leave = () => {
    isLeaving = true;
    for (const face of [health, graphql, rest]) face.leave();
  };
  const route = (request: IncomingMessage, response: ServerResponse) => {
    const pathname = request.url?.split('?', 1)[0];
    if (pathname === graphqlPath) void graphql.handler(request, response);
    else if (dashboard.serves(pathname)) void dashboard.handler(request, response);
    else if (health.answers(pathname)) health.handler(request, response);
    else if (pathname === metricsPath) void metricsServer.handler(request, response);
    else void rest.handler(request, response);
  };
  const server = createServer(timeLimits(config), (request, response) => {
    if (isLeaving) response.setHeader('connection', 'close');
    continueTrace(request.headers, () => route(request, response));
  });
  const arrivals = new Arrivals(server);
  leaveIdleConnectionsToClients(server);
  graphql.attach(server);
  await listen(server, config);
  stops.push(async () => {
    leave();
    const end = performance.now() + config.SHUTDOWN_GRACE_MS;
    const leftMs = () => Math.max(0, end - performance.now());
    await arrivals.close(leftMs());
    await Promise.all([graphql.stop(leftMs()), rest.stop(leftMs())]);
    hub.close();
    server.closeAllConnections();
  });
  const url = urlOf(server, config);
  logger.info(
    {
      board: `${url}/`,
      url: `${url}${graphqlPath}`,
      mode: config.ADMIN_TOKEN ? 'credentials required' : 'open development mode, loopback only',
    },
    'Baton is ready',
  );
  const drain = async (hurry: AbortSignal) => {
    leave();
    // Rejects when there is a hurry.
    await delay(noticeMs(config), undefined, { signal: hurry }).catch(() => {});
    await graphql.sendAway(drainMs(config) - noticeMs(config), hurry);
  };
  return { url, drain };
}

async function startDatabase(config: Config, logger: Logger, stops: (() => Promise<void> | void)[]): Promise<OwnedDatabase> {
  let url = config.DATABASE_URL;
  if (!url) {
    const embedded = await startEmbeddedPostgres({ dataDir: config.DATA_DIR, logger });
    stops.push(() => embedded.stop());
    url = embedded.url;
  }
  await applyMigrations({ databaseUrl: url, logger });
  const database = openDatabase({ url, poolSize: config.DATABASE_POOL_SIZE, logger });
  stops.push(() => database.close());
  return database;
}

async function startBus(
  config: Config,
  namespace: string,
  logger: Logger,
  stops: (() => Promise<void> | void)[],
): Promise<EventBus> {
  const address = redisAddress(config);
  const bus = address ? new RedisEventBus({ address, namespace, logger }) : new MemoryEventBus({ logger });
  stops.push(() => bus.close());
  await bus.start();
  logger.info(address ? 'Replicas wake each other through Redis' : 'No REDIS_URL: replicas, if any, find events by polling');
  return bus;
}

async function startRateLimiter(
  config: Config,
  namespace: string,
  logger: Logger,
  stops: (() => Promise<void> | void)[],
): Promise<RateLimiter<OrchestratorLimit | 'cost'>> {
  const limits = {
    cost: costLimit(config),
    user: { requests: config.ORCHESTRATOR_USER_LIMIT_PER_MINUTE, windowSeconds: 60 },
    organization: { requests: config.ORCHESTRATOR_ORGANIZATION_LIMIT_PER_HOUR, windowSeconds: 3600 },
  };
  const address = redisAddress(config);
  if (!address) return new MemoryRateLimiter(limits);
  const limiter = new RedisRateLimiter({ address, namespace, limits, logger });
  stops.push(() => limiter.close());
  await limiter.start();
  return limiter;
}

function costLimit({ GRAPHQL_COST_LIMIT_PER_MINUTE }: Config): RateLimit {
  return { requests: GRAPHQL_COST_LIMIT_PER_MINUTE, windowSeconds: 60 };
}

/** Null when there is no limit. */
function createCostBudget(config: Config, limiter: RateLimiter<'cost'>, stops: (() => void)[]): CostBudget | null {
  if (config.GRAPHQL_COST_LIMIT_PER_MINUTE === 0) return null;
  // Without Redis no other process counts with the same limiter.
  const budget = new CostBudget({ limit: costLimit(config), limiter: redisAddress(config) ? limiter : null });
  stops.push(() => budget.close());
  return budget;
}

/** How long a request may take to arrive, so that whoever sends a byte now and then keeps no connection for it. */
function timeLimits({ REQUEST_TIMEOUT_MS }: Config): ServerOptions {
  return {
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: Math.min(15_000, REQUEST_TIMEOUT_MS),
    connectionsCheckingInterval: Math.min(5000, REQUEST_TIMEOUT_MS / 4),
  };
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? `port ${config.PORT} is taken: set PORT to another one` : error.message;
      reject(new Error(`Cannot listen on ${config.HOST}: ${reason}`, { cause: error }));
    });
    server.listen({ port: config.PORT, host: config.HOST, backlog: backlogMax }, resolve);
  });
}

function urlOf(server: Server, config: Config): string {
  const { port } = server.address() as AddressInfo;
  return `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`;
}
