/**
 * Many websocket subscribers in one process. Each follows the events about tasks; a connection that is lost is made anew,
 * to the next address, and goes on after the last event. Argument: its options as JSON. Writes lines of JSON: `ready` when
 * all have begun, and after the question on its standard input what each received.
 */
import { createInterface } from 'node:readline';
import type { CrowdOptions, CrowdQuestion, CrowdReport } from './crowd.js';
import { CrowdSocket } from './crowd-socket.js';

const options = JSON.parse(process.argv[2] as string) as CrowdOptions;

/** Cursors by the number under which members note them: all members receive the same ones. */
const cursors: string[] = [];
const numbers = new Map<string, number>();
const reconnectMs: number[] = [];
let connectionsLost = 0;
let ends: Record<string, string> = {};

function numberOf(cursor: string): number {
  const known = numbers.get(cursor);
  if (known !== undefined) return known;
  numbers.set(cursor, cursors.push(cursor) - 1);
  return cursors.length - 1;
}

class Member {
  readonly projectId: string | null;
  readonly received: number[] = [];
  #last = options.after;
  #lostAt: number | null = null;
  #hasBegun = () => {};
  readonly begun = new Promise<void>((resolve) => {
    this.#hasBegun = resolve;
  });
  failure: string | null = null;

  constructor(private turn: number) {
    const { projectIds } = options;
    this.projectId = projectIds?.[Math.floor(turn / options.urls.length) % projectIds.length] ?? null;
    this.#connect();
  }

  get hasReached(): boolean {
    return this.#last === (ends[this.projectId ?? ''] ?? this.#last) || this.failure !== null;
  }

  #connect(): void {
    const url = options.urls[this.turn % options.urls.length] as string;
    this.turn += 1;
    const socket = new CrowdSocket(url, {
      onOpen: () => socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${options.token}` } }),
      onText: (text) => this.#take(socket, text),
      onClose: () => {
        if (this.#lostAt === null) {
          connectionsLost += 1;
          this.#lostAt = performance.now();
        }
        // A little apart, as clients over a real network are.
        setTimeout(() => this.#connect(), Math.random() * 100);
      },
    });
  }

  #take(socket: CrowdSocket, text: string): void {
    const cursor = /"cursor":"([^"]+)"/.exec(text)?.[1];
    if (cursor) {
      this.#last = cursor;
      this.received.push(numberOf(cursor));
    } else if (text.includes('"connection_ack"')) {
      const filter = this.projectId ? { projectId: this.projectId } : null;
      const payload = { query: followDocument, variables: { after: this.#last, filter } };
      socket.send({ id: '1', type: 'subscribe', payload });
      // Asked behind it: when this is answered, the server has got round to both.
      socket.send({ id: '2', type: 'subscribe', payload: { query: '{ __typename }' } });
    } else if (text.includes('"__typename"')) {
      if (this.#lostAt !== null) reconnectMs.push(performance.now() - this.#lostAt);
      this.#lostAt = null;
      this.#hasBegun();
    } else if (text.includes('"type":"ping"')) socket.send({ type: 'pong' });
    else if (text.includes('"type":"error"')) this.failure = text;
  }
}

const followDocument = `subscription ($after: String, $filter: TaskEventFilter) {
  taskEvents(after: $after, filter: $filter) { cursor }
}`;

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const members: Member[] = [];
// A few hundred at a time: no operating system takes ten thousand connections in one instant.
for (let index = 0; index < options.count; index++) {
  members.push(new Member(index));
  if (index % 200 === 199) await Promise.all(members.map((member) => member.begun));
}
await Promise.all(members.map((member) => member.begun));
tell({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line) as CrowdQuestion;
  const { withinMs } = question;
  ends = question.ends;
  const deadline = performance.now() + withinMs;
  while (!members.every((member) => member.hasReached) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const groups = new Map<string, CrowdReport['groups'][number]>();
  for (const { projectId, received, failure } of members) {
    const name = `${projectId} ${failure} ${received.join()}`;
    const group = groups.get(name) ?? {
      projectId,
      count: 0,
      failure,
      cursors: received.map((number) => cursors[number] as string),
    };
    group.count += 1;
    groups.set(name, group);
  }
  tell({ connectionsLost, reconnectMs, groups: [...groups.values()] } satisfies CrowdReport);
}
