import type { IncomingMessage, ServerResponse } from 'node:http';
import { areHashesEqual, hashSecret } from '../auth/api-key.js';
import { ForbiddenError } from '../auth/auth.errors.js';
import type { Authenticator } from '../auth/authenticator.js';
import { isOperator } from '../auth/viewer.js';
import type { RequestAccess } from '../http/request-access.js';
import { RequestRefusal } from '../http/request-refusal.js';
import { describeError } from '../kernel/describe-error.js';
import { DomainError } from '../kernel/domain-error.js';
import type { Logger } from '../kernel/logger.js';
import type { Metrics } from './metrics.js';

/** Where Prometheus asks. */
export const metricsPath = '/metrics';

export interface MetricsServerOptions {
  metrics: Metrics;
  /** What a scraper may send instead of the operator's credential. */
  token: string | undefined;
  access: RequestAccess;
  authenticate: Authenticator['authenticate'];
  logger: Logger;
}

/** Gives the metrics to the operator, or to whoever has the scraper's token: they tell of all organizations. */
export class MetricsServer {
  readonly #tokenHash: string | undefined;

  constructor(private readonly options: MetricsServerOptions) {
    this.#tokenHash = options.token && hashSecret(options.token);
  }

  readonly handler = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('cache-control', 'no-store');
    try {
      this.options.access.requireHost(request);
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new RequestRefusal(405, 'METHOD_NOT_ALLOWED', `${metricsPath} takes GET only.`, { allow: 'GET, HEAD' });
      }
      if (!this.#isScraper(request)) await this.#requireOperator(request);
      const { contentType, body } = await this.options.metrics.text();
      response.writeHead(200, { 'content-type': contentType, 'x-content-type-options': 'nosniff' }).end(body);
    } catch (error) {
      this.#fail(response, error);
    }
  };

  #isScraper({ headers }: IncomingMessage): boolean {
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    return token !== undefined && this.#tokenHash !== undefined && areHashesEqual(hashSecret(token), this.#tokenHash);
  }

  async #requireOperator(request: IncomingMessage): Promise<void> {
    const viewer = await this.options.authenticate(this.options.access.credentialsOf(request));
    if (isOperator(viewer)) return;
    throw new ForbiddenError('The metrics tell of all organizations: send ADMIN_TOKEN or METRICS_TOKEN as the bearer token.');
  }

  #fail(response: ServerResponse, error: unknown): void {
    let status = 500;
    let refusal = { code: 'INTERNAL_ERROR', message: 'Internal error. The server log has the details.' };
    if (error instanceof RequestRefusal) {
      status = error.status;
      refusal = { code: error.code, message: error.message };
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    } else if (error instanceof DomainError) {
      status = error.code === 'UNAUTHENTICATED' ? 401 : 403;
      refusal = { code: error.code, message: error.message };
      if (status === 401) response.setHeader('www-authenticate', 'Bearer');
    } else {
      this.options.logger.error({ error: describeError(error) }, 'The metrics could not be told');
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [refusal] }));
  }
}
