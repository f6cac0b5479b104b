import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  getOperationAST,
  Kind,
  print,
  visit,
} from 'graphql';
import { isAsyncIterable } from 'graphql-yoga';
import type { Viewer } from '../auth/viewer.js';
import { newId } from '../kernel/ids.js';
import type { MaybePromise } from '../kernel/maybe-promise.js';
import { nextOf, type PullStream, type Receiver, toPullStream } from '../kernel/pull-stream.js';
import { TurnQueue } from '../kernel/turn-queue.js';
import { type ErrorMask, type FailedOperation, maskResult, toWireError } from './error-mask.js';
import { execute } from './execution.js';
import type { OperationSource } from './operation.js';

/** The argument of every subscription that says where to resume: it decides which events come, not what they look like. */
const resumeArgument = 'after';

/** Answers that are handed over in one turn of the event loop: some two milliseconds, in which nobody else is served. */
const answersPerTurn = 256;

/** Milliseconds for which an answer is kept for those of the group that ask later: it shows things as they are now. */
const keptMs = 1000;

export interface SubscriptionGroupsOptions {
  /** Makes what resolvers get as their context. */
  contextFor: (source: OperationSource) => MaybePromise<object>;
  maskError: ErrorMask;
}

/** The answer to one event, masked and serialized: one object for all who get the same. */
export class EventAnswer {
  constructor(
    /** The GraphQL result as JSON. */
    readonly text: string,
  ) {}

  /** For Yoga, which would serialize it for each of them. */
  readonly stringify = () => this.text;
}

/**
 * Runs subscriptions. Each has its own source of events, at its own pace; but those that would answer an event alike are a group,
 * in which each event is executed and serialized once.
 *
 * Alike are subscriptions with the same document, operation, variables (but for the place to resume from) and access:
 * organization and scopes. Nothing else of its subscribers is known where the answer is made, so that it cannot be in it.
 */
export class SubscriptionGroups {
  readonly #options: SubscriptionGroupsOptions;
  readonly #groups = new Map<string, SubscriptionGroup>();
  readonly #answered = new TurnQueue<GroupMember>({ work: (member) => member.handOver(), piecesPerTurn: answersPerTurn });

  constructor(options: SubscriptionGroupsOptions) {
    this.#options = options;
  }

  /** In the place of graphql-js' `subscribe`; the context must be that of an operation. Results and failures are masked. */
  readonly subscribe = async (args: ExecutionArgs): Promise<ExecutionResult | PullStream<EventAnswer>> => {
    const { maskError } = this.#options;
    const { viewer, requestId } = args.contextValue as OperationSource;
    const operation = { requestId, operationName: operationNameOf(args) };
    const source = await createSourceEventStream(args);
    if (!isAsyncIterable(source)) return maskResult(source as ExecutionResult, maskError, operation);
    return new GroupMember({
      group: this.#join(args, viewer),
      viewer,
      events: toPullStream(source),
      answered: this.#answered,
      mask: (error) => maskError(error, operation),
    });
  };

  #join({ schema, document, operationName, variableValues }: ExecutionArgs, viewer: Viewer): SubscriptionGroup {
    const shared = { schema, document, operationName, variableValues: withoutPlace(document, operationName, variableValues) };
    const key = JSON.stringify([
      viewer.organizationId,
      [...viewer.scopes].sort(),
      operationName ?? null,
      shared.variableValues,
      document.loc?.source.body ?? print(document),
    ]);
    let group = this.#groups.get(key);
    if (!group) {
      group = new SubscriptionGroup(shared, viewer, this.#options, () => this.#groups.delete(key));
      this.#groups.set(key, group);
    }
    group.join();
    return group;
  }
}

type SharedArgs = Pick<ExecutionArgs, 'schema' | 'document' | 'operationName' | 'variableValues'>;

/** Subscriptions that answer an event alike. */
class SubscriptionGroup {
  readonly #args: SharedArgs;
  readonly #options: SubscriptionGroupsOptions;
  readonly #onEmpty: () => void;
  readonly #viewer: Viewer;
  /** By the identity of the event. */
  readonly #answers = new Map<unknown, SharedAnswer>();
  #size = 0;
  /** Whether an answer turned out to depend on who asks. */
  #isPersonal = false;

