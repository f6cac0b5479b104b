import fc from 'fast-check';
import { type Document, type JsonSchema, type Parameter, type RestOperation, resolved } from './openapi.js';

/** Makes requests from what the document says of an operation: fitting ones, broken ones, and such as nobody should send. */

/** Values that mean something for a place of this name; empty when any will do. */
export type Known = (operation: RestOperation, name: string) => readonly unknown[];

/** A request with its parts in plain; undefined parts are left out. */
export interface Attempt {
  operation: RestOperation;
  path: Record<string, unknown>;
  query: Record<string, unknown>;
  headers: Record<string, string>;
  /** A value is sent as JSON; `{raw}` as it is; null not at all. */
  body: { value: unknown } | { raw: string | Buffer } | null;
  /** Text put behind the query, such as a parameter that nobody knows. */
  suffix?: string;
  /** Takes the place of the path parameters, percent-encoded by hand. */
  rawId?: string;
}

/** Attempts that fast-check prints when it fails, cut to what a reader can bear. */
export function shown(attempt: Attempt): string {
  const { operation, body, ...parts } = attempt;
  const text = body === null ? 'no body' : 'raw' in body ? `raw ${String(body.raw)}` : JSON.stringify(body.value);
  return `${operation.name} ${cut(JSON.stringify(parts))} ${cut(String(text))}`;
}

function cut(text: string): string {
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text;
}

