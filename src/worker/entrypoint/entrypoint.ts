import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { WorkerApi, WorkerApiError } from '../api/worker-api.js';
import { runCommand } from '../command.js';
import { exchange } from '../http-exchange.js';
import { openCodeConfig, type WorkerModel } from '../opencode/server-config.js';
import { Redactor, withoutSecrets } from '../redactor.js';
import { fromServer } from '../runner/agent-settings.js';
import { type EntrypointEnvironment, EntrypointEnvironmentError, readEnvironment } from './environment.js';
import { Service } from './service.js';

/** Milliseconds in which Docker, and then OpenCode, must be ready. */
const readyWithinMs = 30_000;

/** Something that the agent needs cannot be had. */
class EntrypointError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EntrypointError';
  }
}

/** The container was told to stop before the runner ran. */
class StoppedError extends Error {
  constructor(readonly signal: NodeJS.Signals) {
    super(`stopped by ${signal} before the agent ran`);
    this.name = 'StoppedError';
  }
}

/** Variables of OpenCode that the commands which it runs for its model must not see: models like to look at `env`. */
const hiddenFromCommands = ['OPENCODE_CONFIG_CONTENT', 'OPENCODE_SERVER_PASSWORD', 'BASH_ENV'];

/**
 * Runs `baton agent-entrypoint`, the first program of an agent's container: the Docker engine, OpenCode, then the runner, and
 * ends what it has started. Answers the exit code: the runner's, else 1, or 128 and the number of the signal that came before
 * the runner ran. Source: contracts.md 4.4; docs/worker.md has a table of every end.
 */
