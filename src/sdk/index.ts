/** `baton/sdk`: everything that a program outside of this repository may use. docs/sdk.md shows how. */
export {
  BatonClient,
  type BatonClientOptions,
  type MutateOptions,
  type RequestOptions,
  type SubscriptionStream,
} from './baton-client.js';
export {
  BatonCommandError,
  BatonConnectionError,
  BatonRequestError,
  isRetriable,
  ResyncRequiredError,
  unwrap,
} from './errors.js';
export { EventStream, type FollowOptions, type StreamState, type StreamStatus } from './event-stream.js';
export {
  CancelRequestedError,
  type HeldTask,
  type Lease,
  type LeaseLossReason,
  LeaseLostError,
  type WithLeaseOptions,
  withLease,
} from './lease.js';
export {
  type CollaborateInput,
  type CollaborateResult,
  type ConflictType,
  type DelegateInput,
  type DelegateResult,
  type HandoffInput,
  type HandoffResult,
  type ResolveConflictInput,
  type ResolveConflictResult,
  VPCoordinationClient,
  type VPCoordinationClientOptions,
  VPCoordinationError,
} from './vp-coordination-client.js';
export { type Claim, type ClaimNextAnswer, claimNext, type WorkOptions, type WorkReport, work } from './work.js';
