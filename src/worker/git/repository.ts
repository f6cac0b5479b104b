import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { CommandError, type CommandOutput, runCommand } from '../command.js';
import type { RepositoryAccess } from './credentials.js';

/** Who commits. */
export interface Identity {
  name: string;
  email: string;
}

export interface RepositoryOptions {
  /** Where the files are, or are to be. */
  directory: string;
  /** Branch to work on. */
  branch: string;
  access: RepositoryAccess;
  /** Environment of git, without secrets. */
  environment: NodeJS.ProcessEnv;
  /** Ends whatever git is doing; the reason is then thrown. */
  signal?: AbortSignal | undefined;
}

/** The repository, or the directory that stands for it, cannot be worked in. */
export class RepositoryError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'RepositoryError';
  }
}

/** Milliseconds. A clone has two minutes by the contract; the rest is ours. */
const timeouts = { clone: 120_000, remote: 120_000, push: 300_000, local: 120_000 };

/** Variables that would lead git to another repository, or have it ask a person. */
const foreignVariables = ['GIT_ASKPASS', 'SSH_ASKPASS', 'GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE', 'GIT_CONFIG_COUNT'];

/** A working copy on the branch of a ticket. Every method throws CommandError, whose message ends with git's own words. */
export class Repository {
  readonly directory: string;
  readonly branch: string;
  /** Whether the branch was there already: then the work goes on from there. */
  isResumed = false;
  access: RepositoryAccess;
  /** Commit that the default branch was at; null in an empty repository, or where it cannot be told. */
  #defaultCommit: string | null = null;
  /** Commit that the work began at; null in an empty repository. */
  #startCommit: string | null = null;
  #identity: Identity | undefined;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal | undefined;

  private constructor({ directory, branch, access, environment, signal }: RepositoryOptions) {
    this.directory = directory;
    this.branch = branch;
    this.access = access;
    this.#environment = environment;
    this.#signal = signal;
  }

