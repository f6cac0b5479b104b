import type { AgentHealth } from '../generated.js';

/** The initials of a name on a colour of its own, so that people recognize who it is before they read it. */
export function Avatar({ name, health, isAgent = true }: { name: string; health?: AgentHealth | undefined; isAgent?: boolean }) {
  const initials = name
    .split(/[\s_-]+/)
    .map((word) => word.charAt(0))
    .join('')
    .slice(0, 2)
    .toUpperCase();
  return (
    <span className={`avatar avatar-${hueOf(name)} ${isAgent ? '' : 'avatar-person'}`} aria-hidden="true">
      {initials || '?'}
      {health && <span className={`avatar-health health-${health.toLowerCase()}`} />}
    </span>
  );
}

const hueCount = 10;

/** FNV-1a: names that differ little get colours that do not. */
function hueOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  // Its lowest bits are its weakest.
  return (hash >>> 3) % hueCount;
}

const healthWords: Record<AgentHealth, string> = { ONLINE: 'online', STALE: 'stale', OFFLINE: 'offline' };

export function Health({ health }: { health: AgentHealth }) {
  return (
    <span className={`health health-${health.toLowerCase()}`}>
      <span className="health-dot" aria-hidden="true" />
      {healthWords[health]}
    </span>
  );
}
