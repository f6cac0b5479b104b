import { builder } from './builder.js';

builder.queryField('serverTime', (t) =>
  t.field({
    type: 'DateTime',
    description:
      'Time now, on the clock by which leases are granted and lapse. Compare it with your own to count down to `lease.expiresAt`.',
    resolve: (_root, _args, { clock }) => clock.now(),
  }),
);
