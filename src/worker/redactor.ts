/** What stands where a secret stood. */
const mark = '[secret]';

/** Characters below which a secret is no secret: words such as `dummy`, which may stand anywhere. */
const lengthMin = 6;

/** Names of variables and settings whose values nobody may read. */
const secretNames = /key|token|secret|password/i;

/**
 * Takes secrets out of whatever leaves a worker process: prompts, logs, errors, commits. Knows each as it is, and as it is
 * written in URLs, in JSON and, after any user name, in base64 of basic authentication.
 */
export class Redactor {
  readonly #values = new Set<string>();
  #forms: string[] = [];

  constructor(values: Iterable<string | undefined> = []) {
    this.add(values);
  }

  /** From now on these are secret, too. */
  add(values: Iterable<string | undefined>): void {
    for (const value of values) {
      const trimmed = value?.trim() ?? '';
      if (trimmed.length >= lengthMin) this.#values.add(trimmed);
    }
    const forms = [...this.#values].flatMap(formsOf);
    // Longest first: one secret may begin with another.
    this.#forms = [...new Set(forms)].sort((one, other) => other.length - one.length);
  }

  /** The same for the values of variables or settings whose names say that they are secret. */
  addNamed(values: Record<string, string | undefined>): void {
    this.add(Object.keys(values).flatMap((name) => (secretNames.test(name) ? [values[name]] : [])));
    this.add(Object.values(values).map(passwordIn));
  }

  hide(text: string): string {
    return this.#forms.reduce((hidden, form) => hidden.replaceAll(form, mark), text);
  }

  isIn(text: string): boolean {
    return this.#forms.some((form) => text.includes(form));
  }
}

/** Without the names and values of an environment that are secret: for programs that need none of them. */
export function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secretNames.test(name)));
}

/** Password, or token, that a URL carries. */
function passwordIn(url: string | undefined): string | undefined {
  if (!url?.includes('@') || !URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  return decodeURIComponent(password || username);
}

function formsOf(value: string): string[] {
  const inJson = JSON.stringify(value).slice(1, -1);
  // What comes before it shifts the letters of base64 by none, one or two; those at the seams depend on the neighbours.
  const inBase64 = ['', '.', '..'].map((before) => {
    const text = Buffer.from(`${before}${value}`).toString('base64').replace(/=+$/, '');
    return text.slice(before === '' ? 0 : before.length + 1, -1);
  });
  return [value, encodeURIComponent(value), inJson, ...inBase64.filter((form) => form.length >= 2 * lengthMin)];
}
