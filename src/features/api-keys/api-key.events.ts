import type { ApiKeyScope } from '../../database/generated/prisma/enums.js';

/** What happened to API keys, by event type. */
export interface ApiKeyEventData {
  ApiKeyCreated: { name: string; scopes: ApiKeyScope[] };
  ApiKeyRevoked: { name: string; scopes: ApiKeyScope[] };
}
