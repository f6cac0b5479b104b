import type { Sql } from '../database/database.js';
import type { LoggedEvent } from '../database/event-log.js';
import type { EventType } from '../features/domain-event.js';
import { DeadlineLoop } from '../kernel/deadline-loop.js';
import type { Logger } from '../kernel/logger.js';
import { findEndedCredentialsStatement } from './credential.sql.js';
import type { Viewer } from './viewer.js';

/** How often the database is asked which credentials have ended: those that expire, and those whose event was missed. */
const pollIntervalMs = 2000;

/** The events that end a credential, which is their subject. */
const endings: readonly string[] = ['ApiKeyRevoked', 'SessionEnded'] satisfies EventType[];

type Close = (reason: string) => void;

/** The streams and sockets that are open under API keys and sessions; closes them when the credential ends, on any replica. */
export class LiveCredentials {
  readonly #database: Sql;
  readonly #hub: { listen(listener: (event: LoggedEvent) => void): () => void };
  readonly #loop: DeadlineLoop;
  /** By the id of the key or session. */
  readonly #streams = new Map<string, Set<Close>>();
  #stopListening = () => {};

  constructor({
    database,
    hub,
    logger,
  }: {
    database: Sql;
    hub: { listen(listener: (event: LoggedEvent) => void): () => void };
    logger: Logger;
  }) {
    this.#database = database;
    this.#hub = hub;
    this.#loop = new DeadlineLoop({
      name: 'the look for ended credentials',
      intervalMs: pollIntervalMs,
      logger,
      round: () => this.#closeEnded(),
    });
  }

  start(): void {
    this.#stopListening = this.#hub.listen((event) => {
      if (endings.includes(event.type)) this.#close(event.subjectId);
    });
    this.#loop.start();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    await this.#loop.stop();
  }

  /** Has `close` called once the viewer's credential ends. The answer takes the note back. */
  register(viewer: Viewer, close: Close): () => void {
    if (!('id' in viewer.credential)) return () => {};
    const { id } = viewer.credential;
    // Its own function, so that one caller may register the same `close` twice.
    const entry: Close = (reason) => close(reason);
    const streams = this.#streams.get(id) ?? new Set();
    this.#streams.set(id, streams.add(entry));
    return () => {
      streams.delete(entry);
      if (streams.size === 0 && this.#streams.get(id) === streams) this.#streams.delete(id);
    };
  }

  async #closeEnded(): Promise<null> {
    if (this.#streams.size === 0) return null;
    const ended = await this.#database.query<{ id: string }>(findEndedCredentialsStatement, [[...this.#streams.keys()]]);
    for (const { id } of ended) this.#close(id);
    return null;
  }

  #close(credentialId: string): void {
    const streams = this.#streams.get(credentialId);
    this.#streams.delete(credentialId);
    for (const close of streams ?? []) close('The credential was revoked, ended or expired');
  }
}
