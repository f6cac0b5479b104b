import type { Statement } from '../../../database/database.js';

/** Values: 1 id, 2 organization, 3 user, 4 hash of the token, 5 hours that the session lasts. */
export const createSessionStatement: Statement = {
  name: 'session-create',
  text: `
insert into session (id, organization_id, user_id, token_hash, expires_at)
values ($1::uuid, $2::uuid, $3::uuid, $4, clock_timestamp() + make_interval(hours => $5::int))
returning expires_at as "expiresAt"`,
};

/** Answers a row when the session was not ended before. Value: its id. */
export const endSessionStatement: Statement = {
  name: 'session-end',
  text: 'update session set ended_at = clock_timestamp() where id = $1::uuid and ended_at is null returning id',
};
