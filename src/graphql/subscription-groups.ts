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

/** Answers that a subscription asks for before it has handed over the ones before. */
const answersAheadMax = 16;

/** Subscriptions that are handed answers in one turn of the event loop: some two milliseconds in which nobody else is served. */
const membersPerTurn = 64;

/** Milliseconds for which an answer is kept for those of the group that ask later: it shows things as they are now. */
const keptMs = 1000;

export interface SubscriptionGroupsOptions {
  /** Makes what resolvers get as their context. */
  createContext: (source: OperationSource) => MaybePromise<OperationSource>;
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
  readonly #turns = new TurnQueue<GroupMember>({ work: (member) => member.takeTurn(), piecesPerTurn: membersPerTurn });

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
      turns: this.#turns,
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
  readonly #answers = new Map<unknown, Answer>();
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

  /** The answer to an event, as the member may see it; it is told when there is an outcome later on. */
  ask(event: unknown, member: GroupMember): Answer {
    if (this.#size < 2 || this.#isPersonal) return this.askAlone(event, member);
    const identity = identityOf(event);
    let answer = this.#answers.get(identity);
    if (!answer) {
      answer = new Answer(event);
      this.#answers.set(identity, answer);
      void this.#settle(answer, this.#viewer);
      setTimeout(() => this.#answers.delete(identity), keptMs).unref();
    }
    answer.tell(member);
    return answer;
  }

  /** The same from an execution for this member alone, whom the resolvers know. */
  askAlone(event: unknown, member: GroupMember): Answer {
    const answer = new Answer(event);
    void this.#settle(answer, member.viewer);
    answer.tell(member);
    return answer;
  }

  async #settle(answer: Answer, viewer: Viewer): Promise<void> {
    try {
      const execution = await this.#execute(answer.event, viewer);
      const isForNobody = this.#isPersonal && viewer === this.#viewer;
      answer.settle(isForNobody ? 'personal' : this.#serialize(execution));
    } catch (error) {
      answer.settle({ error });
    }
  }

  async #execute(event: unknown, viewer: Viewer): Promise<Execution> {
    const source: OperationSource = { requestId: newId(), viewer, transport: 'websocket', setHeader: () => {} };
    const contextValue = await this.#options.createContext(source);
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

/** What an event is answered with, once that is known. `personal` when the answer is no one's, and each member needs its own. */
class Answer {
  readonly event: unknown;
  outcome: EventAnswer | { error: unknown } | 'personal' | null = null;
  #members: GroupMember[] = [];

  constructor(event: unknown) {
    this.event = event;
  }

  /** Has the member told once there is an outcome; it is not when there is one already. */
  tell(member: GroupMember): void {
    if (this.outcome === null) this.#members.push(member);
  }

  settle(outcome: NonNullable<Answer['outcome']>): void {
    this.outcome = outcome;
    for (const member of this.#members) member.onAnswer();
    this.#members = [];
  }
}

/**
 * One subscription: its source of events, and with it its pace, is its own. It asks for the answers to some events ahead, so that
 * those of a burst are executed together, and leave together. Takes one pull at a time.
 */
class GroupMember implements PullStream<EventAnswer>, Receiver<unknown> {
  readonly viewer: Viewer;
  readonly #group: SubscriptionGroup;
  readonly #events: PullStream<unknown>;
  readonly #turns: TurnQueue<GroupMember>;
  readonly #mask: (error: unknown) => Error;
  /** What was asked for and not handed over, in the order of the events. */
  readonly #answers: Answer[] = [];
  #receiver: Receiver<EventAnswer> | null = null;
  #awaitsEvent = false;
  #awaitsTurn = false;
  /** What comes after the answers. */
  #ending: 'end' | { error: unknown } | null = null;
  #hasLeft = false;

  constructor({
    group,
    viewer,
    events,
    turns,
    mask,
  }: {
    group: SubscriptionGroup;
    viewer: Viewer;
    events: PullStream<unknown>;
    turns: TurnQueue<GroupMember>;
    mask: (error: unknown) => Error;
  }) {
    this.viewer = viewer;
    this.#group = group;
    this.#events = events;
    this.#turns = turns;
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
    this.#receiver = receiver;
    this.#askAhead();
    this.onAnswer();
  }

  /** Ends the subscription at once; what was not handed over is dropped. */
  return(): Promise<IteratorResult<EventAnswer>> {
    this.#ending = 'end';
    this.#answers.length = 0;
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  onValue(event: unknown): void {
    this.#awaitsEvent = false;
    if (this.#hasLeft) return;
    this.#answers.push(this.#group.ask(event, this));
    this.#askAhead();
    this.onAnswer();
  }

  onEnd(): void {
    this.#ending ??= 'end';
    this.onAnswer();
  }

  onError(error: unknown): void {
    this.#ending ??= { error };
    this.onAnswer();
  }

  /** Waits for its turn, if there is something to hand over and somebody who wants it. */
  onAnswer(): void {
    if (this.#awaitsTurn || !this.#receiver || !this.#isReady) return;
    this.#awaitsTurn = true;
    this.#turns.add(this);
  }

  /** Hands over what there is, as long as it is wanted. */
  takeTurn(): void {
    while (this.#receiver && this.#isReady) {
      const answer = this.#answers.shift();
      if (!answer) this.#end();
      else if (answer.outcome === 'personal') this.#answers.unshift(this.#group.askAlone(answer.event, this));
      else if (answer.outcome instanceof EventAnswer) this.#takeReceiver()?.onValue(answer.outcome);
      else if (answer.outcome) this.#fail(answer.outcome.error);
    }
    this.#awaitsTurn = false;
  }

  get #isReady(): boolean {
    const [first] = this.#answers;
    return first ? first.outcome !== null : this.#ending !== null;
  }

  #askAhead(): void {
    if (this.#awaitsEvent || this.#ending || this.#answers.length >= answersAheadMax) return;
    this.#awaitsEvent = true;
    this.#events.pull(this);
  }

  #fail(error: unknown): void {
    this.#ending = { error };
    this.#answers.length = 0;
    this.#end();
  }

  #end(): void {
    this.#leave();
    const receiver = this.#takeReceiver();
    if (this.#ending && this.#ending !== 'end') {
      const { error } = this.#ending;
      this.#ending = 'end';
      receiver?.onError(this.#mask(error));
    } else receiver?.onEnd();
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#group.leave();
    // A source that fails while it is being closed has nobody left to tell.
    this.#events.return().catch(() => {});
  }

  #takeReceiver(): Receiver<EventAnswer> | null {
    const receiver = this.#receiver;
    this.#receiver = null;
    return receiver;
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
