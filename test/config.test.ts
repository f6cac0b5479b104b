import { describe, expect, it } from 'vitest';
import { ConfigError, describeConfig, loadConfig, redisAddress } from '../src/config.js';

/** The problems that keep a server with these variables from starting. */
function problemsOf(environment: Record<string, string>): string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

describe('the configuration', () => {
  it('needs nothing: by default an open server on loopback, with a Postgres of its own', () => {
    const config = loadConfig({});

    expect(config).toMatchObject({ HOST: '127.0.0.1', PORT: 4000, DATA_DIR: '.baton', LOG_LEVEL: 'info', CORS_ORIGINS: [] });
    expect(config.DATABASE_URL).toBeUndefined();
    expect(config.REDIS_URL).toEqual([]);
    expect(config.ADMIN_TOKEN).toBeUndefined();
  });

  it('takes the default that is documented for each variable that has one', () => {
    const config = loadConfig({}) as Record<string, unknown>;

    for (const { name, defaultValue } of describeConfig()) expect(String(config[name] ?? ''), name).toBe(defaultValue);
  });

  it('reads numbers and lists', () => {
    const config = loadConfig({ PORT: '0', EVENT_RETENTION_DAYS: '7', CORS_ORIGINS: 'https://a.example, https://b.example,' });

    expect(config).toMatchObject({
      PORT: 0,
      EVENT_RETENTION_DAYS: 7,
      CORS_ORIGINS: ['https://a.example', 'https://b.example'],
    });
  });

  it('takes an empty variable as unset, and knows no others', () => {
    const empty = Object.fromEntries(describeConfig().map(({ name }) => [name, '']));

    expect(loadConfig({ ...empty, HOME: '/home/baton' })).toEqual(loadConfig({}));
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });
});

describe('the address of Redis', () => {
  it('is none, that of one server, or those of nodes of a cluster', () => {
    const [one, other] = ['redis://:a,b@one:6379', 'rediss://other'];

    expect(redisAddress(loadConfig({}))).toBeNull();
    expect(redisAddress(loadConfig({ REDIS_URL: one }))).toEqual({ urls: [one], isCluster: false });
    expect(redisAddress(loadConfig({ REDIS_URL: `${one}, ${other}`, REDIS_CLUSTER: 'on' }))).toEqual({
      urls: [one, other],
      isCluster: true,
    });
  });

  it('is not several servers that are no cluster, nor a cluster without a node', () => {
    expect(problemsOf({ REDIS_URL: 'redis://one,redis://other' })).toEqual([expect.stringContaining('set REDIS_CLUSTER to on')]);
    expect(problemsOf({ REDIS_CLUSTER: 'on' })).toEqual(['REDIS_CLUSTER is on, but REDIS_URL names no node']);
  });
});

describe('a configuration that cannot be used', () => {
  it('is refused with every problem at once, one line each', () => {
    const environment = {
      HOST: '0.0.0.0',
      PORT: 'http',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://db/baton',
      REDIS_URL: 'db:6379',
    };

    expect(problemsOf(environment)).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'DATABASE_URL must be a URL that starts with postgres:// or postgresql://',
      'REDIS_URL must be a URL that starts with redis:// or rediss://',
      'LOG_LEVEL must be one of silent, fatal, error, warn, info, debug, trace',
      'HOST is 0.0.0.0, which others can reach, but ADMIN_TOKEN is not set: set one, or listen on 127.0.0.1',
    ]);
    expect(() => loadConfig(environment)).toThrow(/5 problem\(s\):\n {2}- PORT must/);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'baton.example', '127.0.0.1.example'])(
    'is one that lets %s in without a credential',
    (host) => {
      expect(problemsOf({ HOST: host })).toHaveLength(1);
      expect(problemsOf({ HOST: host, ADMIN_TOKEN: '' })).toHaveLength(1);
      expect(problemsOf({ HOST: host, ADMIN_TOKEN: 'sixteen-letters-' })).toEqual([]);
    },
  );

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('is not one that listens on %s without a credential', (host) => {
    expect(problemsOf({ HOST: host })).toEqual([]);
  });

  // Told once: a token that is there, but too short, is not missing as well.
  it('is one with an admin token that is easily guessed', () => {
    expect(problemsOf({ HOST: '0.0.0.0', ADMIN_TOKEN: 'secret' })).toEqual(['ADMIN_TOKEN must have at least 16 characters']);
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '4000.5'],
    ['SWEEP_INTERVAL_MS', '1001'],
    ['EVENT_RETENTION_DAYS', '0'],
    ['SUBSCRIBER_BUFFER', '1e3'],
  ])('is one with %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(`^${name} must be a whole number from `)]);
  });

  it('is one in which agents go offline before they are stale', () => {
    const problem = 'AGENT_OFFLINE_SECONDS must be more than AGENT_STALE_SECONDS';

    expect(problemsOf({ AGENT_STALE_SECONDS: '300' })).toEqual([problem]);
    expect(problemsOf({ AGENT_STALE_SECONDS: '600', AGENT_OFFLINE_SECONDS: '599' })).toEqual([problem]);
    expect(problemsOf({ AGENT_STALE_SECONDS: '600', AGENT_OFFLINE_SECONDS: '601' })).toEqual([]);
  });
});
