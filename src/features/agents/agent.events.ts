import type { AgentHealth, AgentStatus } from '../../database/generated/prisma/enums.js';

/** What happened to agents, by event type. */
export interface AgentEventData {
  /** The agent was registered for the first time. */
  AgentRegistered: { externalId: string; name: string; specializations: string[] };
  /** Its profile was registered again with other values; only those that changed. */
  AgentUpdated: { before: Record<string, unknown>; after: Record<string, unknown> };
  AgentStatusChanged: { before: AgentStatus; after: AgentStatus };
  AgentHealthChanged: { before: AgentHealth; after: AgentHealth };
}