/** The path and query as they go over the wire. */
export function wirePath({ operation, path, query, suffix = '', rawId }: Attempt): string {
  const filled = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => rawId ?? encoded(textOf(path[name])).slice(0, 4000));
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encoded(name)}=${encoded(textOf(value))}`],
  );
  const search = [...pairs, ...(suffix ? [suffix] : [])].join('&');
  // Node refuses longer request lines before they are the server's business.
  return (search ? `${filled}?${search}` : filled).slice(0, 12_000);
}

/** Percent-encoded, also what no text is: half a surrogate pair becomes the three bytes that it would be. */
function encoded(text: string): string {
  const escaped = [...text].map((character) => (character.isWellFormed() ? encodeURIComponent(character) : '%ED%A0%80')).join('');
  // A client would take these two for steps through the path.
  return escaped === '.' || escaped === '..' ? escaped.replaceAll('.', '%2E') : escaped;
}

/** Whether a request can be wrong by what the document says of its query and its body. */
export function canBeBroken(operation: RestOperation): boolean {
  return operation.body !== null || checkedQuery(operation).length > 0;
}

/** What cannot be just any text in the query. */
function checkedQuery({ parameters }: RestOperation): Parameter[] {
  return parameters.filter(({ in: place, schema }) => place === 'query' && (schema.type === 'integer' || schema.enum));
}

/** Makes the requests of one document. */
export class RequestArbitraries {
  constructor(
    private readonly document: Document,
    private readonly known: Known,
  ) {}

  /** The request that should succeed if any does: what is required, and what names things that there are. */
  simplest(operation: RestOperation): Attempt {
    const parameters = (place: Parameter['in']) =>
      Object.fromEntries(
        operation.parameters
          .filter(
            (parameter) => parameter.in === place && (parameter.required || this.known(operation, parameter.name).length > 0),
          )
          .map((parameter) => [parameter.name, this.#simplestOf(operation, parameter.name, parameter.schema)]),
      );
    const { body } = operation;
    return {
      operation,
      path: parameters('path'),
      query: parameters('query'),
      headers: parameters('header') as Record<string, string>,
      body: body && { value: this.#simplestOf(operation, '', body) },
    };
  }

  #simplestOf(operation: RestOperation, name: string, given: JsonSchema): unknown {
    const schema = resolved(this.document, given);
    const [known] = this.known(operation, name);
    if (known !== undefined && typeOf(schema) !== 'array') return known;
    if (schema.example !== undefined) return schema.example;
    if (schema.enum) return schema.enum[0];
    if (schema.const !== undefined) return schema.const;
    const [first] = schema.anyOf ?? schema.oneOf ?? [];
    if (first) return this.#simplestOf(operation, name, first);
    switch (typeOf(schema)) {
      case 'object': {
        const properties = Object.entries(schema.properties ?? {});
        const wanted = properties.filter(([key]) => schema.required?.includes(key) || this.known(operation, key).length > 0);
        return Object.fromEntries(wanted.map(([key, property]) => [key, this.#simplestOf(operation, key, property)]));
      }
      case 'array':
        return Array.from({ length: schema.minItems ?? 1 }, (_, index) => {
          return this.known(operation, name)[index] ?? this.#simplestOf(operation, name, schema.items ?? {});
        });
      case 'integer':
      case 'number':
        return schema.minimum ?? 1;
      case 'boolean':
        return false;
      case 'null':
        return null;
      default:
        return schema.format === 'date-time' ? '2099-01-01T00:00:00.000Z' : name || 'text';
    }
  }

  /** As the document asks for it: every required part, some of the others. */
  fitting(operation: RestOperation): fc.Arbitrary<Attempt> {
    return this.#request(operation, (name, schema) => this.#fittingAt(operation, name, schema));
  }

  #request(
    operation: RestOperation,
    arbitraryOf: (name: string, schema: JsonSchema) => fc.Arbitrary<unknown>,
  ): fc.Arbitrary<Attempt> {
    const parameters = (place: Parameter['in']) => {
      const there = operation.parameters.filter((parameter) => parameter.in === place && parameter.name !== 'Idempotency-Key');
      const model = Object.fromEntries(there.map(({ name, schema }) => [name, arbitraryOf(name, schema)]));
      return fc.record(model, { requiredKeys: there.filter(({ required }) => required).map(({ name }) => name) });
    };
    return fc
      .record({
        path: parameters('path'),
        query: parameters('query'),
        headers: parameters('header').map(headersOf),
        body: operation.body ? arbitraryOf('', operation.body).map((value) => ({ value })) : fc.constant(null),
      })
      .map((parts) => printable({ operation, ...parts }));
  }

  #fittingAt(operation: RestOperation, name: string, given: JsonSchema): fc.Arbitrary<unknown> {
    const schema = resolved(this.document, given);
    // What a list of things is called means each of them.
    const known = typeOf(schema) === 'array' ? [] : this.known(operation, name);
    const meant = [...known, ...(schema.example === undefined ? [] : [schema.example])];
    const any = this.#fittingType(operation, name, schema);
    if (meant.length === 0) return any;
    return fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...meant) }, { weight: 1, arbitrary: any });
  }

  #fittingType(operation: RestOperation, name: string, schema: JsonSchema): fc.Arbitrary<unknown> {
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.const !== undefined) return fc.constant(schema.const);
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches) return fc.oneof(...branches.map((branch) => this.#fittingAt(operation, name, branch)));
    switch (typeOf(schema)) {
      case 'object': {
        const { properties, required = [] } = schema;
        if (!properties) {
          const { additionalProperties: items } = schema;
          const item = typeof items === 'object' ? this.#fittingAt(operation, name, items) : fc.jsonValue({ maxDepth: 2 });
          return fc.dictionary(plainText(1, 20), item, { maxKeys: 4 });
        }
        return record(properties, required, (key, property) => this.#fittingAt(operation, key, property));
      }
      case 'array': {
        const { minItems = 0, maxItems = 5 } = schema;
        return fc.array(this.#fittingAt(operation, name, schema.items ?? {}), {
          minLength: minItems,
          maxLength: Math.min(maxItems, 5),
        });
      }
      case 'integer':
        return fc.integer({ min: isLease(name) ? 600 : (schema.minimum ?? -1000), max: schema.maximum ?? 2_147_483_647 });
      case 'number':
        return fc.double({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000, noNaN: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      case 'string':
        return fittingText(schema);
      default:
        return fc.jsonValue({ maxDepth: 2 });
    }
  }

  /**
   * With one thing wrong in the query or the body, which `isBroken` must confirm. Not null for what may be left out: clients
   * write that for leaving it out, and every dialect takes it so.
   */
  broken(operation: RestOperation, isBroken: (attempt: Attempt) => boolean): fc.Arbitrary<Attempt> {
    const simplest = this.simplest(operation);
    const ways: fc.Arbitrary<Attempt>[] = checkedQuery(operation).map(({ name, schema }) =>
      brokenText(schema).map((value) => ({ ...simplest, query: { ...simplest.query, [name]: value } })),
    );
    const { body } = operation;
    if (body) {
      const base = (simplest.body as { value: unknown }).value;
      const values = this.#brokenValues(operation, '', body, base);
      if (values.length > 0) ways.push(fc.constantFrom(...values).map((value) => ({ ...simplest, body: { value } })));
      ways.push(fc.constantFrom<string | Buffer>(...unreadable).map((raw) => ({ ...simplest, body: { raw } })));
    }
    return fc
      .oneof(...ways)
      .filter((attempt) => (attempt.body !== null && 'raw' in attempt.body) || isBroken(attempt))
      .map(printable);
  }

  /** Values that differ from `base` in one place, where the schema most likely says that they may not. */
  #brokenValues(operation: RestOperation, name: string, given: JsonSchema, base: unknown, depth = 0): unknown[] {
    const schema = resolved(this.document, given);
    if (depth > 4) return [];
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches) return branches.flatMap((branch) => this.#brokenValues(operation, name, branch, undefined, depth + 1));
    if (schema.enum) return ['NONSENSE', '', 7, true, {}, []];
    switch (typeOf(schema)) {
      case 'object': {
        const { properties = {}, required = [] } = schema;
        const whole = typeof base === 'object' && base !== null && !Array.isArray(base) ? (base as Record<string, unknown>) : {};
        const without = required.map((key) => Object.fromEntries(Object.entries(whole).filter(([name]) => name !== key)));
        const withNull = required.map((key) => ({ ...whole, [key]: null }));
        const inside = Object.entries(properties).flatMap(([key, property]) =>
          this.#brokenValues(operation, key, property, whole[key], depth + 1).map((value) => ({ ...whole, [key]: value })),
        );
        const unknown = schema.additionalProperties === false ? [{ ...whole, nonsense: 1 }] : [];
        return [[], 'text', 7, true, ...(depth > 0 ? [] : [null]), ...without, ...withNull, ...inside, ...unknown];
      }
      case 'array': {
        const { items = {}, minItems = 0, maxItems } = schema;
        const item = Array.isArray(base) ? base[0] : this.#simplestOf(operation, name, items);
        const sizes = [...(minItems > 0 ? [[]] : []), ...(maxItems ? [Array(maxItems + 1).fill(item)] : [])];
        return [
          'text',
          7,
          true,
          {},
          ...sizes,
          ...this.#brokenValues(operation, name, items, item, depth + 1).map((value) => [value]),
        ];
      }
      case 'integer':
      case 'number': {
        const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
        return ['text', '', '7', true, {}, [], 1.5, minimum - 1, maximum + 1, 1e308, -1e308];
      }
      case 'boolean':
        return ['true', 'text', 0, 1, {}, []];
      case 'string': {
        const { maxLength, minLength = 0 } = schema;
        const sizes = [...(maxLength ? ['x'.repeat(maxLength + 1)] : []), ...(minLength > 0 ? [''] : [])];
        return [7, 1.5, true, {}, ['text'], [], ...sizes, ...(schema.format ? ['not of the format'] : [])];
      }
      default:
        return [];
    }
  }

  /** The simplest request with each of the words in each place of its body that takes any text, one at a time. */
  withWords(operation: RestOperation, words: string[]): Attempt[] {
    const simplest = this.simplest(operation);
    const { body } = simplest;
    if (operation.body === null || body === null || !('value' in body)) return [];
    const { properties = {} } = resolved(this.document, operation.body);
    const texts = Object.entries(properties).filter(([, schema]) => typeOf(resolved(this.document, schema)) === 'string');
    return texts.flatMap(([name]) =>
      words.map((word) => ({ ...simplest, body: { value: { ...(body.value as object), [name]: word } } })),
    );
  }

  /** Anything at all: what no client means to send, from somebody who tries. */
  hostile(operation: RestOperation): fc.Arbitrary<Attempt> {
    const fittingOrNot = (name: string, schema: JsonSchema) =>
      fc.oneof(
        { weight: 2, arbitrary: this.#fittingAt(operation, name, schema) },
        { weight: 1, arbitrary: hostileText },
        { weight: 1, arbitrary: isLease(name) ? hostileText : hostileJson },
      );
    const parts = this.#request(operation, (name, schema) => {
      const { properties, required = [] } = resolved(this.document, schema);
      if (name !== '' || !properties) return fittingOrNot(name, schema);
      return record(properties, required, fittingOrNot);
    });
    return fc
      .record({
        parts,
        contentType: seldom(...contentTypes),
        suffix: seldom(...suffixes),
        rawId: seldom(...rawIds),
        body: fc.oneof(
          { weight: 4, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.constantFrom(null, ...oddBodies.map((raw) => ({ raw }))) },
          { weight: 1, arbitrary: hostileJson.map((value) => ({ value })) },
        ),
      })
      .map(({ parts: attempt, contentType, suffix, rawId, body }) =>
        printable({
          ...attempt,
          headers: { ...attempt.headers, ...(contentType && { 'content-type': contentType }) },
          body: body === undefined ? attempt.body : body,
          ...(suffix !== undefined && { suffix }),
          ...(rawId !== undefined && { rawId }),
        }),
      );
  }
}

/** fast-check prints what fails: a request by its gist. */
function printable(attempt: Attempt): Attempt {
  return Object.defineProperty(attempt, fc.toStringMethod, { value: () => shown(attempt), enumerable: false });
}

/** Headers hold visible ASCII, and not much of it; what else a place would take goes into bodies and queries. */
function headersOf(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      textOf(value)
        .slice(0, 1000)
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .trim(),
    ]),
  );
}

/** Paths, queries and headers hold text alone. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function typeOf({ type, properties }: JsonSchema): string | undefined {
  if (properties) return 'object';
  return Array.isArray(type) ? type.find((each) => each !== 'null') : type;
}

/** Seconds of a lease, which must not lapse while a test runs: that is a change that no request has made. */
function isLease(name: string): boolean {
  return name.startsWith('lease_');
}

/** One of the values every fourth time, and else nothing. */
function seldom<Value>(...values: Value[]): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });
}

/** An object with a value for each property; those that are not required come and go. */
function record(
  properties: Record<string, JsonSchema>,
  required: string[],
  arbitraryOf: (name: string, schema: JsonSchema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<Record<string, unknown>> {
  const model = Object.entries(properties).map(([name, schema]) => [name, arbitraryOf(name, schema)]);
  const requiredKeys = required as never[];
  return fc.record(Object.fromEntries(model) as Record<string, fc.Arbitrary<unknown>>, { requiredKeys });
}

function plainText(min: number, max: number): fc.Arbitrary<string> {
  return fc.string({ unit: 'grapheme', minLength: min, maxLength: max }).map((text) => text.slice(0, max) || 'x');
}

function fittingText({ format, pattern, minLength = 0, maxLength = 200 }: JsonSchema): fc.Arbitrary<string> {
  if (pattern) return fc.stringMatching(new RegExp(pattern));
  switch (format) {
    case 'date-time':
      return fc
        .date({ min: new Date('2030-01-01'), max: new Date('2090-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString());
    case 'uri':
      return fc.webUrl();
    case 'uuid':
      return fc.uuid();
    case 'email':
      return fc.emailAddress();
    default:
      return plainText(minLength, Math.min(maxLength, 200));
  }
}

/** Text in a query that is none of the numbers or words that the schema allows. */
function brokenText({ type, minimum, maximum }: JsonSchema): fc.Arbitrary<string> {
  const words = ['NONSENSE', '1.5', '1e3', '0x10', '--1', '9'.repeat(30), 'NaN', 'Infinity', 'null', 'true', '[]'];
  if (type !== 'integer') return fc.constantFrom(...words);
  const beyond = [...(minimum === undefined ? [] : [minimum - 1]), ...(maximum === undefined ? [] : [maximum + 1])].map(String);
  return fc.constantFrom('', ' ', ...words, ...beyond);
}

/** Bodies that are no JSON object. */
const unreadable: (string | Buffer)[] = [
  '{',
  '{"title": "x"',
  '{"title": "x"}}',
  "{'title': 'x'}",
  '{"title": NaN}',
  '{"title": undefined}',
  'title=x',
  '[]',
  '[{"title": "x"}]',
  'null',
  'true',
  '7',
  '"text"',
  '\u0000',
  Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  Buffer.from('{"title": "x"}', 'utf16le'),
];

const nestedLists = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;

const oddBodies: (string | Buffer)[] = [
  ...unreadable,
  '',
  ' \r\n\t ',
  '\ufeff{}',
  '{}',
  '{"__proto__": {"polluted": true}}',
  '{"constructor": {"prototype": {"polluted": true}}, "toString": 1, "hasOwnProperty": 1}',
  '{"title": "first", "title": "second"}',
  '{"title": "x", "priority": 1e999, "limit": -1e999}',
  '{"title": "x", "metadata": {"__proto__": {"polluted": true}}}',
  `{"title": "x", "metadata": {"deep": ${nestedLists}}}`,
  `{"deep": ${nestedLists}}`,
  nestedLists,
];

const contentTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  ';;;',
  'json',
];

const suffixes = [
  'unknown=1',
  'limit=1&limit=2',
  'limit=1&limit=nonsense',
  'status=&status=ready',
  '__proto__=1',
  'constructor[prototype]=1',
  'limit[]=1',
  '=',
  '&&&=&',
  '%',
  '%zz=1',
  'status=%',
  'status=%zz',
  'status=%ff%fe',
  'status=%00',
  'project_id=%ed%a0%80',
  `since=${'9'.repeat(400)}`,
  'since=0000-00-00T00:00:00Z',
  'since=%2b275760-09-13T00:00:01Z',
];

/** Path parameters as no client would write them. */
const rawIds = [
  '%',
  '%zz',
  '%00',
  'a%00b',
  '%ff',
  '%C3%28',
  '%ED%A0%80',
  '%2F',
  'a%2Fb',
  '%2e%2e',
  '%5c',
  '*',
  ':id',
  '{id}',
  '0',
  '-1',
  '1e3',
  '9'.repeat(400),
  '%25',
  'null',
  'undefined',
  ';x=1',
];

const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'a\udc00b',
    '__proto__',
    'constructor',
    'toString',
    'valueOf',
    "'; drop table task; --",
    "' or '1'='1",
    '" or ""="',
    '<script>alert(1)</script>',
    '{{7*7}}',
    // The point is what a server makes of it.
    ['$', '{7*7}'].join(''),
    '%',
    '_',
    '\\',
    '%00',
    '../../etc/passwd',
    '\u202egnirts\u202c',
    'مرحبا بالعالم',
    '\u0301\u0301\u0301',
    '👩‍👩‍👧‍👦',
    '\ufeff',
    '\r\nx-injected: 1',
    'NaN',
    'Infinity',
    '-0',
    '1e999',
    '9'.repeat(40),
    'x'.repeat(10_000),
    '\u{1f600}'.repeat(2500),
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '0000-01-01T00:00:00Z',
    '+275760-09-13T00:00:00.001Z',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

const hostileJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    1e21,
    1e308,
    Number.MAX_SAFE_INTEGER + 2,
    -2_147_483_649,
    2_147_483_648,
    [],
    {},
    [[]],
    [null],
    [{}],
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(hostileText, { maxLength: 3 }),
  fc.dictionary(hostileText, fc.oneof(hostileText, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 3 }),
  fc.constantFrom(...[65, 500].map((levels) => JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`))),
  // An own key of that name, as JSON makes it.
  fc.constant(JSON.parse('{"__proto__": {"polluted": true}}')),
  fc.constantFrom(Array(2000).fill('x'), 'x'.repeat(300_000)),
);
