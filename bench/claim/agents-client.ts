/** Agents that claim tasks and complete them, each over a connection and with an API key of its own, until they are told to stop. */
import { childArguments, serveParent } from '../child.js';
import { HttpConnection } from '../http-load.js';
import { type MeasuredWindow, type Tallied, Tally } from '../tally.js';
import { type Claimed, type WorkAnswer, workBody } from './documents.js';

export interface AgentsArgs {
  /** Of the servers; the agents are spread over them. */
  origins: string[];
  apiKeys: string[];
}

export interface AgentsCommand extends MeasuredWindow {
  /** How many of the agents work. */
  agents: number;
  /** Tasks that each claims at a time. */
  batchSize: number;
  /** Whether what is done is completed by the same request that claims the next. */
  isOneDocument: boolean;
  /** Claims so many tasks and leaves them: then claims are what is counted. */
  claimsOnly?: number;
}

export interface AgentsResult extends Tallied {
  /** Requests that got no task although there were some: others were taking them. */
  emptyClaims: number;
}

const { origins, apiKeys } = childArguments<AgentsArgs>();
/** Every task that was ever claimed here: none may come twice. */
const seen = new Set<string>();
let claimsLeft = Number.POSITIVE_INFINITY;

serveParent<AgentsCommand, AgentsResult>({}, async (command) => {
  // What was claimed and left is put back by others before it is claimed again.
  if (command.claimsOnly) seen.clear();
  claimsLeft = command.claimsOnly ?? Number.POSITIVE_INFINITY;
  const tally = new Tally(command);
  const agents = await Promise.all(
    apiKeys.slice(0, command.agents).map((apiKey, index) => Agent.connect(originOf(index), apiKey, command, tally)),
  );
  try {
    await Promise.all(agents.map((agent) => agent.work()));
  } finally {
    for (const agent of agents) agent.close();
  }
  const emptyClaims = agents.reduce((sum, agent) => sum + agent.emptyClaims, 0);
  return { ...tally.result(), emptyClaims };
});

function originOf(agent: number): string {
  const origin = origins[agent % origins.length];
  if (!origin) throw new Error('there is no server to work at');
  return origin;
}

class Agent {
  emptyClaims = 0;
  #held: Claimed[] = [];
  readonly #head: string;

  private constructor(
    private readonly connection: HttpConnection,
    origin: string,
    apiKey: string,
    private readonly command: AgentsCommand,
    private readonly tally: Tally,
  ) {
    const lines = [
      'POST /graphql HTTP/1.1',
      `host: ${new URL(origin).host}`,
      'accept: application/json',
      'content-type: application/json',
      `authorization: Bearer ${apiKey}`,
    ];
    this.#head = `${lines.join('\r\n')}\r\ncontent-length: `;
  }

  static async connect(origin: string, apiKey: string, command: AgentsCommand, tally: Tally): Promise<Agent> {
    return new Agent(await HttpConnection.open(origin), origin, apiKey, command, tally);
  }

  close(): void {
    this.connection.close();
  }

  /** Resolves when the tally is closed and nothing is held any more. */
  work(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.connection.broken.catch(reject);
      const step = () => {
        const claims = !this.tally.isClosed && claimsLeft > 0 && (this.#held.length === 0 || this.command.isOneDocument);
        if (!claims && this.#held.length === 0) {
          resolve();
          return;
        }
        if (claims) claimsLeft -= this.command.batchSize;
        const body = JSON.stringify(workBody(this.#held, claims ? this.command.batchSize : 0));
        const request = Buffer.from(`${this.#head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
        this.connection.send(request, (status, bytes) => {
          try {
            this.#take(status, bytes.toString(), claims);
          } catch (error) {
            reject(error);
            return;
          }
          step();
        });
      };
      step();
    });
  }

  #take(status: number, text: string, hasClaimed: boolean): void {
    const { data, errors } = JSON.parse(text) as WorkAnswer;
    if (status !== 200 || !data || errors) throw new Error(`answered ${status}: ${text}`);
    this.#held.forEach((_task, index) => {
      if (data[`done${index}`]?.task?.status !== 'DONE') throw new Error(`not completed: ${text}`);
    });
    if (this.#held.length > 0) this.tally.add(this.#held.length);
    this.#held = [];
    if (!hasClaimed) return;
    if (!data.claim || data.claim.errors.length > 0) throw new Error(`not claimed: ${text}`);
    const { task, tasks = task ? [task] : [] } = data.claim;
    if (tasks.length === 0) {
      this.emptyClaims += 1;
      claimsLeft += this.command.batchSize;
    }
    for (const task of tasks) {
      if (seen.has(task.id)) throw new Error(`task ${task.id} was claimed twice`);
      seen.add(task.id);
    }
    if (!this.command.claimsOnly) this.#held = tasks;
    else if (tasks.length > 0) this.tally.add(tasks.length);
  }
}
