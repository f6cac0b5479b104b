import { CommandError, runCommand } from '../command.js';

/** A pull request at GitHub. */
export interface PullRequest {
  url: string;
  number: number;
}

/** Characters of a body. Source: contracts.md 4.3. */
const bodyLengthMax = 60_000;

/** Stands at the end of our comments, where people do not see it: so they are known as an agent's. */
export const commentMark = '<!-- baton-agent -->';

/** Pull requests of a working copy's repository, through GitHub's `gh`, which takes its token from the environment. */
export class PullRequests {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  /** Without a token `gh` uses what it was signed in with. */
  constructor(directory: string, environment: NodeJS.ProcessEnv, token: string | undefined) {
    this.#directory = directory;
    this.#environment = { ...environment, GH_PROMPT_DISABLED: '1', NO_COLOR: '1', ...(token && { GH_TOKEN: token }) };
  }

  /** Opens one for the branch, or answers the one that it has. Throws CommandError, also when `gh` tells no address. */
  async open({ title, body, branch }: { title: string; body: string; branch: string }): Promise<PullRequest> {
    const args = ['pr', 'create', '--title', argument(title), '--body', argument(body), '--head', branch];
    let said: string;
    try {
      said = (await this.#gh(args)).stdout;
    } catch (error) {
      // The branch of an earlier run may have one: then `gh` says so, with its address.
      if (!(error instanceof CommandError) || !error.output.stderr.includes('already exists')) throw error;
      said = error.output.stderr;
    }
    const found = /https?:\/\/\S+\/pull\/(\d+)/.exec(said);
    if (!found) throw new CommandError('gh pr create told no address of a pull request', { stdout: said, stderr: '' }, 0);
    return { url: found[0], number: Number(found[1]) };
  }

  /** Throws CommandError. */
  async comment(number: number, text: string): Promise<void> {
    await this.#gh(['pr', 'comment', String(number), '--body', `${argument(text)}\n\n${commentMark}`]);
  }

  #gh(args: string[]) {
    return runCommand('gh', args, { cwd: this.#directory, env: this.#environment, timeoutMs: 120_000 });
  }
}

/** What fits into an argument of a command: no zero bytes, and not too long. */
function argument(text: string): string {
  return text.replaceAll('\0', '').slice(0, bodyLengthMax);
}
