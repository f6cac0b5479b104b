import { describe, expect, it } from 'vitest';
import { WorkerApi, WorkerApiError } from '../../src/worker/api/worker-api.js';
import { type CannedAnswer, type RecordedRequest, useRecordingServer } from '../support/recording-server.js';

const ticket = { projectId: '11111111-1111-4111-8111-111111111111', ticketId: '22222222-2222-4222-8222-222222222222' };
const ticketPath = `/api/projects/${ticket.projectId}/tickets/${ticket.ticketId}`;
const jobId = '33333333-3333-4333-8333-333333333333';

/** What the older servers answer, who say less than ours. */
function answerAsLegacyServer({ line }: RecordedRequest): CannedAnswer {
  if (line.endsWith('/worker-context'))
    return { status: 200, body: { current_ticket: { title: 'T' }, agent_settings: { A: '', B: 'b' } } };
  if (line.endsWith('/cancel-requested')) return { status: 200, body: { cancel_requested: true } };
  if (line.endsWith('/memory/retrieve')) return { status: 200, body: { results: [{ question: 'q1', docs: ['d'] }] } };
  if (line.endsWith('/jobs/start')) {
    const job = { job_id: jobId, ticket_id: ticket.ticketId, project_id: ticket.projectId, kind: 'ticket', repo_url: '' };
    return { status: 200, body: job };
  }
  if (line.endsWith('/settings')) return { status: 200, body: { MAX_CONCURRENT_AGENTS: '2' } };
  return { status: 200, body: {} };
}

async function useServer(answer: (request: RecordedRequest) => CannedAnswer, key?: string) {
  const { url, requests } = await useRecordingServer(answer);
  const warnings: string[] = [];
  const api = new WorkerApi({ url: `${url}/`, key, warn: (message) => warnings.push(message), firstPauseMs: 1 });
  return { api, requests, warnings };
}

const failuresFirst = (count: number, answer: CannedAnswer) => {
  let left = count;
  return (): CannedAnswer => (left-- > 0 ? { status: 503, body: { error: 'Busy' } } : answer);
};

