import { DomainError } from '../kernel/domain-error.js';

/**
 * `TOO_SLOW`: more events waited for the subscriber than may. `CURSOR_LOST`: the place to resume from lies before what
 * the log keeps, or is none of this log (it was restored, or the cursor comes from elsewhere).
 */
export type ResyncReason = 'TOO_SLOW' | 'CURSOR_LOST';

const explanation: Record<ResyncReason, string> = {
  TOO_SLOW: 'More events were waiting for this subscription than the server keeps for one',
  CURSOR_LOST: 'The events after this cursor are no longer kept, or the cursor is not one of this event log',
};

/** A stream cannot go on without a gap: the subscriber must read the state afresh. */
export class ResyncRequiredError extends DomainError {
  readonly code = 'RESYNC_REQUIRED';

  constructor(readonly reason: ResyncReason) {
    super(
      `${explanation[reason]}. Read \`eventCursor\` and then the state you need, ` +
        'and subscribe again with `after` set to that cursor, or without `after` for new events only.',
    );
  }
}
