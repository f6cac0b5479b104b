import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished, type TestContext } from 'vitest';
import { requireChromium } from '../support/chromium.js';
import { ensureDashboardBuilt } from '../support/dashboard-build.js';

let browser: Promise<Browser> | undefined;

/** The one browser of a test file, with nothing of any other visit in it. */
async function browserOfFile(executablePath: string): Promise<Browser> {
  browser ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  return browser;
}

/** For the `afterAll` of a file that opens pages. */
export async function closeBrowser(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

export interface VisitOptions extends BrowserContextOptions {
  /** What the page may say in its console as an error; anything else fails the test. */
  expectedErrors?: RegExp;
}

/** Opens a page as a new visitor. What the page's console calls an error is one of the test, also what its policy forbids. */
export async function visit(context: TestContext, url: string, { expectedErrors, ...options }: VisitOptions = {}): Promise<Page> {
  await ensureDashboardBuilt();
  const opened = await browserOfFile(requireChromium(context));
  const visitor = await opened.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await visitor.newPage();
  page.setDefaultTimeout(10_000);
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  // Everything comes from the server that was visited: there may be no other network.
  const { origin } = new URL(url);
  page.on('request', (request) => {
    const target = request.url();
    if (!target.startsWith(`${origin}/`) && !/^(data|blob):/.test(target)) problems.push(`a request to ${target}`);
  });
  onTestFinished(async () => {
    await visitor.close();
    expect(problems.filter((problem) => !expectedErrors?.test(problem))).toEqual([]);
  });
  await page.goto(url);
  return page;
}