export async function agentEntrypoint(): Promise<number> {
  let environment: EntrypointEnvironment;
  try {
    environment = readEnvironment();
  } catch (error) {
    if (!(error instanceof EntrypointEnvironmentError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    return 1;
  }
  const redactor = new Redactor();
  redactor.addNamed(environment.variables);
  return new Entrypoint(environment, redactor).run();
}

class Entrypoint {
  readonly #services: Service[] = [];
  readonly #stop = new AbortController();
  #scratch: string | undefined;

  constructor(
    private readonly environment: EntrypointEnvironment,
    private readonly redactor: Redactor,
  ) {}

  async run(): Promise<number> {
    const onSignal = (signal: NodeJS.Signals) => this.#stop.abort(new StoppedError(signal));
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    try {
      await this.#startEngine();
      const forRunner = await this.#startOpenCode();
      this.#stop.signal.throwIfAborted();
      return await this.#runRunner(forRunner);
    } catch (error) {
      const { signal } = this.#stop;
      if (signal.aborted) return this.#stopped(signal.reason as StoppedError);
      if (!(error instanceof EntrypointError)) throw error;
      this.#say(error.message);
      return 1;
    } finally {
      await Promise.all(this.#services.map((service) => service.end()));
      if (this.#scratch) await rm(this.#scratch, { recursive: true, force: true });
      process.off('SIGTERM', onSignal);
      process.off('SIGINT', onSignal);
    }
  }

  #stopped({ message, signal }: StoppedError): number {
    this.#say(message);
    return 128 + constants.signals[signal];
  }

  /** An engine of the container's own, so that jobs cannot harm one another; none where there is one to use, or none in the image. */
  async #startEngine(): Promise<void> {
    if (this.environment.hasDockerHost) return;
    const env = withoutSecrets(this.environment.variables);
    const isReady = () =>
      runCommand('docker', ['info'], { env, timeoutMs: 5_000 }).then(
        () => true,
        () => false,
      );
    // A socket of the host's engine may be mounted.
    if (await isReady()) return this.#say('using the Docker engine at its socket');
    const engine = new Service('dockerd', ['--host=unix:///var/run/docker.sock', '--log-level=warn'], { env });
    this.#services.push(engine);
    const reason = await engine.unreadyReason(isReady, { withinMs: readyWithinMs, signal: this.#stop.signal });
    if (reason === null) return this.#say('started a Docker engine of its own');
    if (reason === 'is not installed') return this.#say('this image has no dockerd: the agent has no Docker');
    this.#showLastWords(engine);
    throw new EntrypointError(
      `dockerd ${reason}. It needs a container that runs with --privileged; or set DOCKER_HOST to an engine elsewhere.`,
    );
  }

  /** Answers what the runner must know to use it. */
  async #startOpenCode(): Promise<NodeJS.ProcessEnv> {
    const { mode, model } = await this.#workerSettings();
    if (mode === 'claude-code') return {};
    const { port, username, password = randomBytes(32).toString('base64url') } = this.environment.openCode;
    this.redactor.add([password]);
    const credentials = { OPENCODE_SERVER_USERNAME: username, OPENCODE_SERVER_PASSWORD: password };
    this.#scratch = await mkdtemp(path.join(tmpdir(), 'baton-entrypoint-'));
    const shellSetup = path.join(this.#scratch, 'shell-setup');
    await writeFile(shellSetup, `unset ${hiddenFromCommands.join(' ')}\n`);

    const openCode = new Service('opencode', ['serve', '--port', String(port), '--hostname', '127.0.0.1'], {
      env: {
        // What it holds, its model can read.
        ...withoutPasswords(withoutSecrets(this.environment.variables)),
        ...credentials,
        ...(model && { OPENCODE_CONFIG_CONTENT: openCodeConfig(model) }),
        BASH_ENV: shellSetup,
      },
      tell: (line) => this.#say(`opencode: ${line}`),
    });
    this.#services.push(openCode);
    const url = `http://127.0.0.1:${port}`;
    const isReady = () => isHealthy(url, { username, password });
    const reason = await openCode.unreadyReason(isReady, { withinMs: readyWithinMs, signal: this.#stop.signal });
    if (reason !== null) throw new EntrypointError(`opencode serve ${reason}.`);
    this.#say(`opencode serve is ready at ${url}`);
    return { OPENCODE_SERVER_URL: url, ...credentials };
  }

  /**
   * What the environment says, else what the server says. Without an address and a name there is no model: the runner then
   * finds the same, and tells it in the ticket's log.
   */
  async #workerSettings(): Promise<{ mode: string | undefined; model: WorkerModel | undefined }> {
    const { worker, server } = this.environment;
    const isComplete = worker.mode === 'claude-code' || (worker.url && worker.model);
    const stored = isComplete ? {} : await this.#storedSettings();
    const isInContainer = URL.canParse(server.apiUrl) && new URL(server.apiUrl).hostname === 'host.docker.internal';
    const find = (given: string | undefined, name: string) =>
      given ?? (fromServer(stored[name]?.trim(), isInContainer) || undefined);
    const mode = find(worker.mode, 'WORKER_MODE');
    const url = find(worker.url, 'WORKER_LLM_URL');
    const model = find(worker.model, 'WORKER_MODEL');
    if (!url || !model) return { mode, model: undefined };
    return { mode, model: { url, model, apiKey: find(worker.apiKey, 'WORKER_API_KEY') } };
  }

  async #storedSettings(): Promise<Record<string, string>> {
    const { apiUrl, apiKey, ticket } = this.environment.server;
    const required = { TERARCHITECT_API_URL: apiUrl, PROJECT_ID: ticket.projectId, TICKET_ID: ticket.ticketId };
    const missing = Object.entries(required).find(([, value]) => value === '');
    if (missing) throw new EntrypointError(`${missing[0]} is required, unless WORKER_LLM_URL and WORKER_MODEL are given.`);
    if (!URL.canParse(apiUrl)) throw new EntrypointError('TERARCHITECT_API_URL is no URL.');
    try {
      const api = new WorkerApi({ url: apiUrl, key: apiKey, warn: (message) => this.#say(message) });
      const { agent_settings: settings } = await api.context(ticket, this.#stop.signal);
      this.redactor.addNamed(settings);
      return settings;
    } catch (error) {
      if (!(error instanceof WorkerApiError)) throw error;
      throw new EntrypointError(`The settings of the worker could not be read: ${error.message}.`);
    }
  }

  async #runRunner(forRunner: NodeJS.ProcessEnv): Promise<number> {
    const runner = spawn('baton', ['agent-runner', this.environment.kind], {
      env: { ...this.environment.variables, ...forRunner },
      stdio: ['ignore', 'inherit', 'inherit'],
      // It gets signals from us alone, so that a Ctrl-C is not told twice.
      detached: true,
    });
    const forward = () => runner.kill((this.#stop.signal.reason as StoppedError).signal);
    this.#stop.signal.addEventListener('abort', forward, { once: true });
    try {
      const [code, signal] = (await once(runner, 'exit')) as [number | null, NodeJS.Signals | null];
      return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
    } catch (error) {
      throw new EntrypointError(`The runner cannot be started: ${(error as Error).message}`);
    } finally {
      this.#stop.signal.removeEventListener('abort', forward);
    }
  }

  #showLastWords(service: Service): void {
    for (const line of service.lastWords.split('\n')) this.#say(`${service.name}: ${line}`);
  }

  #say(message: string): void {
    process.stderr.write(`[entrypoint] ${this.redactor.hide(message)}\n`);
  }
}

/** Without addresses that carry a password, as that of the repository may; a proxy must stay reachable. */
function withoutPasswords(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isTold = ([name, value]: [string, string?]) =>
    /_proxy$/i.test(name) || !/^[a-z][a-z+.-]*:\/\/[^/?#]*@/i.test(value ?? '');
  return Object.fromEntries(Object.entries(variables).filter(isTold));
}

/** A request that comes while OpenCode starts may never be answered, so each gets a second. */
async function isHealthy(url: string, { username, password }: { username: string; password: string }): Promise<boolean> {
  const headers = { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  try {
    const { status } = await exchange({ method: 'GET', url: `${url}/global/health`, headers, timeoutMs: 1_000 });
    return status === 200;
  } catch {
    return false;
  }
}
