import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { z } from 'zod';
import type { WorkerContext } from '../api/answers.js';
import { WorkerApi, type WorkerApiError } from '../api/worker-api.js';
import { CommandError } from '../command.js';
import { planAnswer, type ReportAnswer, reportAnswer, turnAnswer } from '../director/answers.js';
import { Director, DirectorError } from '../director/director.js';
import { planInstructions, pullRequestInstructions, replyInstructions, turnInstructions } from '../director/instructions.js';
import { describeSituation, type Turn } from '../director/situation.js';
import { excerpt } from '../excerpt.js';
import { accessTo } from '../git/credentials.js';
import { type PullRequest, PullRequests } from '../git/pull-requests.js';
import { isEmptyDirectory, Repository, RepositoryError } from '../git/repository.js';
import { OpenCodeSession, WorkerUnavailableError } from '../opencode/opencode.js';
import { Redactor } from '../redactor.js';
import { type AgentSettings, agentSettings, MisconfiguredError } from './agent-settings.js';
import { CancelWatch } from './cancel-watch.js';
import type { RunnerEnvironment } from './environment.js';
import { executionPrompt, planPrompt, planRevisionPrompt, researchPrompt, reviewPreface, setupPrompt } from './prompts.js';
import { RunCanceled, RunError, RunStopped } from './run-errors.js';
import { RunLog } from './run-log.js';

/** Turns of the execution. Source: contracts.md 4.3. */
const turnsMax = { ticket: 1000, review: 50 };

/** Times that a plan is reviewed. */
const planRoundsMax = 5;

/** Characters of the summary that the ticket is completed with. Source: contracts.md 4.3. */
const completionSummaryLength = 500;

/** Documents of the memory for each question. */
const memoriesPerQuery = 5;

/** Signals that end a runner, with what the process then ends with. */
const signalExitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Works on one ticket, or answers one comment on its pull request, from the clone to the completion, and answers the exit
 * code: 0 when the work is done, also when it could not be pushed or proposed, and when the run was canceled; else 1, or
 * 128 and the signal that stopped it. Whatever ends it is told on standard error and, once the server can be asked, in the
 * ticket's log. Source: contracts.md 4.3; docs/worker.md has a table of every end.
 */
export async function runAgent(environment: RunnerEnvironment, stop: AbortSignal): Promise<number> {
  const redactor = new Redactor();
  redactor.addNamed(environment.all);
  const scratch = await mkdtemp(path.join(tmpdir(), 'baton-agent-'));
  try {
    const repository = await openRepository(environment, scratch, stop);
    return await new AgentRun(environment, repository, redactor, stop).toItsEnd();
  } catch (error) {
    // Before the server could be asked for the ticket: there is no log to write to.
    process.stderr.write(`Error: ${redactor.hide((error as Error).message)}\n`);
    return exitCodeOf(error);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof RunCanceled) return 0;
  return (error instanceof RunStopped && signalExitCodes[error.signal]) || 1;
}

/** A clone of one's own, or the workspace that is there. */
async function openRepository(environment: RunnerEnvironment, scratch: string, stop: AbortSignal): Promise<Repository> {
  const { repoUrl, workspace, ticketId, githubToken, forPrograms } = environment;
  const access = accessTo(repoUrl, githubToken);
  const options = { branch: `ticket-${ticketId}`, access, environment: forPrograms, signal: stop };
  if (workspace === undefined) return Repository.clone({ ...options, directory: path.join(scratch, 'workspace') });
  const directory = path.resolve(workspace);
  const mayClone = repoUrl !== '' && (await isEmptyDirectory(directory));
  return mayClone ? Repository.clone({ ...options, directory }) : Repository.open({ ...options, directory });
}

/** A run that has a working copy. */
class AgentRun {
  readonly #sessionId = randomUUID();
  readonly #ticket;
  readonly #api: WorkerApi;
  readonly #log: RunLog;
  readonly #cancel: CancelWatch;
  readonly #turns: Turn[] = [];
  #context!: WorkerContext;
  #settings!: AgentSettings;
  #director!: Director;
  #openCode: OpenCodeSession | undefined;
  /** Approved. */
  #plan: string | undefined;
  /** Of the work, by the Director. */
  #summary = '';

  constructor(
    private readonly environment: RunnerEnvironment,
    private readonly repository: Repository,
    private readonly redactor: Redactor,
    stop: AbortSignal,
  ) {
    const { apiUrl, apiKey, projectId, ticketId, cancelPollMs } = environment;
    this.#ticket = { projectId, ticketId };
    const warn = (text: string) => this.#log.warn(text);
    this.#api = new WorkerApi({ url: apiUrl, key: apiKey, warn });
    this.#log = new RunLog(this.#api, this.#ticket, this.#sessionId, redactor);
    this.#cancel = new CancelWatch({ api: this.#api, ticket: this.#ticket, pollMs: cancelPollMs, stop, warn });
  }

