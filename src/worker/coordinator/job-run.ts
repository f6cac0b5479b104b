import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '../api/answers.js';
import { type StartedJob, type TicketName, type WorkerApi, WorkerApiError } from '../api/worker-api.js';
import type { Redactor } from '../redactor.js';
import { type AgentEnd, AgentProcess, type AgentProgram } from './agent-process.js';
import type { Journal } from './journal.js';
import { OutputLines } from './output-lines.js';
import { TicketLog } from './ticket-log.js';

/** What became of a job, as far as its coordinator is concerned. */
export type Outcome = 'completed' | 'failed' | 'canceled' | 'returned' | 'lost' | 'not_started';

/** Why a run is stopped before it has ended by itself. */
type StopReason = 'canceled' | 'lost' | 'shutdown';

export interface JobRunParts {
  api: WorkerApi;
  journal: Journal;
  /** Knows the secrets of this job. */
  redactor: Redactor;
  program: AgentProgram;
  /** Milliseconds between two looks whether somebody asked for the run to stop. */
  cancelPollMs: number;
  /** Told the process group of the agent's program. */
  onStart: (pid: number) => void;
}

/** Milliseconds after which a heartbeat that did not get through is tried again at most. */
const heartbeatAgainMs = 5_000;

/** Lines of output that the reason of a failure ends with, and characters of them. */
const tailLines = 20;
const tailLength = 4_000;

/** Lines of output that are told again, between marks, when a run fails. */
const toldAgainLines = 200;

/** Milliseconds between two tries to say how a job ended, while the server is away. */
const reportAgainMs = 5_000;

/** Milliseconds that a coordinator which stops goes on trying to say how its jobs ended. */
const lastReportMs = 10_000;

/** One run of a job: its agent, its heartbeats, its output, and what is said of it in the end. */
export class JobRun {
  readonly #process: AgentProcess;
  readonly #ticketLog: TicketLog;
  readonly #startedAt = performance.now();
  readonly #over = new AbortController();
  readonly #tail: string[] = [];
  #stopReason: StopReason | undefined;

