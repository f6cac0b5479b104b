import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { z } from 'zod';

const registeredRun = z.object({
  jobId: z.string(),
  /** Undefined of a server that knows no fences. */
  fence: z.int().optional(),
  /** Name of the container; null for a run on the host. */
  container: z.string().nullable(),
  /** Process group of a run on the host. */
  pid: z.int().optional(),
});

/** A run that a coordinator has started and not seen end. */
export type RegisteredRun = z.infer<typeof registeredRun>;

/**
 * What coordinators that share a state directory run, so that the next one finds what a killed one has left behind.
 *
 * Each has a file with its runs, and a socket beside it that it listens on: where nobody listens any more, the coordinator
 * is gone. Unlike a process id, that holds across containers and reboots.
 */
export class RunRegister {
  readonly #directory: string;
  readonly #name = randomBytes(6).toString('hex');
  readonly #runs = new Set<RegisteredRun>();
  readonly #server = net.createServer((socket) => socket.destroy());

  private constructor(stateDir: string) {
    this.#directory = path.join(stateDir, 'running');
  }

  /** Throws what the file system throws, also where the directory's path is too long for a socket. */
  static async open(stateDir: string): Promise<RunRegister> {
    const register = new RunRegister(stateDir);
    mkdirSync(register.#directory, { recursive: true, mode: 0o700 });
    await new Promise<void>((resolve, reject) => {
      register.#server.once('error', reject).listen(register.#path('sock'), resolve);
    });
    register.#server.unref();
    return register;
  }

  /** Notes a run, before it is started, for a kill in between must not hide it; and again when more is known of it. */
  note(run: RegisteredRun): void {
    this.#runs.add(run);
    this.#write();
  }

  remove(run: RegisteredRun): void {
    this.#runs.delete(run);
    this.#write();
  }

  /** Has the runs of coordinators that are gone ended by `end`, each once. */
  async takeOver(end: (run: RegisteredRun) => Promise<void>): Promise<void> {
    const names = readdirSync(this.#directory).flatMap((file) => (file.endsWith('.json') ? [path.parse(file).name] : []));
    for (const name of names) {
      if (name === this.#name || !(await this.#isGone(name))) continue;
      await Promise.all(this.#read(name).map(end));
      this.#forget(name);
    }
  }

  /** Runs that are not over by now are left to the next coordinator. */
  close(): void {
    this.#server.close();
    if (this.#runs.size === 0) this.#forget(this.#name);
  }

  #forget(name: string): void {
    for (const type of ['json', 'sock'] as const) rmSync(this.#path(type, name), { force: true });
  }

  #isGone(name: string): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect(this.#path('sock', name));
      socket.on('connect', () => resolve(false));
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')));
      socket.on('close', () => resolve(false));
    });
  }

  #read(name: string): RegisteredRun[] {
    try {
      return z.array(registeredRun).parse(JSON.parse(readFileSync(this.#path('json', name), 'utf8')));
    } catch {
      return [];
    }
  }

  #write(): void {
    const written = this.#path('json.new');
    writeFileSync(written, JSON.stringify([...this.#runs]), { mode: 0o600 });
    renameSync(written, this.#path('json'));
  }

  #path(type: 'sock' | 'json' | 'json.new', name = this.#name): string {
    return path.join(this.#directory, `${name}.${type}`);
  }
}
