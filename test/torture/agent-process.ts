/**
 * An agent in a process of its own, which can be stopped and continued: works until its standard input ends, and writes
 * each operation as a line of JSON. Argument: its options as JSON.
 */
import { Agent, type Credentials } from './agents.js';
import { Random } from './random.js';

export interface AgentProcessOptions {
  credentials: Credentials;
  urls: string[];
  leaseSeconds: number;
  pauseMs: number;
  seed: number;
}

const options = JSON.parse(process.argv[2] as string) as AgentProcessOptions;
const random = new Random(options.seed);
let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();
const agent = new Agent({
  ...{ credentials: options.credentials, leaseSeconds: options.leaseSeconds, pauseMs: options.pauseMs, random },
  line: { urls: () => (random.chance(0.5) ? options.urls : [...options.urls].reverse()), insistMs: 20_000, copies: 1 },
  history: { record: (operation) => void process.stdout.write(`${JSON.stringify(operation)}\n`) },
});
await agent.run(() => isOver);