  async toItsEnd(): Promise<number> {
    try {
      this.#context = await this.#loadContext();
    } catch (error) {
      process.stderr.write(`Error: could not load the context of the ticket: ${this.redactor.hide((error as Error).message)}\n`);
      return 1;
    }
    try {
      await this.#begin();
      await this.#work();
      await this.#finish();
      return 0;
    } catch (error) {
      const end = endOf(error);
      await this.#log.step(end.step, end.message, { success: false });
      if (!(error instanceof RunCanceled)) process.stderr.write(`Error: ${this.redactor.hide(end.message)}\n`);
      return exitCodeOf(error);
    }
  }

  /** Throws WorkerApiError. */
  async #loadContext(): Promise<WorkerContext> {
    const context = await this.#api.context(this.#ticket);
    this.redactor.addNamed(context.agent_settings);
    return context;
  }

  async #begin(): Promise<void> {
    const { kind, dockerRunError, settings: given, apiUrl } = this.environment;
    const { project_name, current_ticket, notes, agent_settings: stored } = this.#context;
    await this.#log.step('session_started', `The ${kind} run ${this.#sessionId} has started.`);
    if (dockerRunError) await this.#log.step('docker_run_fallback', dockerRunError, { success: false });
    const nodes = this.#context.graph_relevant_to_current_ticket.nodes.length;
    await this.#log.step(
      'context_loaded',
      `"${current_ticket.title}" of project ${project_name}, with ${nodes} nodes of its architecture and ${notes.length} notes.`,
    );
    const isInContainer = new URL(apiUrl).hostname === 'host.docker.internal';
    this.#settings = agentSettings({ given, stored, isInContainer });
    const { director, identity, isTracing } = this.#settings;
    const warn = (text: string) => this.#log.warn(text);
    const trace = isTracing ? (text: string) => warn(`Director ${excerpt(text, 2000)}`) : undefined;
    this.#director = new Director({ ...director, warn, trace });
    await this.#cancel.check();
    const { branch, isResumed } = this.repository;
    await this.repository.setIdentity(identity, { isOurs: this.environment.workspace === undefined });
    this.repository.access = accessTo(this.environment.repoUrl, this.#githubToken());
    const origin = isResumed ? 'is there already: the work goes on from it' : 'was created from the default branch';
    const isLost = kind === 'review' && !isResumed;
    await this.#log.step('branch_created', `${branch} ${origin}${isLost ? ', for the pull request has none of this name' : ''}.`);
  }

  async #work(): Promise<void> {
    const { kind } = this.environment;
    const { title, description } = this.#context.current_ticket;
    const known = { context: this.#context, memories: await this.#recall([title, description || this.#context.project_name]) };
    if (kind === 'review') {
      const comment = this.environment.commentBody;
      await this.#execute({ preface: reviewPreface({ ...known, comment }), comment });
      return;
    }
    if (title.trim().toLowerCase() === 'project setup') {
      await this.#turn('worker_setup_prompt', 'worker_setup_done', setupPrompt(known));
      await this.#execute();
      return;
    }
    await this.#turn('worker_research_prompt', 'worker_research_done', researchPrompt(known));
    await this.#cancel.check();
    const plan = await this.#turn('worker_plan_prompt', 'worker_plan_done', planPrompt());
    this.#plan = await this.#approved(plan);
    await this.#execute();
  }

  /** Has the plan revised until it is approved. Throws RunError when it is not, after so many rounds. */
  async #approved(first: string): Promise<string> {
    let plan = first;
    for (let round = 1; ; round += 1) {
      await this.#cancel.check();
      const answer = await this.#ask(planInstructions, planAnswer, plan);
      if (answer.plan_approved) {
        const approved = answer.approved_plan_text || plan;
        await this.#log.step('plan_approved', `The plan is approved in round ${round}.`, { output: approved, success: true });
        return approved;
      }
      const feedback = answer.next_prompt || answer.summary;
      await this.#log.step('plan_rejected', `Round ${round}: ${feedback}`, { success: false });
      if (round === planRoundsMax) {
        throw new RunError(
          'plan_not_approved',
          `No plan was approved in ${planRoundsMax} rounds; the last objection was: ${feedback}`,
        );
      }
      await this.#cancel.check();
      plan = await this.#turn('worker_plan_prompt', 'worker_plan_done', planRevisionPrompt(feedback));
    }
  }

  /** Turn by turn as the Director says, until it says that all is done, or there were too many. */
  async #execute({ preface, comment }: { preface?: string; comment?: string } = {}): Promise<void> {
    const max = turnsMax[this.environment.kind];
    for (let turn = 0; turn < max; turn += 1) {
      await this.#cancel.check();
      const answer = await this.#ask(turnInstructions, turnAnswer, this.#plan, comment);
      // Nobody has done anything yet: whatever the Director says, it cannot be complete.
      if (answer.complete && turn > 0) return this.#complete(answer.summary, turn);
      const prompt = answer.next_prompt || executionPrompt(this.#plan);
      const whole = preface && turn === 0 ? `${preface}\n\n## What to do\n${prompt}` : prompt;
      await this.#turn(`worker_turn_${turn + 1}_prompt`, `worker_turn_${turn + 1}`, whole);
    }
    await this.#complete(`The work ended at its limit of ${max} turns, before the Director called it complete.`, max);
  }

  async #complete(summary: string, turns: number): Promise<void> {
    this.#summary = summary || `The work was done in ${turns} turns.`;
    const { title } = this.#context.current_ticket;
    const docs = [
      `Ticket "${title}" was worked on. ${this.#summary}`,
      ...(this.#plan ? [`Plan of ticket "${title}":\n${this.#plan}`] : []),
    ];
    try {
      await this.#api.indexMemory(
        this.environment.projectId,
        docs.map((doc) => excerpt(this.redactor.hide(doc), 20_000)),
      );
      await this.#log.step('memory_indexed', `The project remembers ${docs.length} texts of this run.`);
    } catch (error) {
      this.#log.warn(`The project could not remember this run: ${(error as Error).message}.`);
    }
    await this.#log.step('task_complete', this.#summary, { success: true });
  }

  /** Commits, pushes, proposes or replies, and completes the ticket. */
  async #finish(): Promise<void> {
    const isReview = this.environment.kind === 'review';
    await this.#cancel.check();
    await this.#log.step(
      'finalize',
      isReview ? 'Pushing what was changed, and replying.' : 'Pushing what was changed, and proposing it.',
    );
    const report = await this.#report(isReview ? replyInstructions : pullRequestInstructions);
    await this.#commit();
    await this.#cancel.check();
    const pushProblem = await this.#push();
    await this.#cancel.check();
    const text = pushProblem ? `${report.summary}\n\nNothing could be pushed: ${pushProblem}` : report.summary;
    if (isReview) {
      await this.#comment(text);
      await this.#tellCompletion({ summary: text, reviewCommentBody: text });
      return;
    }
    const pullRequest = pushProblem === undefined ? await this.#propose(report) : undefined;
    await this.#tellCompletion({ summary: text, prUrl: pullRequest?.url, prNumber: pullRequest?.number });
  }

  /** The work in words. It is done by now: a Director who finds none does not undo it. */
  async #report(instructions: string): Promise<ReportAnswer> {
    const plain = { title: this.#context.current_ticket.title, summary: this.#summary };
    try {
      const comment = this.environment.kind === 'review' ? this.environment.commentBody : undefined;
      const { title, summary } = await this.#ask(instructions, reportAnswer, this.#plan, comment);
      return { title: this.redactor.hide(title || plain.title), summary: this.redactor.hide(summary) };
    } catch (error) {
      if (!(error instanceof DirectorError)) throw error;
      this.#log.warn(`The Director could not describe the work: ${error.message}`);
      return { title: this.redactor.hide(plain.title), summary: this.redactor.hide(plain.summary) };
    }
  }

  /** Throws RunError, also where something that was changed holds a secret: then nothing leaves this machine. */
  async #commit(): Promise<void> {
    const { title } = this.#context.current_ticket;
    let isSecretIn: boolean;
    try {
      await this.repository.commitAll(this.redactor.hide(`${title || 'Work on the ticket'}\n\n${this.#summary}`));
      isSecretIn = await this.repository.someAddedLine((line) => this.redactor.isIn(line));
    } catch (error) {
      throw new RunError('commit_failed', `The work could not be committed, so nothing is pushed: ${(error as Error).message}`);
    }
    if (isSecretIn) {
      const message =
        'The agent has written one of its credentials into the repository, so nothing is pushed. Replace that credential.';
      throw new RunError('secret_found', message);
    }
  }

  /** Answers what went wrong, if anything did; the log then keeps the work. */
  async #push(): Promise<string | undefined> {
    if (!(await this.repository.hasNewCommits()) && !(await this.repository.hasWork())) {
      await this.#log.step('nothing_to_push', 'The agent changed nothing in the repository.');
      return undefined;
    }
    try {
      await this.repository.push();
      return undefined;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { message } = error;
      const patch = await this.repository.patch().catch(() => undefined);
      await this.#log.step('push_failed', `${message} The output is the work, as a patch.`, { output: patch, success: false });
      return this.redactor.hide(message);
    }
  }

  async #propose({ title, summary }: ReportAnswer): Promise<PullRequest | undefined> {
    if (!(await this.repository.hasWork())) return undefined;
    const { branch } = this.repository;
    const heading = (title.split('\n', 1)[0] ?? '').slice(0, 200) || branch;
    try {
      const pullRequest = await this.#pullRequests().open({ title: heading, body: summary, branch });
      await this.#log.step('pull_request_opened', pullRequest.url, { success: true });
      return pullRequest;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      await this.#log.step('pull_request_failed', `The work is pushed to ${branch}. ${error.message}`, { success: false });
      return undefined;
    }
  }

  async #comment(text: string): Promise<void> {
    try {
      await this.#pullRequests().comment(this.environment.prNumber ?? 0, text);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      await this.#log.step('comment_failed', error.message, { output: text, success: false });
    }
  }

  #pullRequests(): PullRequests {
    return new PullRequests(this.repository.directory, this.environment.forPrograms, this.#githubToken());
  }

  #githubToken(): string | undefined {
    return this.environment.githubToken ?? this.#settings.githubToken;
  }

  /** Throws RunError: a ticket that was not told must not look as if it were. */
  async #tellCompletion(completion: {
    summary: string;
    prUrl?: string;
    prNumber?: number;
    reviewCommentBody?: string;
  }): Promise<void> {
    try {
      await this.#api.complete(this.#ticket, { ...completion, summary: completion.summary.slice(0, completionSummaryLength) });
    } catch (error) {
      const { message } = error as WorkerApiError;
      const where = completion.prUrl ?? `branch ${this.repository.branch}`;
      throw new RunError('complete_failed', `The work is done (${where}), and the server could not be told: ${message}.`);
    }
    this.#log.say(`complete: ${completion.prUrl ?? 'without a pull request'}`);
  }

  /** One turn of the worker, logged before and after; answers what it said. */
  async #turn(promptStep: string, doneStep: string, prompt: string): Promise<string> {
    const hidden = this.redactor.hide(prompt);
    await this.#log.step(promptStep, excerpt(hidden, 200), { output: hidden });
    const said = await this.#cancel.during(async (signal) => (await this.#session(signal)).send(hidden, signal));
    const output = this.redactor.hide(said);
    this.#turns.push({ prompt: hidden, output });
    await this.#log.step(doneStep, excerpt(output, 200) || 'The worker said nothing.', { output });
    return output;
  }

  /** One for the whole run, so that the worker remembers what it did. */
  async #session(signal: AbortSignal): Promise<OpenCodeSession> {
    const { openCode } = this.environment;
    const options = { ...openCode, ...this.#settings.worker, directory: this.repository.directory };
    const warn = (text: string) => this.#log.warn(text);
    this.#openCode ??= await OpenCodeSession.start(this.#sessionId, { ...options, warn }, signal);
    return this.#openCode;
  }

  /** Asks the Director, who is shown all that it may know and no secret. Throws DirectorError. */
  async #ask<Answer>(instructions: string, schema: z.ZodType<Answer>, plan?: string, comment?: string): Promise<Answer> {
    const { title } = this.#context.current_ticket;
    const memories = await this.#recall([title, this.#turns.at(-1)?.output.slice(-500) ?? ''].filter(Boolean));
    const situation = describeSituation({ context: this.#context, memories, plan, comment, turns: this.#turns });
    const question = { instructions, situation: this.redactor.hide(situation) };
    return this.#cancel.during((signal) => this.#director.ask(question, schema, signal));
  }

  /** What the project remembers; nothing when its memory cannot be asked. */
  async #recall(queries: string[]): Promise<string[]> {
    try {
      const results = await this.#api.retrieveMemory(
        this.environment.projectId,
        queries.map((query) => this.redactor.hide(query)),
        memoriesPerQuery,
      );
      return [...new Set(results.flatMap(({ docs }) => docs))];
    } catch (error) {
      this.#log.warn(`The memory of the project could not be asked: ${(error as Error).message}.`);
      return [];
    }
  }
}

/** What is logged of the end of a run that did not reach its own. */
function endOf(error: unknown): { step: string; message: string } {
  const { message } = error as Error;
  if (error instanceof RunCanceled) return { step: 'cancelled', message };
  if (error instanceof RunStopped) return { step: 'stopped', message };
  if (error instanceof RunError) return { step: error.step, message };
  if (error instanceof MisconfiguredError) return { step: 'misconfigured', message };
  if (error instanceof WorkerUnavailableError) return { step: 'worker_unavailable', message };
  if (error instanceof DirectorError) return { step: 'director_failed', message };
  if (error instanceof CommandError || error instanceof RepositoryError) return { step: 'git_failed', message };
  return { step: 'failed', message: `This is a bug of the agent runner: ${(error as Error).stack ?? message}` };
}
