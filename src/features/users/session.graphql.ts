import { endedSessionCookie, sessionCookie } from '../../auth/session-cookie.js';
import { eventType } from '../../graphql/event.js';
import { mutation } from '../../graphql/mutation.js';
import { sessionCreateInput, sessionEndInput } from './session.inputs.js';
import { UserRef } from './user.graphql.js';

mutation('sessionCreate', {
  description:
    'Sign in as a human; needs no other credential. Sets the cookie `baton_session`, which browsers send over https, and over http to a loopback address.',
  input: sessionCreateInput,
  run: (services, _context, input) => services.sessions.create(input),
  afterwards: ({ token, expiresAt }, { clock, setHeader }) => {
    const maxAgeSeconds = Math.floor((expiresAt.getTime() - clock.now().getTime()) / 1000);
    setHeader('set-cookie', sessionCookie(token, maxAgeSeconds));
  },
  payload: (t) => ({
    user: t.field({
      type: UserRef,
      nullable: true,
      description: 'Who signed in. Null on errors.',
      resolve: (payload) => payload.user,
    }),
    token: t.string({
      nullable: true,
      description:
        'The session for callers other than browsers: send it as `Authorization: Bearer ...`. Shown this once. Null on errors.',
      resolve: (payload) => payload.token?.reveal() ?? null,
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the session ends by itself. Null on errors.',
      resolve: (payload) => payload.expiresAt,
    }),
  }),
});

mutation('sessionEnd', {
  description: 'Sign out: end the session that this call is made with, remove its cookie, and close its streams.',
  input: sessionEndInput,
  run: (services, context) => services.sessions.end(context.viewer),
  afterwards: (_result, { setHeader }) => setHeader('set-cookie', endedSessionCookie),
  payload: () => ({}),
});

eventType('SessionCreated', null);
eventType('SessionEnded', null);
