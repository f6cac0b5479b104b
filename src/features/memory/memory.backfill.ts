import type { Database } from '../../database/database.js';
import type { LoggedEvent } from '../../database/event-log.js';
import { describeError } from '../../kernel/describe-error.js';
import type { Logger } from '../../kernel/logger.js';
import type { EventType } from '../domain-event.js';
import { type EmbeddingEndpoint, EmbeddingServiceError, type Embeddings } from './memory.embeddings.js';
import { partsOf, signsOf, unitVector } from './memory.model.js';
import type { MemoryOwner } from './memory.store.js';
import { giveBackStatement, storeVectorsStatement, takeUnembeddedStatement, type UnembeddedDocument } from './sql/embed.sql.js';

/** Documents that are embedded together. */
const takenMax = 16;

/** For how long documents are this process's to embed; if it dies, another takes them after that. */
const takenSeconds = 300;

/** After how long a document that the service has refused is offered to it again. */
const refusedSeconds = 3600;

/**
 * Gives documents the vectors that they lack: new ones when they are indexed, those that could not be embedded then, and all
 * of them when the model is another, when their project is next searched. A text is stored before any service is asked, so
 * none is lost. Every process listens; each document is embedded by one.
 */
export class MemoryBackfill {
  readonly #runs = new Map<string, { done: Promise<void>; isAskedAgain: boolean }>();
  #stopListening = () => {};
  #isStopped = false;

  constructor(
    private readonly options: {
      database: Database;
      embeddings: Embeddings;
      hub: { listen(listener: (event: LoggedEvent) => void): () => void };
      logger: Logger;
    },
  ) {}

  /** Embeds what is indexed from now on. */
  start(): void {
    const indexed = 'MemoryIndexed' satisfies EventType;
    this.#stopListening = this.options.hub.listen(({ type, organizationId, projectId }) => {
      if (type === indexed && projectId) void this.#runWithoutQuery({ organizationId, projectId });
    });
  }

  /** Waits for what is being stored; what is not embedded by then is, after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopListening();
    this.options.embeddings.stop();
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  /**
   * Embeds whatever the project has without vectors of the endpoint's model; resolves when there is no more, or the service
   * is away. Never throws. `dimensions`, when known, says how long vectors must be to be of use.
   */
  run(owner: MemoryOwner, endpoint: EmbeddingEndpoint, dimensions: number | null): Promise<void> {
    const current = this.#runs.get(owner.projectId);
    if (current) {
      // It may have looked for the last time already.
      current.isAskedAgain = true;
      return current.done;
    }
    if (this.#isStopped) return Promise.resolve();
    const run = { done: Promise.resolve(), isAskedAgain: false };
    this.#runs.set(owner.projectId, run);
    run.done = this.#embedProject(owner, endpoint, dimensions).finally(() => {
      this.#runs.delete(owner.projectId);
      if (run.isAskedAgain) return this.run(owner, endpoint, dimensions);
    });
    return run.done;
  }

  async #runWithoutQuery(owner: MemoryOwner): Promise<void> {
    const endpoint = await this.options.embeddings.endpointOf(owner.organizationId);
    if (endpoint) await this.run(owner, endpoint, null);
  }

  async #embedProject({ projectId }: MemoryOwner, endpoint: EmbeddingEndpoint, dimensions: number | null): Promise<void> {
    const { database, logger } = this.options;
    try {
      while (!this.#isStopped) {
        const values = [projectId, endpoint.model, dimensions, takenSeconds, takenMax];
        const taken = await database.query<UnembeddedDocument>(takeUnembeddedStatement, values);
        if (taken.length === 0 || !(await this.#embed(endpoint, dimensions, taken))) return;
      }
    } catch (error) {
      logger.error({ projectId, error: describeError(error) }, 'Documents could not be embedded; the next search tries again');
    }
  }

  /** Answers whether it is worth to go on. */
  async #embed(
    endpoint: EmbeddingEndpoint,
    dimensions: number | null,
    documents: readonly UnembeddedDocument[],
  ): Promise<boolean> {
    const { database, embeddings, logger } = this.options;
    const parts = documents.flatMap(({ id, body }) => partsOf(body).map((text) => ({ id, text })));
    try {
      const vectors = await embeddings.embed(
        endpoint,
        parts.map(({ text }) => text.toWellFormed()),
      );
      for (const { id } of documents) {
        const own = vectors.filter((_, index) => parts[index]?.id === id);
        await this.#store(id, endpoint.model, own);
      }
      // Else the same documents would be taken again at once, for ever.
      return dimensions === null || dimensions === vectors[0]?.length;
    } catch (error) {
      const isRejection = error instanceof EmbeddingServiceError && error.isRejection;
      if (isRejection && documents.length > 1) {
        // One of them is to blame, and must not keep the others from their vectors.
        for (const document of documents) if (!(await this.#embed(endpoint, dimensions, [document]))) return false;
        return true;
      }
      const ids = documents.map(({ id }) => id);
      await database.query(giveBackStatement, [ids, isRejection ? refusedSeconds : 0]);
      if (!(error instanceof EmbeddingServiceError)) throw error;
      if (isRejection) logger.warn({ documentId: ids[0], reason: error.message }, 'The embedding service refuses a document');
      return isRejection;
    }
  }

  async #store(documentId: string, model: string, vectors: readonly number[][]): Promise<void> {
    const units = vectors.map(unitVector);
    const literals = units.map((unit) => `{${unit.join(',')}}`);
    const values = [documentId, model, units[0]?.length ?? 0, literals, units.map(signsOf)];
    await this.options.database.query(storeVectorsStatement, values);
  }
}
