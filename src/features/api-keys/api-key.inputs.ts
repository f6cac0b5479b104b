import { z } from 'zod';
import { ApiKeyScope } from '../../database/generated/prisma/enums.js';
import { type CommandOf, commandInput, id, instant, listOf, shortText } from '../input-fields.js';

export const apiKeyCreateInput = commandInput({
  agentId: id(
    'Id of the agent that the key speaks for. Left out: the calling agent; people get a worker key, which speaks for no agent.',
  ).optional(),
  scopes: listOf(z.enum(ApiKeyScope).meta({ graphql: 'ApiKeyScope' }), 1, 10)
    .transform((scopes) => [...new Set(scopes)])
    .default(['READ', 'WORK'])
    .describe(
      'What the key allows: nothing that you may not do yourself, and READ and WORKER at most for a worker key. Default READ and WORK.',
    ),
  expiresAt: instant('Time from which the key is no longer valid; must lie in the future. Left out: it never expires.')
    .refine((value) => value.getTime() > Date.now(), { error: 'must lie in the future' })
    .optional(),
  name: shortText('What the key is for, so that people know which one to revoke.', 200),
});

export const apiKeyRevokeInput = commandInput({ apiKeyId: id('Id of the API key.') });

export type ApiKeyCreate = CommandOf<typeof apiKeyCreateInput>;
export type ApiKeyRevoke = CommandOf<typeof apiKeyRevokeInput>;
