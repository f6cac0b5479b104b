import { describe, expect, it } from 'vitest';
import { OpenCodeSession } from '../../src/worker/opencode/opencode.js';
import { useStubOpenCode } from '../support/agent-run.js';
import { type CannedAnswer, useRecordingServer } from '../support/recording-server.js';

const basics = { username: 'opencode', directory: '/srv/holt', model: 'worker-model', timeoutMs: 5000, warn: () => {} };

/** A session whose turns are answered so. */
async function useSession(turn: CannedAnswer, started: unknown = { id: 'ses_1' }) {
  const { url, requests } = await useRecordingServer(({ line }) =>
    line.startsWith('POST /session?') ? { status: 200, body: started } : turn,
  );
  return { requests, start: () => OpenCodeSession.start('run', { ...basics, url: `${url}/` }) };
}

describe('the OpenCode driver', () => {
  it('summarizes the session before turns 31 and 61, and before no other', async () => {
    const openCode = await useStubOpenCode();
    const session = await OpenCodeSession.start('run', { ...basics, url: openCode.url });

    for (let turn = 1; turn <= 62; turn += 1) await session.send(`Turn ${turn}`);

    const calls = openCode.requests.slice(1).map(({ line }) => line.split('/').at(-1));
    const before = calls.flatMap((call, index) => {
      if (call !== 'summarize') return [];
      return [calls.slice(0, index).filter((each) => each === 'message').length + 1];
    });
    expect(before).toEqual([31, 61]);
    expect(openCode.requests[31]?.body).toEqual({ providerID: 'terarchitect-proxy', modelID: 'worker-model' });
  });

  it('sends no credential where there is no password, and says where to work', async () => {
    const { requests, start } = await useSession({ status: 200, body: { info: {}, parts: [] } });

    await (await start()).send('Hello.');

    expect(requests.map(({ line }) => line)).toEqual(['POST /session?directory=%2Fsrv%2Fholt', 'POST /session/ses_1/message']);
    for (const { headers } of requests) {
      expect(headers).toMatchObject({ 'x-opencode-directory': '/srv/holt' });
      expect(headers).not.toHaveProperty('authorization');
    }
  });

  it('answers what was said and thought, also of the last message of a list, and nothing of the tools', async () => {
    const parts = [
      { type: 'step-start' },
      { type: 'reasoning', text: 'Hm.' },
      { type: 'tool', tool: 'write', text: 'no' },
      { type: 'text', text: ' ' },
      { type: 'text', text: 'Done.' },
    ];
    const one = await useSession({ status: 200, body: { info: { role: 'assistant' }, parts } });
    const list = await useSession({ status: 200, body: [{ info: {}, parts: [] }, { parts }] }, { sessionID: 'ses_2' });

    expect(await (await one.start()).send('Hello.')).toBe('Hm.\nDone.');
    expect(await (await list.start()).send('Hello.')).toBe('Hm.\nDone.');
  });

  it('is unavailable without the id of a session', async () => {
    const { start } = await useSession({ status: 200 }, {});

    await expect(start()).rejects.toMatchObject({ name: 'WorkerUnavailableError' });
  });

  it.each<[string, CannedAnswer, string]>([
    [
      'an error of OpenCode',
      { status: 500, body: { message: 'Out of tune' } },
      'OpenCode answered POST /session/ses_1/message with 500: ',
    ],
    ['no JSON', { status: 200 }, 'OpenCode answered POST /session/ses_1/message with what is no JSON.'],
    [
      'an error of its model',
      {
        status: 200,
        body: { info: { error: { name: 'APIError', data: { message: 'Overloaded', statusCode: 529 } } }, parts: [] },
      },
      "The worker's model failed: APIError: Overloaded",
    ],
  ])('is unavailable when a turn is answered with %s', async (_, turn, message) => {
    const session = await (await useSession(turn)).start();

    await expect(session.send('Hello.')).rejects.toMatchObject({
      name: 'WorkerUnavailableError',
      message: expect.stringContaining(message),
    });
  });
});
