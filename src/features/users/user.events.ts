import type { UserRole } from '../../database/generated/prisma/enums.js';

/** What happened to users, by event type. */
export interface UserEventData {
  UserCreated: { name: string; email: string; role: UserRole };
}