describe('the client of the worker dialect', () => {
  it('sends what the older runner sent: the same paths, names and bodies, and names what it leaves out nowhere', async () => {
    const { api, requests } = await useServer(answerAsLegacyServer, 'sekret');

    await api.context(ticket);
    await api.log(ticket, { sessionId: 's1', step: 'step', summary: 'sum', rawOutput: 'raw' });
    await api.log(ticket, { sessionId: 's1', step: 'step', summary: 'sum' });
    await api.complete(ticket, { summary: 's', prUrl: 'https://github.com/o/r/pull/1', prNumber: 1 });
    await api.complete(ticket, { summary: 's', reviewCommentBody: 'rc' });
    await api.retrieveMemory(ticket.projectId, ['q1', 'q2'], 3);
    await api.indexMemory(ticket.projectId, ['d1']);
    await api.isCancelRequested(ticket);

    expect(requests.map(({ line, body }) => [line, body && JSON.parse(body)])).toEqual([
      [`GET ${ticketPath}/worker-context`, ''],
      [`POST ${ticketPath}/logs`, { session_id: 's1', step: 'step', summary: 'sum', raw_output: 'raw' }],
      [`POST ${ticketPath}/logs`, { session_id: 's1', step: 'step', summary: 'sum' }],
      [`POST ${ticketPath}/complete`, { summary: 's', pr_url: 'https://github.com/o/r/pull/1', pr_number: 1 }],
      [`POST ${ticketPath}/complete`, { summary: 's', review_comment_body: 'rc' }],
      [`POST /api/projects/${ticket.projectId}/memory/retrieve`, { queries: ['q1', 'q2'], num_to_retrieve: 3 }],
      [`POST /api/projects/${ticket.projectId}/memory/index`, { docs: ['d1'] }],
      [`GET ${ticketPath}/cancel-requested`, ''],
    ]);
    expect(requests.every(({ headers }) => headers.authorization === 'Bearer sekret')).toBe(true);
  });

  it('sends what the older coordinator sent: no body and no content type where that had none', async () => {
    const { api, requests } = await useServer(answerAsLegacyServer);

    const started = await api.startJob(ticket.projectId);
    await api.startJob();
    await api.completeJob({ job_id: jobId });
    await api.failJob({ job_id: jobId });
    const settings = await api.settings();

    expect(started).toMatchObject({ job_id: jobId, execution_mode: 'docker', project_path: null, agent_env: {} });
    expect(settings).toEqual({ MAX_CONCURRENT_AGENTS: '2' });
    expect(requests.map(({ line, body }) => [line, body])).toEqual([
      ['POST /api/worker/jobs/start', JSON.stringify({ project_id: ticket.projectId })],
      ['POST /api/worker/jobs/start', '{}'],
      [`POST /api/worker/jobs/${jobId}/complete`, ''],
      [`POST /api/worker/jobs/${jobId}/fail`, ''],
      ['GET /api/settings', ''],
    ]);
    for (const { headers } of requests.slice(2, 4)) {
      expect(headers).toMatchObject({ 'content-length': '0' });
      expect(headers).not.toHaveProperty('content-type');
    }
    expect(requests.some(({ headers }) => 'authorization' in headers)).toBe(false);
  });

  it('sends the fence of a run, where the server told one', async () => {
    const { api, requests } = await useServer(() => ({ status: 200, body: { lease_expires_at: '2026-01-02T03:04:05.000Z' } }));
    const run = { job_id: jobId, fence: 3 };

    const expiry = await api.heartbeatJob(run);
    await api.completeJob(run);
    await api.failJob(run, 'exit code 1');

    expect(expiry).toEqual(new Date('2026-01-02T03:04:05.000Z'));
    expect(requests.map(({ body }) => JSON.parse(body))).toEqual([
      { fence: 3 },
      { fence: 3 },
      { fence: 3, reason: 'exit code 1' },
    ]);
  });

  it('answers null when no job waits', async () => {
    const { api } = await useServer(() => ({ status: 204 }));

    expect(await api.startJob()).toBeNull();
  });

  it('reads what an older server leaves out as not said, and an empty setting as not set', async () => {
    const { api } = await useServer(answerAsLegacyServer);

    const context = await api.context(ticket);

    expect(context).toMatchObject({
      current_ticket: { title: 'T', description: '' },
      agent_settings: { B: 'b' },
      project_name: '',
      graph_relevant_to_current_ticket: { nodes: [], edges: [] },
    });
  });

  it('tells of a failing log, and logs it by the same idempotency key when the server is back', async () => {
    const { api, requests, warnings } = await useServer(failuresFirst(2, { status: 200, body: { id: 'x' } }));

    await api.log(ticket, { sessionId: 's1', step: 'step', summary: 'sum' });

    expect(requests).toHaveLength(3);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(requests[0]?.headers['idempotency-key']).toBeTruthy();
    expect(warnings).toEqual([
      `POST ${ticketPath}/logs was answered 503: Busy; trying again (2 of 4).`,
      `POST ${ticketPath}/logs was answered 503: Busy; trying again (3 of 4).`,
    ]);
  });

  it('gives up after a bounded number of attempts, and at once where the server means it', async () => {
    const busy = await useServer(failuresFirst(99, { status: 200 }));
    const refusing = await useServer(() => ({ status: 401, body: { error: 'Invalid worker API token' } }));

    const gaveUp = await busy.api.context(ticket).catch((error: unknown) => error);
    const refused = await refusing.api.complete(ticket, {}).catch((error: unknown) => error);

    expect(gaveUp).toMatchObject({ name: 'WorkerApiError', status: 503 });
    expect(busy.requests).toHaveLength(4);
    expect(refused).toBeInstanceOf(WorkerApiError);
    expect(refused).toMatchObject({
      isRefusal: true,
      message: `POST ${ticketPath}/complete was answered 401: Invalid worker API token`,
    });
    expect(refusing.requests).toHaveLength(1);
  });

  it('says so when nobody is there', async () => {
    const api = new WorkerApi({ url: 'http://127.0.0.1:1', warn: () => {}, firstPauseMs: 1 });

    await expect(api.isCancelRequested(ticket)).rejects.toMatchObject({
      name: 'WorkerApiError',
      status: null,
      message: expect.stringContaining('could not be reached: connect ECONNREFUSED 127.0.0.1:1'),
    });
  });
});
