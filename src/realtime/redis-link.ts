import { Redis, type RedisOptions } from 'ioredis';
import { atNode, type RedisAddress } from '../kernel/redis-address.js';

/** Redirections that are followed to the node of a channel: one is usual, more come while slots move. */
const redirectionsMax = 5;

/** Nothing is queued, and nothing sent or connected again: a link that breaks is replaced, maybe by one to another node. */
const connectionOptions: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 2000,
  keepAlive: 10_000,
  retryStrategy: () => null,
};

/**
 * Carries messages of one channel, until it breaks; then it is of no more use.
 *
 * In a cluster it goes to the one node that has the slot of the channel, by sharded pub/sub: a plain message would be sent
 * on to every node. That node is found by publishing: any other refuses, and names it. When the slot moves, the link breaks.
 */
export class RedisLink {
  /** Resolves with the reason once the link is broken or closed. */
  readonly broken: Promise<string>;
  #break: (reason: string) => void = () => {};
  #isBroken = false;
  readonly #connections = new Set<Redis>();
  #publish: (message: string) => Promise<unknown> = () => Promise.reject(new Error('The link is not open.'));

  private constructor() {
    this.broken = new Promise((resolve) => {
      this.#break = (reason) => {
        this.#isBroken = true;
        resolve(reason);
        for (const connection of this.#connections) connection.disconnect();
      };
    });
  }

  /**
   * Resolves once messages arrive. `seed` is the URL of the server, or of any node of the cluster, where `probe` is
   * published to find that of the channel. Throws an error that says why it cannot be opened, and does not hold the password.
   */
  static async open(options: {
    seed: string;
    isCluster: RedisAddress['isCluster'];
    channel: string;
    probe: string;
    onMessage: (message: string) => void;
    signal: AbortSignal;
  }): Promise<RedisLink> {
    const { seed, isCluster, channel, probe, onMessage, signal } = options;
    const link = new RedisLink();
    const close = () => link.close();
    signal.addEventListener('abort', close, { once: true });
    void link.broken.then(() => signal.removeEventListener('abort', close));
    try {
      signal.throwIfAborted();
      if (isCluster) await link.#openSharded(seed, channel, probe, onMessage);
      else await link.#openPlain(seed, channel, onMessage);
      return link;
    } catch (error) {
      // A connection tells why it broke before its commands fail for that. Of an error only the message is passed on: that
      // of a refused password carries the command, and so the password.
      const reason = error instanceof Error ? error.message : String(error);
      link.#break(reason);
      throw new Error(await link.broken);
    }
  }

  /** Resolves once the server has the message; a link that cannot send it breaks. */
  async publish(message: string): Promise<void> {
    try {
      await this.#publish(message);
    } catch (error) {
      this.#break(error instanceof Error ? error.message : String(error));
    }
  }

  close(): void {
    this.#break('closed');
  }

  async #openPlain(url: string, channel: string, onMessage: (message: string) => void): Promise<void> {
    // A connection in subscriber mode takes no other command, hence two.
    const [subscriber, publisher] = await Promise.all([this.#connect(url), this.#connect(url)]);
    subscriber.on('message', (_channel, message) => onMessage(message));
    await subscriber.subscribe(channel);
    this.#publish = (message) => publisher.publish(channel, message);
  }

  async #openSharded(seed: string, channel: string, probe: string, onMessage: (message: string) => void): Promise<void> {
    let url = seed;
    let publisher = await this.#connect(url);
    for (let redirections = 0; ; redirections += 1) {
      try {
        await publisher.spublish(channel, probe);
        break;
      } catch (error) {
        const node = redirections < redirectionsMax ? redirectionOf(error, url) : null;
        if (!node) throw error;
        this.#leave(publisher);
        url = node;
        publisher = await this.#connect(url);
      }
    }
    const subscriber = await this.#connect(url);
    subscriber.on('smessage', (_channel, message) => onMessage(message));
    // The slot has moved since; ioredis tells so by this event alone, and leaves the command without an answer.
    subscriber.on('moved', () => this.#break('the slot of the channel moves to another node'));
    await Promise.race([subscriber.ssubscribe(channel), this.broken.then(() => Promise.reject(new Error('broken')))]);
    this.#publish = (message) => publisher.spublish(channel, message);
  }

  async #connect(url: string): Promise<Redis> {
    if (this.#isBroken) throw new Error('the link is broken');
    const connection = new Redis(url, connectionOptions);
    let reason: string | undefined;
    connection.on('error', (error: Error) => {
      reason = error.message;
      // A node from which the slot of a subscribed channel is moved ends the subscription, unasked. ioredis takes that for an
      // answer without a question, an error; the connection stays, but brings no message any more.
      if (connection.status === 'ready') this.#break(reason);
    });
    connection.on('close', () => this.#break(reason ?? 'the connection was closed'));
    this.#connections.add(connection);
    await connection.connect();
    return connection;
  }

  /** Leaving a connection is no break. */
  #leave(connection: Redis): void {
    this.#connections.delete(connection);
    connection.removeAllListeners('close');
    connection.disconnect();
  }
}

/** The node that a redirection names, by an URL; null when the error is none. */
function redirectionOf(error: unknown, url: string): string | null {
  const [, host, port] = (error instanceof Error && /^MOVED \d+ (.*):(\d+)$/.exec(error.message)) || [];
  if (port === undefined) return null;
  // Without a host it is that of the node which answered.
  return atNode(url, host || new URL(url).hostname, Number(port));
}
