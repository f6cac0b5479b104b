import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../src/database/embedded/server-process.js';

/** A Redis of one's own, which keeps nothing on disk. */
export interface RedisServer {
  url: string;
  port: number;
  readonly isRunning: boolean;
  /** Ends the server, as an outage would. Nothing to do when it is stopped. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Stops it for good and removes its directory. */
  remove(): Promise<void>;
}

/** Starts a Redis on a free port of loopback, with these settings too, and returns when it takes connections. */
export async function startRedisServer(settings: Record<string, string> = {}): Promise<RedisServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'baton-test-redis-'));
  const port = await freePort();
  let server: ChildProcess | null = null;

  const redis: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    port,
    get isRunning() {
      return server !== null;
    },
    async start() {
      server ??= await launch({ port, directory, settings });
    },
    async stop() {
      if (!server) return;
      const exited = once(server, 'exit');
      server.kill('SIGTERM');
      server = null;
      await exited;
    },
    async remove() {
      await redis.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await redis.start();
  return redis;
}

async function launch(options: { port: number; directory: string; settings: Record<string, string> }): Promise<ChildProcess> {
  const own = { port: options.port, bind: '127.0.0.1', dir: options.directory, save: '', appendonly: 'no' };
  const settings = { ...own, ...options.settings };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const endWithUs = () => server.kill('SIGKILL');
  process.once('exit', endWithUs);
  server.once('exit', () => process.removeListener('exit', endWithUs));

  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stdout })) {
    lines.push(line);
    if (line.includes('Ready to accept connections')) {
      // Read on, or a full pipe would stop the server.
      server.stdout.resume();
      return server;
    }
  }
  throw new Error(`redis-server did not start on port ${options.port}:\n${lines.join('\n')}`);
}
