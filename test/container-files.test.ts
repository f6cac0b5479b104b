import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildProgram } from '../src/cli/baton/program.js';
import { describeConfig } from '../src/config.js';

const root = path.join(import.meta.dirname, '..');

describe.each(['Dockerfile', 'Dockerfile.agent'])('%s', (file) => {
  const instructions = parseDockerfile(read(file));
  const of = (name: string) => instructions.filter(({ instruction }) => instruction === name).map(({ words }) => words);

  it('is built from images of a stated version', () => {
    const images = of('FROM').map(([image = '']) => image);

    expect(images.length).toBeGreaterThan(1);
    for (const image of images) expect(image).toMatch(/^[\w./-]+:\d[\w.-]*$/);
  });

  it('copies what is there, and nothing that the build does not see', () => {
    const ignored = read('.dockerignore').split('\n');
    const copied = of('COPY')
      .filter(([first]) => !first?.startsWith('--from='))
      .flatMap((words) => words.slice(0, -1));

    expect(copied).toContain('package-lock.json');
    for (const source of copied) {
      expect(existsSync(path.join(root, source)), source).toBe(true);
      expect(ignored).not.toContain(source);
    }
  });

  it('copies from stages that it has', () => {
    const stages = of('FROM').flatMap(([, as, name]) => (as === 'AS' ? [name] : []));
    const used = of('COPY').flatMap(([first = '']) => (first.startsWith('--from=') ? [first.slice('--from='.length)] : []));

    expect(new Set(used)).toEqual(new Set(stages));
  });

  it('holds no secret', () => {
    const names = ['ENV', 'ARG'].flatMap((name) => of(name).flatMap((words) => words.map((word) => word.split('=')[0])));

    for (const name of names) expect(name).not.toMatch(/key|token|secret|password/i);
  });
});

describe('the image of an agent', () => {
  const text = read('Dockerfile.agent');

  it('runs a command that Baton has', () => {
    const commands = buildProgram().commands.map((command) => command.name());
    const entrypoint = parseDockerfile(text).find(({ instruction }) => instruction === 'ENTRYPOINT');

    expect(JSON.parse(entrypoint?.rest ?? '')).toEqual(['tini', '--', 'baton', 'agent-entrypoint']);
    expect(commands).toContain('agent-entrypoint');
  });

  it('has the OpenCode that the tests run', () => {
    const tested = JSON.parse(read('test/worker-e2e/package.json')) as { dependencies: Record<string, string> };

    expect(Object.values(tested.dependencies)).toEqual([/opencode-ai@([\d.]+)/.exec(text)?.[1]]);
  });

  it('has every program that the worker plane starts', () => {
    for (const program of ['dockerd', 'docker', 'opencode-ai', 'baton', 'git', 'gh', 'tini']) {
      expect(text).toMatch(new RegExp(`[ /]${program}\\b`));
    }
  });
});

describe('compose.yaml', () => {
  const { services, volumes, networks } = parse(read('compose.yaml')) as Compose;
  const all = Object.entries(services);

  it('knows how each service shows that it is well', () => {
    const unknown = all.filter(([, { build, healthcheck }]) => {
      const file = typeof build === 'object' ? build.dockerfile : build && 'Dockerfile';
      return !healthcheck && !(file && read(file).includes('\nHEALTHCHECK '));
    });

    expect(unknown).toEqual([]);
  });

  it('takes every secret from the environment', () => {
    const secrets = all.flatMap(([, { environment = {} }]) =>
      Object.entries(environment).filter(([name]) => /key|token|secret|password/i.test(name)),
    );

    expect(secrets.length).toBeGreaterThan(4);
    for (const [name, value] of secrets) expect(value, name).toMatch(new RegExp(`^\\$\\{${name}[:}]`));
  });

  it('tells the server only what it is configured by', () => {
    const known = describeConfig().map(({ name }) => name);

    for (const name of Object.keys(services.baton?.environment ?? {})) expect(known).toContain(name);
  });

  it('tells the coordinator only what it is documented to read', () => {
    const documented = [...read('docs/worker.md').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name);

    for (const name of Object.keys(services.coordinator?.environment ?? {})) expect(documented).toContain(name);
  });

  it('starts the coordinator only where it is asked for, on the network that agents join', () => {
    const { profiles, environment, entrypoint, build } = services.coordinator ?? {};

    expect(all.filter(([, service]) => service.profiles).map(([name]) => name)).toEqual(['coordinator']);
    expect(profiles).toEqual(['coordinator']);
    expect(environment?.DOCKER_NETWORK).toBe(networks.default?.name);
    expect(entrypoint?.slice(-2)).toEqual(['baton', 'coordinator']);
    expect(build).toMatchObject({ dockerfile: 'Dockerfile.agent' });
  });

  it('names what is there', () => {
    for (const [, { depends_on: others = {}, volumes: mounts = [] }] of all) {
      for (const other of Object.keys(others)) expect(Object.keys(services)).toContain(other);
      for (const mount of mounts) {
        const [source = ''] = mount.split(':');
        if (!source.startsWith('/')) expect(Object.keys(volumes)).toContain(source);
      }
    }
  });
});

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  networks: Record<string, { name: string }>;
}

interface Service {
  build?: string | { dockerfile: string };
  depends_on?: Record<string, unknown>;
  entrypoint?: string[];
  environment?: Record<string, string>;
  healthcheck?: unknown;
  profiles?: string[];
  volumes?: string[];
}

interface Instruction {
  instruction: string;
  words: string[];
  rest: string;
}

/** One entry per instruction: without comments, and with the lines that it goes on over. */
function parseDockerfile(text: string): Instruction[] {
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n');
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [, instruction = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      return { instruction, rest, words: rest.split(/\s+/) };
    });
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}
