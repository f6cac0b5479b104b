import { type CommandOf, commandInput, id, longText, wholeNumber } from '../input-fields.js';
import { jobLeaseSecondsMax } from './job.model.js';

const jobId = id('Id of the job.');

const fence = wholeNumber(1, 2_147_483_647)
  .optional()
  .describe(
    'Fence of the run, as `jobStart` answered it. Send it always: a write with an old fence is refused, so a stalled coordinator cannot end the run of another.',
  );

export const jobStartInput = commandInput({
  projectId: id('Start only a job of this project. Default: of any project.').optional(),
  leaseSeconds: wholeNumber(1, jobLeaseSecondsMax)
    .optional()
    .describe(
      `Seconds that the run may go on from now, and from each heartbeat, before it counts as lost. 1 to ${jobLeaseSecondsMax}; default: JOB_LEASE_SECONDS of the server.`,
    ),
});

export const jobHeartbeatInput = commandInput({ jobId, fence });

export const jobReleaseInput = commandInput({ jobId, fence });

export const jobCompleteInput = commandInput({ jobId, fence });

export const jobFailInput = commandInput({
  jobId,
  fence,
  reason: longText('Why it failed, such as the last lines of the output.', 10_000).optional(),
});

export type JobStart = CommandOf<typeof jobStartInput>;
export type JobHeartbeat = CommandOf<typeof jobHeartbeatInput>;
export type JobRelease = CommandOf<typeof jobReleaseInput>;
export type JobComplete = CommandOf<typeof jobCompleteInput>;
export type JobFail = CommandOf<typeof jobFailInput>;
