/** A variable of the process, where there is a process; undefined in a browser, or when it is empty. */
export function environmentVariable(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

/** Where the server is when nothing says it: `BATON_URL`, else, in a browser, where the page came from, else a local server. */
export function defaultUrl(): string {
  const { location } = globalThis as { location?: { origin?: string } };
  return environmentVariable('BATON_URL') ?? location?.origin ?? 'http://127.0.0.1:4000';
}

/** The credential when none is given: `BATON_TOKEN`. A browser has its session cookie. */
export function defaultToken(): string | undefined {
  return environmentVariable('BATON_TOKEN');
}
