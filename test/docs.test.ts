import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  buildSchema as parseSchema,
  printSchema,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../src/cli/baton/program.js';
import { describeConfig } from '../src/config.js';
import { errorCodes } from '../src/features/error-code.js';
import { isLeased, transitions } from '../src/features/tasks/task.model.js';
import { buildSchema } from '../src/graphql/schema.js';

const root = path.join(import.meta.dirname, '..');

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}

/** Cells of the rows of every table in a Markdown text whose first cell is one word in code style; without that style. */
function tableRows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => /^\| `\w+` +\|/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    );
}

/** The text under a heading, up to the next one of its level or above. */
function section(markdown: string, heading: string): string {
  const level = heading.indexOf(' ');
  const [, text = ''] = markdown.split(`\n${heading}\n`, 2);
  return text.split(new RegExp(`\n#{1,${level}} `), 1)[0] ?? '';
}

/** The text under the heading of the third level that has the words; empty when there is none. */
function sectionOf(markdown: string, words: string): string {
  const [, text = ''] = new RegExp(`\n### [^\n]*${words}[^\n]*\n([\\s\\S]*?)(?=\n### |$)`).exec(markdown) ?? [];
  return text;
}

describe('the documentation of errors', () => {
  it('has every code with its sentence, and no other', () => {
    const codes = tableRows(section(read('docs/errors.md'), '## The codes'));

    expect(codes).toEqual(Object.entries(errorCodes));
  });

  it('has the facts of every error that has a type of its own', () => {
    const documented = tableRows(section(read('docs/errors.md'), '## Where an error appears'));
    const schema = buildSchema();
    const types = schema.getPossibleTypes(schema.getType('UserError') as never).filter(({ name }) => name !== 'GeneralError');
    const common = ['code', 'message', 'path'];
    const expected = types.map((type) => {
      const facts = Object.keys(type.getFields()).filter((name) => !common.includes(name));
      return { name: type.name, facts: facts.sort() };
    });

    const found = documented.map(([, name, facts = '']) => ({ name, facts: facts.replaceAll('`', '').split(', ').sort() }));

    expect(found.sort(byName)).toEqual(expected.sort(byName));
  });
});

describe('the documentation of the configuration', () => {
  it('has every variable with its sentence and default in the README, and no other', () => {
    const documented = tableRows(section(read('README.md'), '## Configuration'));

    expect(documented).toEqual(describeConfig().map(({ name, description, defaultValue }) => [name, description, defaultValue]));
  });

  it('has every variable with its sentence in .env.example, commented out', () => {
    const lines = read('.env.example').split('\n');

    for (const { name, description, defaultValue } of describeConfig()) {
      const index = lines.findIndex((line) => line.startsWith(`# ${name}=`));
      expect(lines[index - 1], name).toBe(`# ${description}`);
      if (defaultValue !== '') expect(lines[index]).toBe(`# ${name}=${defaultValue}`);
    }
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });
});

describe('the documentation of the command line', () => {
  it('has every command of baton, with every option that it has', () => {
    const documented = section(read('docs/cli.md'), '## `baton`');

    for (const command of buildProgram().commands.filter((each) => each.name() !== 'complete')) {
      const text = sectionOf(documented, `\`baton ${command.name()}\``);
      expect(text, command.name()).not.toBe('');
      for (const each of [command, ...command.commands]) {
        const options = each.options.map(({ long }) => long).filter((long) => long !== '--version');
        expect(
          options.filter((long) => !text.includes(long ?? '')),
          `${command.name()} ${each.name()}`,
        ).toEqual([]);
      }
    }
  });
});

describe('the drawing of the task’s life', () => {
  const [, drawing = ''] = /```mermaid\nstateDiagram-v2\n([^`]*)```/.exec(read('docs/task-lifecycle.md')) ?? [];
  const arrows = [...drawing.matchAll(/^ {2}(\S+) --> ([^\s:]+)/gm)].map(([, from, to]) => `${from} --> ${to}`);

  it('has exactly the transitions of the model', () => {
    const moves = Object.entries(transitions).flatMap(([from, targets]) => targets.map((to) => `${from} --> ${to}`));

    expect(arrows.filter((arrow) => !arrow.includes('[*]')).sort()).toEqual(moves.sort());
  });

  it('begins where a task can be created, and ends in every final status', () => {
    const finals = Object.entries(transitions).filter(([, targets]) => targets.length === 0);
    const ends = finals.map(([status]) => `${status} --> [*]`);

    expect(arrows.filter((arrow) => arrow.includes('[*]')).sort()).toEqual(['[*] --> BACKLOG', '[*] --> READY', ...ends].sort());
  });

  it('stands above a table of every status that says which have a holder', () => {
    const rows = tableRows(section(read('docs/task-lifecycle.md'), '## Statuses'));

    expect(Object.fromEntries(rows.map(([status, , holder]) => [status, holder]))).toEqual(
      Object.fromEntries(Object.keys(transitions).map((status) => [status, isLeased(status as never) ? 'yes' : 'no'])),
    );
  });
});

describe('every Markdown file', () => {
  const files = [
    ...readdirSync(root).filter((name) => name.endsWith('.md')),
    ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  it.each(files)('%s links only to what is there', (file) => {
    const dead = linksIn(read(file)).filter((link) => !isThere(file, link));

    expect(dead).toEqual([]);
  });

  it.each(files)('%s names only files that are there', (file) => {
    const named = [...read(file).matchAll(/`((?:src|test|docs|scripts|bench|prisma)\/[\w./-]+)`/g)].map(([, name]) => name ?? '');

    expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  });
});

/** Targets of the relative links, outside of code. */
function linksIn(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '').filter((target) => !/^\w+:/.test(target));
}

function isThere(from: string, link: string): boolean {
  const [target = '', anchor] = link.split('#', 2);
  const file = target === '' ? from : path.join(path.dirname(from), target);
  if (!existsSync(path.join(root, file))) return false;
  return anchor === undefined || anchorsOf(read(file)).includes(anchor);
}

/** The anchors that code hosts give to headings. */
function anchorsOf(markdown: string): string[] {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

describe('the schema', () => {
  const schema = buildSchema();

  // Reviewed as a diff, and what clients generate their types from. `npm run schema` writes it.
  it('is printed in schema.graphql as the code has it', () => {
    // Both printed the same way: the formatter has a hand in the file.
    expect(printSchema(parseSchema(read('schema.graphql')))).toBe(printSchema(schema));
  });

  it('describes every type, field, argument and value: for agents, descriptions are all there is to read', () => {
    const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type));

    const silent = types.flatMap(partsOf).filter(({ description }) => !description?.trim());

    expect(silent.map(({ place }) => place)).toEqual([]);
  });
});

interface Part {
  place: string;
  description: string | null | undefined;
}

/** The type itself and everything in it that can have a description. */
function partsOf(type: GraphQLNamedType): Part[] {
  const parts: Part[] = [{ place: type.name, description: type.description }];
  const add = (place: string, { description }: { description?: string | null }) =>
    parts.push({ place: `${type.name}.${place}`, description });
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      add(field.name, field);
      for (const argument of field.args) add(`${field.name}(${argument.name})`, argument);
    }
  } else if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) add(field.name, field);
  } else if (isEnumType(type)) {
    for (const value of type.getValues()) add(value.name, value);
  }
  return parts;
}

function byName(a: { name?: string | undefined }, b: { name?: string | undefined }): number {
  return (a.name ?? '').localeCompare(b.name ?? '');
}