  constructor(
    readonly job: Job,
    private readonly parts: JobRunParts,
  ) {
    const { api, redactor, journal, program, onStart } = parts;
    this.#ticketLog = new TicketLog({
      api,
      ticket: this.#ticket,
      jobId: job.job_id,
      onTrouble: (error) => this.#warn('job_log_trouble', `cannot keep output in the log of its ticket: ${messageOf(error)}`),
    });
    const lines = () =>
      new OutputLines(
        (text) => redactor.hide(text),
        (line) => {
          journal.output(job.job_id, line);
          this.#ticketLog.append(line);
          this.#tail.push(line);
          if (this.#tail.length > toldAgainLines) this.#tail.shift();
        },
      );
    const [stdout, stderr] = [lines(), lines()];
    this.#process = new AgentProcess(program, {
      stdout: (piece) => stdout.write(piece),
      stderr: (piece) => stderr.write(piece),
    });
    const { pid } = this.#process;
    if (pid !== undefined) {
      onStart(pid);
      this.#tell('job_started', `started ${placeOf(program, job)}`);
    }
    void this.#process.ended
      .finally(() => {
        stdout.end();
        stderr.end();
      })
      .catch(() => {});
  }

  /** Resolves when the run is over and that was said, or cannot be said. Never rejects. */
  async finished(): Promise<Outcome> {
    const watches = [this.#keepAlive(), this.#watchCancellation()];
    const outcome = await this.#settle();
    this.#over.abort();
    await Promise.all(watches);
    return outcome;
  }

  /** Ends the agent and gives the job back, unless it ends well by itself meanwhile. */
  async stop(): Promise<void> {
    await this.#stop('shutdown');
  }

  async #settle(): Promise<Outcome> {
    const { end, problem } = await this.#process.ended.then(
      (end) => ({ end, problem: this.#problemOf(end) }),
      (error: Error) => ({ end: null, problem: { words: error.message, reason: error.message } }),
    );
    // What is asked for from now on comes too late.
    const stopReason = this.#stopReason;
    if (problem !== null && stopReason === undefined) this.#ticketLog.append(`[coordinator] ${problem.words}`);
    await this.#ticketLog.finish();
    if (this.#stopReason === 'lost') return 'lost';
    if (stopReason === 'canceled') return this.#report('canceled', 'canceled', (api, run) => api.failJob(run, 'canceled'));
    if (problem === null) return this.#report('completed', 'completed', (api, run) => api.completeJob(run));
    // One that has ended well though it was stopped need not be run again: it came to its end in time.
    if (stopReason === 'shutdown') return this.#report('returned', 'given back', returnJob);
    this.#tellOutputAgain();
    const { words, reason } = problem;
    const outcome = await this.#report('failed', `failed: ${words}`, (api, run) => api.failJob(run, reason));
    return end === null ? 'not_started' : outcome;
  }

  /**
   * Says how the run ended, and goes on trying while the server is away: heartbeats keep the job meanwhile. Whoever has lost
   * it has nothing to say.
   */
  async #report(outcome: Outcome, words: string, send: (api: WorkerApi, run: StartedJob) => Promise<void>): Promise<Outcome> {
    for (const startedAt = performance.now(); ; ) {
      try {
        await send(this.parts.api, this.job);
        this.#tell(`job_${outcome}`, `${words} (after ${this.#duration()})`, {
          durationMs: Math.round(performance.now() - this.#startedAt),
        });
        return outcome;
      } catch (error) {
        if (this.#stopReason === 'lost') return 'lost';
        if (error instanceof WorkerApiError && error.status === 409) {
          this.#warn('job_lost', `was over already when it should be reported as ${outcome}: ${error.message}`);
          return 'lost';
        }
        const isLastTry = this.#stopReason === 'shutdown' && performance.now() - startedAt > lastReportMs;
        if (!(error instanceof WorkerApiError && error.isPassing) || isLastTry) {
          this.#warn(
            'job_unreported',
            `${outcome}, which could not be said: ${messageOf(error)}. It waits again when its lease lapses.`,
          );
          return outcome;
        }
        this.#warn('job_report_trouble', `${outcome}, which cannot be said yet: ${error.message}`);
        await pause(reportAgainMs);
      }
    }
  }

  /** Heartbeats at a third of the lease, until the run is over, also in what was said of it. */
  async #keepAlive(): Promise<void> {
    const { lease_seconds: leaseSeconds } = this.job;
    // A server without leases: the job is ours until we say otherwise.
    if (leaseSeconds === undefined) return;
    const intervalMs = (leaseSeconds * 1000) / 3;
    let isInTrouble = false;
    while (await this.#stillRunsAfter(isInTrouble ? Math.min(intervalMs, heartbeatAgainMs) : intervalMs)) {
      const error = await this.#beat();
      if (error === null) {
        if (isInTrouble) this.#tell('job_heartbeat_recovered', 'heartbeats get through again');
        isInTrouble = false;
      } else if (!isInTrouble) {
        isInTrouble = true;
        const advice = error instanceof WorkerApiError && error.isRefusal ? ' Is TERARCHITECT_WORKER_API_KEY still right?' : '';
        this.#warn(
          'job_heartbeat_trouble',
          `heartbeat error: ${messageOf(error)}. It goes on, and is lost if its lease of ${leaseSeconds} s lapses.${advice}`,
        );
      }
    }
  }

  /** Answers what kept the heartbeat from getting through; null when nothing did, or the run is over with it. */
  async #beat(): Promise<unknown> {
    try {
      await this.parts.api.heartbeatJob(this.job);
      return null;
    } catch (error) {
      if (this.#over.signal.aborted) return null;
      if (!(error instanceof WorkerApiError && (error.status === 409 || error.status === 404))) return error;
      this.#warn('job_lost', `was lost: ${error.message}. Its agent is stopped, and nothing is reported.`);
      void this.#stop('lost');
      this.#over.abort();
      return null;
    }
  }

  async #watchCancellation(): Promise<void> {
    while (await this.#stillRunsAfter(this.parts.cancelPollMs)) {
      try {
        if (!(await this.parts.api.isCancelRequested(this.#ticket, this.#over.signal))) continue;
      } catch (error) {
        // The ticket was deleted, and its jobs with it. Of all else the heartbeats tell.
        if (error instanceof WorkerApiError && error.status === 404 && this.job.lease_seconds !== undefined) await this.#beat();
        continue;
      }
      this.#tell('job_cancel_requested', 'is to be canceled: stopping its agent');
      await this.#stop('canceled');
      return;
    }
  }

  async #stop(reason: StopReason): Promise<void> {
    // To have lost the job goes before all else: it is not ours to say anything of.
    if (this.#stopReason === undefined || reason === 'lost') this.#stopReason = reason;
    await this.#process.stop();
  }

  /** Resolves after so long, or at once when the run is over. */
  async #stillRunsAfter(ms: number): Promise<boolean> {
    const { signal } = this.#over;
    await pause(ms, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }

  /** Why the run has failed, in words, and with the end of its output; null when it has not. */
  #problemOf({ exitCode, how }: AgentEnd): { words: string; reason: string } | null {
    if (exitCode === 0) return null;
    const isDockerItself = this.parts.program.container !== null && exitCode === 125;
    const words = isDockerItself ? 'Docker could not run the container (exit code 125).' : `The agent ${how}.`;
    const tail = this.#tail.slice(-tailLines).join('\n').slice(-tailLength).toWellFormed();
    return { words, reason: tail.trim() === '' ? words : `${words} Its last words:\n${tail}` };
  }

  /** Whoever watches the errors alone sees why. */
  #tellOutputAgain(): void {
    if (this.#tail.length === 0) return;
    this.#warn('job_output_again', `----- its last ${this.#tail.length} lines -----`);
    for (const line of this.#tail) this.#warn('job_output_again', `| ${line}`);
    this.#warn('job_output_again', '----- end of its output -----');
  }

  get #ticket(): TicketName {
    return { projectId: this.job.project_id, ticketId: this.job.ticket_id };
  }

  #duration(): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  #tell(event: string, message: string, facts?: Record<string, unknown>): void {
    this.parts.journal.tell({
      event,
      message: this.parts.redactor.hide(message),
      jobId: this.job.job_id,
      ...(facts && { facts }),
    });
  }

  #warn(event: string, message: string): void {
    this.parts.journal.warn({ event, message: this.parts.redactor.hide(message), jobId: this.job.job_id });
  }
}

/** Gives a job back; to a server that cannot take it back, it has failed. */
export async function returnJob(api: WorkerApi, run: StartedJob): Promise<void> {
  try {
    await api.releaseJob(run);
  } catch (error) {
    const isUnknown = error instanceof WorkerApiError && (error.status === 404 || error.status === 405);
    if (!isUnknown) throw error;
    await api.failJob(run, 'The coordinator was stopped.');
  }
}

function placeOf({ container }: AgentProgram, { project_path: directory }: Job): string {
  if (container !== null) return `in container ${container}`;
  return directory === null ? 'on this machine' : `on this machine, in ${directory}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
