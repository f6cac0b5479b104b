/** A load client in a process of its own: the same requests again and again, every answer the same as the first one to its request. */
import { childArguments, serveParent } from './child.js';
import { encodeRequest, type HttpRequest, type LoadResult, loadAtRate, loadClosed, withoutExtensions } from './http-load.js';

export interface HttpClientArgs {
  origin: string;
  requests: HttpRequest[];
}

export interface HttpClientCommand {
  connections: number;
  durationMs: number;
  /** A fixed rate; without it as many as the server answers. */
  perSecond?: number;
}

export type HttpClientResult = LoadResult & {
  /** Bodies of the answers, by request, without what GraphQL says of their cost; null for what was not asked. */
  bodies: (string | null)[];
};

const { origin, requests } = childArguments<HttpClientArgs>();
const encoded = requests.map((request) => encodeRequest(origin, request));
const expected: (Buffer | null)[] = encoded.map(() => null);
const bodies: (string | null)[] = encoded.map(() => null);

serveParent<HttpClientCommand, HttpClientResult>({}, async ({ connections, durationMs, perSecond }) => {
  const asked: number[] = new Array(connections).fill(-1);
  const options = {
    origin,
    connections,
    durationMs,
    next: (connection: number) => {
      const index = ((asked[connection] ?? 0) + 1) % encoded.length;
      asked[connection] = index;
      return encoded[index] ?? null;
    },
    onAnswer: (connection: number, status: number, body: Buffer) => {
      const index = asked[connection] ?? 0;
      const right = expected[index];
      if (status !== 200) throw new Error(`the server answered ${status}: ${body.toString('utf8', 0, 1000)}`);
      const answer = withoutExtensions(body);
      if (!right) {
        expected[index] = Buffer.from(answer);
        bodies[index] = answer.length < body.length ? `${answer}}` : body.toString();
      }
      if (right && !answer.equals(right)) throw new Error(`the server changed its answer to: ${body.toString('utf8', 0, 1000)}`);
    },
  };
  const result = perSecond === undefined ? await loadClosed(options) : await loadAtRate({ ...options, perSecond });
  return { ...result, bodies };
});