  constructor(args: SharedArgs, { organizationId, scopes }: Viewer, options: SubscriptionGroupsOptions, onEmpty: () => void) {
    this.#args = args;
    this.#options = options;
    this.#onEmpty = onEmpty;
    this.#viewer = viewerInCommon({ organizationId, scopes }, () => {
      this.#isPersonal = true;
    });
  }

  join(): void {
    this.#size += 1;
  }

  leave(): void {
    this.#size -= 1;
    if (this.#size === 0) this.#onEmpty();
  }

  /** Asks for the answer to an event; the member is told it later, never at once. */
  ask(event: unknown, member: GroupMember): void {
    if (this.#size > 1 && !this.#isPersonal) this.#sharedAnswer(event).ask(member);
    else this.answerAlone(event, member);
  }

  /** Executes the event for one member, who is known to the resolvers. */
  async answerAlone(event: unknown, member: GroupMember): Promise<void> {
    try {
      member.onAnswer(this.#serialize(await this.#execute(event, member.viewer)));
    } catch (error) {
      member.onError(error);
    }
  }

  #sharedAnswer(event: unknown): SharedAnswer {
    const identity = identityOf(event);
    let answer = this.#answers.get(identity);
    if (!answer) {
      answer = new SharedAnswer(this, event);
      this.#answers.set(identity, answer);
      void this.#answerForAll(event, answer);
      setTimeout(() => this.#answers.delete(identity), keptMs).unref();
    }
    return answer;
  }

  async #answerForAll(event: unknown, answer: SharedAnswer): Promise<void> {
    try {
      const execution = await this.#execute(event, this.#viewer);
      answer.settle(this.#isPersonal ? 'personal' : this.#serialize(execution));
    } catch (error) {
      answer.settle({ error });
    }
  }

  async #execute(event: unknown, viewer: Viewer): Promise<Execution> {
    const source: OperationSource = { requestId: newId(), viewer, transport: 'websocket', setHeader: () => {} };
    const contextValue = await this.#options.contextFor(source);
    const result = await execute({ ...this.#args, rootValue: event, contextValue });
    return { result, requestId: source.requestId };
  }

  #serialize({ result, requestId }: Execution): EventAnswer {
    const operation: FailedOperation = { requestId, operationName: operationNameOf(this.#args) };
    const { errors, ...masked } = maskResult(result, this.#options.maskError, operation);
    return new EventAnswer(JSON.stringify({ ...masked, errors: errors?.map(toWireError) }));
  }
}

interface Execution {
  result: ExecutionResult;
  requestId: string;
}

/** The one answer to an event that all members of a group get, unless it is personal: then each needs its own. */
class SharedAnswer {
  readonly #group: SubscriptionGroup;
  readonly #event: unknown;
  #outcome: EventAnswer | { error: unknown } | 'personal' | null = null;
  #asking: GroupMember[] = [];

  constructor(group: SubscriptionGroup, event: unknown) {
    this.#group = group;
    this.#event = event;
  }

  ask(member: GroupMember): void {
    if (this.#outcome === null) this.#asking.push(member);
    else this.#tell(member, this.#outcome);
  }

  settle(outcome: EventAnswer | { error: unknown } | 'personal'): void {
    this.#outcome = outcome;
    for (const member of this.#asking) this.#tell(member, outcome);
    this.#asking = [];
  }

  #tell(member: GroupMember, outcome: EventAnswer | { error: unknown } | 'personal'): void {
    if (outcome === 'personal') void this.#group.answerAlone(this.#event, member);
    else if (outcome instanceof EventAnswer) member.onAnswer(outcome);
    else member.onError(outcome.error);
  }
}

/** One subscription: its source of events, and with it its pace, is its own. Takes one pull at a time. */
class GroupMember implements PullStream<EventAnswer>, Receiver<unknown> {
  readonly viewer: Viewer;
  readonly #group: SubscriptionGroup;
  readonly #events: PullStream<unknown>;
  readonly #answered: TurnQueue<GroupMember>;
  readonly #mask: (error: unknown) => Error;
  #receiver: Receiver<EventAnswer> | null = null;
  #answer: EventAnswer | null = null;
  #hasEnded = false;

  constructor({
    group,
    viewer,
    events,
    answered,
    mask,
  }: {
    group: SubscriptionGroup;
    viewer: Viewer;
    events: PullStream<unknown>;
    answered: TurnQueue<GroupMember>;
    mask: (error: unknown) => Error;
  }) {
    this.viewer = viewer;
    this.#group = group;
    this.#events = events;
    this.#answered = answered;
    this.#mask = mask;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects once, with a masked error; the subscription has then ended. */
  next(): Promise<IteratorResult<EventAnswer>> {
    return nextOf(this);
  }

  pull(receiver: Receiver<EventAnswer>): void {
    if (this.#receiver) throw new Error('A subscription is asked for its next answer while it is asked already');
    if (this.#hasEnded) {
      receiver.onEnd();
      return;
    }
    this.#receiver = receiver;
    this.#events.pull(this);
  }

  return(): Promise<IteratorResult<EventAnswer>> {
    this.onEnd();
    return Promise.resolve({ value: undefined, done: true });
  }

  onValue(event: unknown): void {
    if (!this.#hasEnded) this.#group.ask(event, this);
  }

  onAnswer(answer: EventAnswer): void {
    this.#answer = answer;
    this.#answered.add(this);
  }

  /** Gives the receiver the answer that is there. */
  handOver(): void {
    const answer = this.#answer;
    this.#answer = null;
    if (answer && !this.#hasEnded) this.#takeReceiver()?.onValue(answer);
  }

  onEnd(): void {
    this.#end();
    this.#takeReceiver()?.onEnd();
  }

  onError(error: unknown): void {
    if (this.#hasEnded) return;
    this.#end();
    this.#takeReceiver()?.onError(this.#mask(error));
  }

  #takeReceiver(): Receiver<EventAnswer> | null {
    const receiver = this.#receiver;
    this.#receiver = null;
    return receiver;
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#group.leave();
    // A source that fails while it is being closed has nobody left to tell.
    this.#events.return().catch(() => {});
  }
}

/**
 * What the viewers of a group have in common. Whoever asks it for more (who it is, with which credential) has it noted:
 * such an answer is nobody's, and each of the group gets its own.
 */
function viewerInCommon(access: Pick<Viewer, 'organizationId' | 'scopes'>, notePersonal: () => void): Viewer {
  return {
    ...access,
    get actor() {
      notePersonal();
      return null;
    },
    get credential(): Viewer['credential'] {
      notePersonal();
      return { kind: 'anonymous', hasStaleCookie: false };
    },
    get label() {
      notePersonal();
      return '';
    },
  };
}

/** What tells an event from others: one of the log goes by its cursor, whichever read brought it. */
function identityOf(event: unknown): unknown {
  return (event as { cursor?: string } | null)?.cursor ?? event;
}

/** The variables, with the same text for everybody in the one that says nothing but where to resume. */
function withoutPlace(
  document: DocumentNode,
  operationName: ExecutionArgs['operationName'],
  variables: ExecutionArgs['variableValues'],
): NonNullable<ExecutionArgs['variableValues']> {
  const name = placeVariable(document, operationName);
  if (name === null) return { ...variables };
  const { [name]: _place, ...others } = variables ?? {};
  return { ...others, [name]: '' };
}

/** Name of the variable that is the place to resume from and is used for nothing else; null when there is none. */
function placeVariable(document: DocumentNode, operationName: ExecutionArgs['operationName']): string | null {
  const [root] = getOperationAST(document, operationName)?.selectionSet.selections ?? [];
  const given = root?.kind === Kind.FIELD ? root.arguments?.find((argument) => argument.name.value === resumeArgument) : null;
  if (given?.value.kind !== Kind.VARIABLE) return null;
  const name = given.value.name.value;
  let uses = 0;
  visit(document, {
    VariableDefinition: () => false,
    Variable: (variable) => {
      if (variable.name.value === name) uses += 1;
    },
  });
  return uses === 1 ? name : null;
}

function operationNameOf({ document, operationName }: Pick<ExecutionArgs, 'document' | 'operationName'>): string | null {
  return operationName ?? getOperationAST(document, operationName)?.name?.value ?? null;
}
