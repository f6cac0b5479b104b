import type { Stage } from './stage.js';
import type { FeedEvent } from './watcher.js';

/** Milliseconds of silence after which the tasks that were created until then are told. */
const silenceMs = 150;

/** Tells the events that the watcher receives, one line each; what was created by the dozen in one line. */
export class Narrator {
  #created: FeedEvent[] = [];
  #silence: NodeJS.Timeout | undefined;

  constructor(private readonly stage: Stage) {}

  readonly hear = (event: FeedEvent): void => {
    if (event.__typename !== 'TaskCreated') {
      this.#tellCreated();
      this.#tell(event, describe(event));
      return;
    }
    this.#created.push(event);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#tellCreated(), silenceMs);
  };

  #tellCreated(): void {
    clearTimeout(this.#silence);
    const [first] = this.#created;
    const count = this.#created.length;
    this.#created = [];
    if (first) this.#tell(first, says('created', `${count} ${count === 1 ? 'task' : 'tasks'}`));
  }

  #tell({ actor, actorLabel }: FeedEvent, what: string): void {
    this.stage.live(actor?.name ?? actorLabel ?? '', what);
  }
}

function describe(event: FeedEvent): string {
  switch (event.__typename) {
    case 'TaskClaimed':
      return says('claimed', `${event.task.title}, fence ${event.fence}${event.isOverride ? ', by override' : ''}`);
    case 'TaskStatusChanged':
      return says(statusVerbs[event.taskStatus] ?? event.taskStatus, because(event.task.title, event.reason));
    case 'TaskCompleted': {
      const isOwn = event.formerHolder?.id === event.actor?.id;
      return says('finished', isOwn ? event.task.title : `${event.task.title}, the work of ${event.formerHolder?.name}`);
    }
    case 'TaskLeaseExpired':
      return says('expired', `the lease of ${event.formerHolder?.name} on ${event.task.title}: READY again`);
    case 'TaskFailed':
      return says('failed', because(event.task.title, event.reason));
    case 'TaskCanceled':
      return says('canceled', because(event.task.title, event.reason));
    case 'MessagePosted':
      return says('said', textOf(event.message.payload));
    case 'ThreadCreated':
      return says('opened', `the thread ${event.thread.title}`);
    case 'ProjectCreated':
      return says('created', `the project ${event.project?.name}`);
    case 'PlanCreated':
      return says('planned', event.plan.title);
    case 'PlanRevised':
      return says('revised', `${event.plan.title}, now revision ${event.revision}`);
    case 'PlanStatusChanged':
      return says('set', `${event.plan.title} to ${event.planStatus}`);
    case 'DecisionRecorded': {
      const replaced = event.superseded ? `, in place of: ${event.superseded.title}` : '';
      return says('decided', `${event.decision.title}${replaced}`);
    }
    default:
      return event.__typename;
  }
}

const statusVerbs: Partial<Record<string, string>> = {
  IN_PROGRESS: 'started',
  REVIEW: 'handed in',
  BLOCKED: 'blocked',
  READY: 'unblocked',
};

/** The verbs stand in a column of their own. */
function says(verb: string, what: string): string {
  return `${verb.padEnd(9)} ${what}`;
}

function because(what: string, reason: string | null): string {
  return reason === null ? what : `${what}: ${reason}`;
}

function textOf(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'text' in payload ? String(payload.text) : JSON.stringify(payload);
}
