import type { AgentHealth, AgentStatus } from '../../database/generated/prisma/enums.js';

/** Seconds after which an agent should send its next heartbeat; half of the default time to STALE. */
export const nextHeartbeatSeconds = 60;

/** For how long without a heartbeat an agent counts as ONLINE, and then as STALE. */
export interface HealthLimits {
  staleSeconds: number;
  offlineSeconds: number;
}

/** The health that the last heartbeat means at `now`, both on the database's clock. */
export function healthAt(lastHeartbeatAt: Date | null, now: Date, limits: HealthLimits): AgentHealth {
  if (!lastHeartbeatAt) return 'OFFLINE';
  const silentSeconds = (now.getTime() - lastHeartbeatAt.getTime()) / 1000;
  if (silentSeconds < limits.staleSeconds) return 'ONLINE';
  return silentSeconds < limits.offlineSeconds ? 'STALE' : 'OFFLINE';
}

/** The statuses an agent may give itself; the others are an administrator's to set and to lift. */
export const ownStatuses = ['ACTIVE', 'BUSY', 'AWAY'] as const satisfies AgentStatus[];

export function isOwnStatus(status: AgentStatus): boolean {
  return (ownStatuses as readonly AgentStatus[]).includes(status);
}

const statuses = ['PENDING', 'ACTIVE', 'BUSY', 'AWAY', 'INACTIVE'] as const satisfies AgentStatus[];

/** The status that a word of an older client means; undefined when it is none of ours. */
export function statusOfWord(word: string): AgentStatus | undefined {
  return statuses.find((status) => status === word.trim().toUpperCase());
}
