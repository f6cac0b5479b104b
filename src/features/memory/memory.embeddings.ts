import { z } from 'zod';
import type { Logger } from '../../kernel/logger.js';
import type { SettingKey } from '../settings/setting.model.js';

/** An OpenAI-compatible service that turns texts into vectors. */
export interface EmbeddingEndpoint {
  url: URL;
  model: string;
  apiKey: string | null;
}

/** The service did not answer, or not with vectors. */
export class EmbeddingServiceError extends Error {
  /** Whether the service took the texts for what it cannot embed, and would again. */
  readonly isRejection: boolean;

  constructor(message: string, { isRejection = false, cause }: { isRejection?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'EmbeddingServiceError';
    this.isRejection = isRejection;
  }
}

export interface EmbeddingsOptions {
  /** Of the environment: what organizations use that have set nothing else. */
  serviceUrl: string | undefined;
  apiKey: string | undefined;
  model: string;
  timeoutMs: number;
  /** The stored settings of an organization, secrets in plain text. */
  settings: (organizationId: string, keys: readonly SettingKey[]) => Promise<Partial<Record<SettingKey, string>>>;
  logger: Logger;
}

/** Texts that one request carries. */
const batchSize = 64;

/** Elements of the longest vector. */
const dimensionsMax = 8192;

const retryDelayMs = 250;

/** For so long a service that did not answer in time is not asked again: each search would wait for it anew. */
const pauseMs = 30_000;

const answerSchema = z.object({
  data: z.array(z.object({ index: z.int().min(0), embedding: z.array(z.number()).min(1).max(dimensionsMax) })),
});

/** Turns texts into vectors, by the embedding service of each organization. */
export class Embeddings {
  /** Until when a service is not asked, by its address. */
  readonly #pausedUntil = new Map<string, number>();
  /** Addresses of the services that failed when they were last asked: each outage is logged once. */
  readonly #away = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(private readonly options: EmbeddingsOptions) {}

  /**
   * The service that an organization uses; null when there is none. A stored setting goes before the environment, whose key
   * is sent to the address of the environment alone: an administrator of one organization must not be sent that of all.
   */
  async endpointOf(organizationId: string): Promise<EmbeddingEndpoint | null> {
    const { serviceUrl, apiKey, model, logger } = this.options;
    try {
      const stored = await this.options.settings(organizationId, [
        'EMBEDDING_SERVICE_URL',
        'EMBEDDING_API_KEY',
        'MEMORY_EMBEDDING_MODEL',
      ]);
      const address = stored.EMBEDDING_SERVICE_URL ?? serviceUrl;
      if (!address) return null;
      return {
        url: embeddingsUrl(address),
        model: stored.MEMORY_EMBEDDING_MODEL ?? model,
        apiKey: stored.EMBEDDING_API_KEY ?? (stored.EMBEDDING_SERVICE_URL ? null : (apiKey ?? null)),
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn(
        { organizationId, reason },
        'The settings of the embedding service cannot be used; memory is searched by words',
      );
      return null;
    }
  }

  /**
   * The vectors of the texts, in their order and all of one length.
   * Throws EmbeddingServiceError; the first of an outage is logged, and so is its end.
   */
  async embed(endpoint: EmbeddingEndpoint, texts: readonly string[]): Promise<number[][]> {
    const { logger } = this.options;
    const { href, host } = endpoint.url;
    try {
      const vectors: number[][] = [];
      for (let start = 0; start < texts.length; start += batchSize) {
        vectors.push(...(await this.#embedBatch(endpoint, texts.slice(start, start + batchSize))));
      }
      if (new Set(vectors.map(({ length }) => length)).size > 1) throw new EmbeddingServiceError('its vectors differ in length');
      if (this.#away.delete(href)) logger.info({ host }, 'The embedding service answers again');
      return vectors;
    } catch (error) {
      if (!(error instanceof EmbeddingServiceError)) throw error;
      if (!error.isRejection && !this.#away.has(href)) {
        this.#away.add(href);
        logger.warn(
          { host, reason: error.message },
          'The embedding service is away; memory is searched by words until it is back',
        );
      }
      throw error;
    }
  }

  /** Ends the requests in flight. */
  stop(): void {
    this.#stopping.abort();
  }

  async #embedBatch(endpoint: EmbeddingEndpoint, texts: readonly string[]): Promise<number[][]> {
    const { href } = endpoint.url;
    if (performance.now() < (this.#pausedUntil.get(href) ?? 0))
      throw new EmbeddingServiceError('it did not answer in time lately');
    this.#pausedUntil.delete(href);
    const first = await this.#post(endpoint, texts);
    if (first.ok || !isPassing(first)) return vectorsIn(first, texts.length);
    await new Promise((resolve) => setTimeout(resolve, retryDelayMs));
    return vectorsIn(await this.#post(endpoint, texts), texts.length);
  }

  /** One request; a service that cannot be reached answers with the status 0. */
  async #post({ url, model, apiKey }: EmbeddingEndpoint, texts: readonly string[]): Promise<ServiceAnswer> {
    const { timeoutMs } = this.options;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(apiKey && { authorization: `Bearer ${apiKey}` }) },
        body: JSON.stringify({ model, input: texts }),
        // Whoever it redirects to is not whom the operator has chosen to send texts and the key to.
        redirect: 'error',
        signal: AbortSignal.any([timeout, this.#stopping.signal]),
      });
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch (cause) {
      if (timeout.aborted) {
        this.#pausedUntil.set(url.href, performance.now() + pauseMs);
        throw new EmbeddingServiceError(`it did not answer within ${timeoutMs} ms`, { cause });
      }
      if (this.#stopping.signal.aborted) throw new EmbeddingServiceError('the server is stopping', { cause });
      return { ok: false, status: 0, text: '' };
    }
  }
}

interface ServiceAnswer {
  ok: boolean;
  status: number;
  text: string;
}

/** `https://host`, `https://host/v1` and `https://host/v1/embeddings` all name the same service. */
function embeddingsUrl(address: string): URL {
  if (!URL.canParse(address)) throw new Error('EMBEDDING_SERVICE_URL is not a URL');
  const url = new URL(address);
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '') {
    throw new Error('EMBEDDING_SERVICE_URL must be an http or https address without a user name');
  }
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith('/embeddings') ? path : `${path === '' ? '/v1' : path}/embeddings`;
  return url;
}

/** Whether the next request may succeed where this one failed. */
function isPassing({ status }: ServiceAnswer): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function vectorsIn(answer: ServiceAnswer, count: number): number[][] {
  if (answer.status === 0) throw new EmbeddingServiceError('it cannot be reached, or broke off');
  if (!answer.ok) {
    // A wrong key or address is the operator's to mend; what is left is about these texts.
    const isRejection = answer.status >= 400 && answer.status < 500 && ![401, 403, 404, 408, 429].includes(answer.status);
    throw new EmbeddingServiceError(`it answered with the status ${answer.status}`, { isRejection });
  }
  const parsed = answerSchema.safeParse(parseJson(answer.text));
  if (!parsed.success) throw new EmbeddingServiceError('its answer is not that of an OpenAI-compatible service');
  const vectors = new Map(parsed.data.data.map(({ index, embedding }) => [index, embedding]));
  return Array.from({ length: count }, (_, index) => {
    const vector = vectors.get(index);
    if (!vector) throw new EmbeddingServiceError(`it answered ${vectors.size} vectors to ${count} texts`);
    return vector;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
