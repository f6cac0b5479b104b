import type { TicketName } from '../api/worker-api.js';

/** What an agent's container is told by its environment. */
export interface EntrypointEnvironment {
  kind: 'ticket' | 'review';
  /** Whether the agent uses a Docker engine outside of the container. */
  hasDockerHost: boolean;
  openCode: {
    port: number;
    username: string;
    /** One is made for the container where there is none. */
    password: string | undefined;
  };
  /** Program that does the work, and its model; what is not here is in the server's settings. */
  worker: { mode: string | undefined; url: string | undefined; model: string | undefined; apiKey: string | undefined };
  /** Where to ask for what the environment does not say; an empty text where it does not say that either. */
  server: { apiUrl: string; apiKey: string | undefined; ticket: TicketName };
  /** All of it, for the runner. */
  variables: NodeJS.ProcessEnv;
}

/** The environment holds what cannot be. */
export class EntrypointEnvironmentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EntrypointEnvironmentError';
  }
}

/** Reads it all; empty counts as unset. Throws EntrypointEnvironmentError. Source: contracts.md 4.4. */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): EntrypointEnvironment {
  const find = (name: string) => variables[name]?.trim() || undefined;
  return {
    kind: find('JOB_KIND') === 'review' ? 'review' : 'ticket',
    hasDockerHost: find('DOCKER_HOST') !== undefined,
    openCode: {
      port: portOf(find('OPENCODE_SERVER_PORT') ?? '4096'),
      username: find('OPENCODE_SERVER_USERNAME') ?? 'opencode',
      password: find('OPENCODE_SERVER_PASSWORD'),
    },
    worker: {
      mode: find('WORKER_MODE'),
      url: find('WORKER_LLM_URL'),
      model: find('WORKER_MODEL'),
      apiKey: find('WORKER_API_KEY'),
    },
    server: {
      apiUrl: find('TERARCHITECT_API_URL') ?? '',
      apiKey: find('TERARCHITECT_WORKER_API_KEY'),
      ticket: { projectId: find('PROJECT_ID') ?? '', ticketId: find('TICKET_ID') ?? '' },
    },
    variables,
  };
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new EntrypointEnvironmentError(`OPENCODE_SERVER_PORT must be a port from 1 to 65535, not "${text}"`);
}
