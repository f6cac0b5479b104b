import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BatonConnectionError } from '../../src/sdk/errors.js';
import { VPCoordinationClient } from '../../src/sdk/vp-coordination-client.js';
import { unusedUrl } from '../support/network.js';
import { type RecordedRequest, useRecordingServer } from '../support/recording-server.js';

const delegated = () => ({ status: 200, body: { data: { success: true }, message: 'done' } });

const sent = ({ line, body }: RecordedRequest) => [line, JSON.parse(body)];

describe('the coordination client', () => {
  it('sends the four calls as documented, with nothing but the address and token of the environment', async () => {
    const { url, requests } = await useRecordingServer(delegated);
    vi.stubEnv('BATON_URL', url);
    vi.stubEnv('BATON_TOKEN', 'a-session');
    onTestFinished(() => void vi.unstubAllEnvs());
    const client = new VPCoordinationClient();

    await client.delegate({ fromVpId: 'vp_123', toVpId: 'vp_456', taskId: 'task_789', note: 'Better fit for your skills' });
    await client.collaborate({
      vpId: 'vp_123',
      taskId: 'task_789',
      requiredVpIds: ['vp_456', 'vp_789'],
      roles: { vp_456: 'reviewer' },
    });
    await client.handoff({ fromVpId: 'vp_123', toVpId: 'vp_456', taskId: 'task_789', context: { progress: '50%' } });
    await client.resolveConflict({
      vpIds: ['vp_123', 'vp_456'],
      conflictType: 'priority_conflict',
      resolution: { decision: 'split_tasks' },
    });

    expect(requests.map(sent)).toEqual([
      ['POST /api/orchestrators/vp_123/delegate', { toVpId: 'vp_456', taskId: 'task_789', note: 'Better fit for your skills' }],
      [
        'POST /api/orchestrators/vp_123/collaborate',
        { taskId: 'task_789', requiredVpIds: ['vp_456', 'vp_789'], roles: { vp_456: 'reviewer' } },
      ],
      ['POST /api/orchestrators/vp_123/handoff', { toVpId: 'vp_456', taskId: 'task_789', context: { progress: '50%' } }],
      [
        'POST /api/orchestrators/conflicts',
        { vpIds: ['vp_123', 'vp_456'], conflictType: 'priority_conflict', resolution: { decision: 'split_tasks' } },
      ],
    ]);
    for (const { headers } of requests) {
      expect(headers).toMatchObject({ authorization: 'Bearer a-session', 'content-type': 'application/json' });
    }
  });

  it('passes every optional field on, and takes an address with a path', async () => {
    const { url, requests } = await useRecordingServer(delegated);
    const client = new VPCoordinationClient({ baseUrl: `${url}/baton`, token: 'other' });
    const ids = { toVpId: 'b', taskId: 't' };

    await client.delegate({ fromVpId: 'a/b', ...ids, priority: 'HIGH', dueDate: '2026-11-20T10:00' });
    await client.collaborate({ vpId: 'a', taskId: 't', requiredVpIds: ['b'], note: 'n' });
    await client.handoff({ fromVpId: 'a', ...ids, notes: 'n' });
    await client.resolveConflict({
      vpIds: ['a', 'b'],
      conflictType: 'other',
      resolution: {},
      taskId: 't',
      workspaceId: 'w',
      note: 'n',
    });

    expect(requests.map(sent)).toEqual([
      ['POST /baton/api/orchestrators/a%2Fb/delegate', { ...ids, priority: 'HIGH', dueDate: '2026-11-20T10:00' }],
      ['POST /baton/api/orchestrators/a/collaborate', { taskId: 't', requiredVpIds: ['b'], note: 'n' }],
      ['POST /baton/api/orchestrators/a/handoff', { ...ids, notes: 'n' }],
      [
        'POST /baton/api/orchestrators/conflicts',
        { vpIds: ['a', 'b'], conflictType: 'other', resolution: {}, taskId: 't', workspaceId: 'w', note: 'n' },
      ],
    ]);
    expect(requests[0]?.headers.authorization).toBe('Bearer other');
  });

  it('answers the data', async () => {
    const data = { success: true, taskId: 't', fromVpId: 'a', toVpId: 'b', delegatedAt: '2026-11-20T10:00:00.000Z' };
    const { url } = await useRecordingServer(() => ({ status: 200, body: { data, message: 'Task delegated successfully' } }));

    const result = await new VPCoordinationClient({ baseUrl: url }).delegate({ fromVpId: 'a', toVpId: 'b', taskId: 't' });

    expect(result).toEqual(data);
  });

  it('throws the status, code and details of a refusal', async () => {
    const details = { errors: { taskId: ['Required'] } };
    const refusing = await useRecordingServer(() => ({
      status: 400,
      body: { error: 'Validation failed', code: 'VALIDATION_ERROR', details },
    }));
    const limiting = await useRecordingServer(() => ({
      status: 429,
      headers: { 'retry-after': '42' },
      body: { error: 'Too many requests', code: 'RATE_LIMITED' },
    }));
    const proxy = await useRecordingServer(() => ({ status: 502 }));
    const call = (baseUrl: string) => new VPCoordinationClient({ baseUrl }).delegate({ fromVpId: 'a', toVpId: 'b', taskId: 't' });

    await expect(call(refusing.url)).rejects.toMatchObject({
      name: 'VPCoordinationError',
      message: 'Validation failed',
      status: 400,
      code: 'VALIDATION_ERROR',
      details,
    });
    await expect(call(limiting.url)).rejects.toMatchObject({ status: 429, code: 'RATE_LIMITED', retryAfterSeconds: 42 });
    await expect(call(proxy.url)).rejects.toMatchObject({ status: 502, code: undefined, details: undefined });
    await expect(call(await unusedUrl())).rejects.toThrow(BatonConnectionError);
  });

  it('sends with the fetch that it is given', async () => {
    const fetch = vi.fn(async () => Response.json({ data: { success: true } }));

    await new VPCoordinationClient({ baseUrl: 'https://example.test', fetch }).resolveConflict({
      vpIds: ['a', 'b'],
      conflictType: 'other',
      resolution: {},
    });

    expect(fetch).toHaveBeenCalledWith('https://example.test/api/orchestrators/conflicts', expect.anything());
  });
});