  /** Clones the last commit only, and checks the branch out: as it is at the remote, or a new one. Throws RepositoryError. */
  static async clone(options: RepositoryOptions): Promise<Repository> {
    const repository = new Repository(options);
    const { url } = options.access;
    try {
      const args = ['clone', '-q', '--depth', '1', '--', url, options.directory];
      await repository.#run(args, { timeoutMs: timeouts.clone, cwd: undefined });
      repository.#defaultCommit = await repository.#commitAt('HEAD');
      if (await repository.#fetchBranch()) {
        await repository.#git('checkout', '-q', '--no-track', '-B', options.branch, `origin/${options.branch}`);
        repository.isResumed = true;
      } else {
        await repository.#git('checkout', '-q', '-b', options.branch);
      }
      repository.#startCommit = await repository.#commitAt('HEAD');
      return repository;
    } catch (error) {
      options.signal?.throwIfAborted();
      throw new RepositoryError(`could not clone ${url}: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Works in a checkout that is there already, and checks the branch out in it. What somebody has not committed would end up
   * in the agent's commit: then, and when it is no checkout, throws RepositoryError.
   */
  static async open(options: RepositoryOptions): Promise<Repository> {
    const repository = new Repository(options);
    const { directory, branch } = options;
    try {
      const root = (await repository.#git('rev-parse', '--show-toplevel')).stdout.trim();
      if ((await realpath(root)) !== (await realpath(directory))) throw new RepositoryError(`it lies within ${root}`);
      const current = await repository.#branchNow();
      if (current !== branch) await repository.#switch();
      repository.#startCommit = await repository.#commitAt('HEAD');
      return repository;
    } catch (error) {
      options.signal?.throwIfAborted();
      const { message } = error as Error;
      throw new RepositoryError(`cannot work in AGENT_WORKSPACE ${directory}: ${message}`, { cause: error });
    }
  }

  /** Who commits from now on, also where the agent's own tools commit. */
  async setIdentity(identity: Identity, { isOurs }: { isOurs: boolean }): Promise<void> {
    this.#identity = identity;
    // Somebody else's checkout keeps its own configuration.
    if (!isOurs) return;
    await this.#git('config', 'user.name', identity.name);
    await this.#git('config', 'user.email', identity.email);
  }

  /** Commits all that was changed; nothing when nothing was. */
  async commitAll(message: string): Promise<void> {
    await this.#git('add', '-A');
    const { stdout } = await this.#git('status', '--porcelain');
    if (stdout.trim() === '') return;
    await this.#git('commit', '-q', '-m', message);
  }

  /** Whether the branch holds anything that the default branch does not. */
  async hasWork(): Promise<boolean> {
    const head = await this.#commitAt('HEAD');
    return head !== null && head !== this.#defaultCommit;
  }

  /** Whether this run committed anything. */
  async hasNewCommits(): Promise<boolean> {
    return (await this.#commitAt('HEAD')) !== this.#startCommit;
  }

  /** Looks at every line that this run added, and at what its commits say. */
  async someAddedLine(isBad: (line: string) => boolean): Promise<boolean> {
    const range = this.#startCommit === null ? 'HEAD' : `${this.#startCommit}..HEAD`;
    const plain = ['--text', '--no-ext-diff', '--no-textconv', '--no-color'];
    const isBadAddition = (line: string) => !line.startsWith('-') && isBad(line);
    return (
      (await this.#someLine(['log', '-p', '-m', '-U0', ...plain, '--format=', range], isBadAddition)) ||
      (await this.#someLine(['log', '--format=%B%n%an%n%ae', range], isBad))
    );
  }

  /** What this run changed, as one patch. */
  async patch(): Promise<string> {
    const emptyTree = async () => (await this.#git('hash-object', '-t', 'tree', '/dev/null')).stdout.trim();
    return (await this.#git('diff', '--binary', this.#startCommit ?? (await emptyTree()), 'HEAD')).stdout;
  }

  /** Pushes the branch. When somebody else has pushed to it meanwhile, on top of theirs, once. */
  async push(): Promise<void> {
    const args = ['push', '-q', '-u', 'origin', this.branch];
    try {
      await this.#run(args, { timeoutMs: timeouts.push });
    } catch (error) {
      if (!(error instanceof CommandError) || !/\[rejected\]|fetch first|non-fast-forward/.test(error.output.stderr)) throw error;
      await this.#rebase(error);
      await this.#run(args, { timeoutMs: timeouts.push });
    }
  }

  /** Puts our commits on top of the remote's; what fits not together is left as it was, and `rejection` is thrown. */
  async #rebase(rejection: CommandError): Promise<void> {
    const remote = `refs/remotes/origin/${this.branch}`;
    try {
      await this.#run(['fetch', '-q', 'origin', `+refs/heads/${this.branch}:${remote}`], { timeoutMs: timeouts.remote });
      await this.#git('rebase', '-q', remote);
    } catch {
      await this.#git('rebase', '--abort').catch(() => {});
      throw rejection;
    }
  }

  /** Reads line by line: the whole may be larger than memory. */
  async #someLine(args: string[], isBad: (line: string) => boolean): Promise<boolean> {
    let isFound = false;
    let rest = '';
    await this.#run(args, {
      onStdout: (piece) => {
        const lines = (rest + piece).split('\n');
        rest = lines.pop() ?? '';
        isFound ||= lines.some(isBad);
      },
    });
    return isFound || isBad(rest);
  }

  async #switch(): Promise<void> {
    const { stdout } = await this.#git('status', '--porcelain');
    if (stdout.trim() !== '') throw new RepositoryError('it has changes that nobody has committed; commit or discard them');
    this.#defaultCommit = await this.#commitAt('HEAD');
    const isRemote = await this.#fetchBranch().catch(() => false);
    this.isResumed = isRemote || (await this.#commitAt(`refs/heads/${this.branch}`)) !== null;
    if (!this.isResumed) {
      await this.#git('checkout', '-q', '-b', this.branch);
      return;
    }
    await this.#git('checkout', '-q', this.branch);
    // Where both have gone on, ours goes on top of theirs when it is pushed.
    if (isRemote) await this.#git('merge', '-q', '--ff-only', `origin/${this.branch}`).catch(() => {});
  }

  /** Fetches the branch where the remote has it, and says whether it has. */
  async #fetchBranch(): Promise<boolean> {
    const ref = `refs/heads/${this.branch}`;
    try {
      await this.#run(['ls-remote', '--exit-code', 'origin', ref], { timeoutMs: timeouts.remote });
    } catch (error) {
      if (error instanceof CommandError && error.code === 2) return false;
      throw error;
    }
    // As little as a clone takes; of a whole checkout it would cut the history off.
    const { stdout } = await this.#git('rev-parse', '--is-shallow-repository');
    const depth = stdout.trim() === 'true' ? ['--depth', '1'] : [];
    const refs = `+${ref}:refs/remotes/origin/${this.branch}`;
    await this.#run(['fetch', '-q', ...depth, 'origin', refs], { timeoutMs: timeouts.remote });
    return true;
  }

  async #branchNow(): Promise<string | null> {
    const found = await this.#git('symbolic-ref', '--short', '-q', 'HEAD').catch(() => null);
    return found?.stdout.trim() ?? null;
  }

  async #commitAt(ref: string): Promise<string | null> {
    try {
      return (await this.#git('rev-parse', '--verify', '-q', `${ref}^{commit}`)).stdout.trim();
    } catch (error) {
      if (error instanceof CommandError && error.code === 1) return null;
      throw error;
    }
  }

  #git(...args: string[]): Promise<CommandOutput> {
    return this.#run(args, {});
  }

  #run(
    args: string[],
    options: { timeoutMs?: number; cwd?: string | undefined; onStdout?: (piece: string) => void },
  ): Promise<CommandOutput> {
    const defaults = { cwd: this.directory, timeoutMs: timeouts.local, signal: this.#signal };
    return runCommand('git', args, { ...defaults, ...options, env: this.#gitEnvironment() });
  }

  #gitEnvironment(): NodeJS.ProcessEnv {
    const inherited = Object.entries(this.#environment).filter(([name]) => !foreignVariables.includes(name));
    const config: [string, string][] = [
      // What an agent puts into the repository must not run here, beside the credentials.
      ['core.hooksPath', '/dev/null'],
      ['core.fsmonitor', 'false'],
      ['commit.gpgSign', 'false'],
      ['safe.directory', this.directory],
      // `-u` would warn, and a branch may have been made by an older run.
      ['push.default', 'current'],
      ...this.access.config,
    ];
    const { name, email } = this.#identity ?? {};
    return {
      ...Object.fromEntries(inherited),
      // Our own words for what goes wrong are recognized, whatever the language of the machine.
      LC_ALL: 'C',
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: this.#environment.GIT_SSH_COMMAND ?? 'ssh -oBatchMode=yes',
      ...(name && { GIT_AUTHOR_NAME: name, GIT_COMMITTER_NAME: name }),
      ...(email && { GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email }),
      GIT_CONFIG_COUNT: String(config.length),
      ...Object.fromEntries(
        config.flatMap(([key, value], index) => [
          [`GIT_CONFIG_KEY_${index}`, key],
          [`GIT_CONFIG_VALUE_${index}`, value],
        ]),
      ),
    };
  }
}

/** Whether a directory is there to be cloned into. */
export async function isEmptyDirectory(directory: string): Promise<boolean> {
  return existsSync(directory) && (await readdir(directory)).length === 0;
}
