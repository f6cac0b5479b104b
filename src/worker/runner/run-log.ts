import type { TicketName, WorkerApi } from '../api/worker-api.js';
import { excerpt } from '../excerpt.js';
import type { Redactor } from '../redactor.js';

/** Characters of a step's output that are logged: well within what a server takes. */
const outputLengthMax = 500_000;

/** Characters of a step's summary. */
const summaryLengthMax = 2000;

/** Tells what a run does: on standard output, and in the ticket's log. Never a secret. */
export class RunLog {
  constructor(
    private readonly api: WorkerApi,
    private readonly ticket: TicketName,
    private readonly sessionId: string,
    private readonly redactor: Redactor,
  ) {}

  /** A step that cannot be logged is told on standard error, and the run goes on. */
  async step(step: string, summary: string, details: { output?: string | undefined; success?: boolean } = {}): Promise<void> {
    const shown = excerpt(this.redactor.hide(summary), summaryLengthMax);
    const rawOutput = details.output === undefined ? undefined : excerpt(this.redactor.hide(details.output), outputLengthMax);
    this.say(`${step}: ${shown}`);
    try {
      await this.api.log(this.ticket, { sessionId: this.sessionId, step, summary: shown, rawOutput, success: details.success });
    } catch (error) {
      this.warn(`The step ${step} could not be logged: ${(error as Error).message}`);
    }
  }

  /** One line on standard output. */
  say(text: string): void {
    process.stdout.write(`[agent-runner] ${this.#line(text)}\n`);
  }

  /** One line on standard error. */
  warn(text: string): void {
    process.stderr.write(`[agent-runner] ${this.#line(text)}\n`);
  }

  #line(text: string): string {
    return this.redactor.hide(text).replace(/\s*[\r\n]+\s*/g, ' ');
  }
}
