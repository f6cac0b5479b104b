import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { AxeResults } from 'axe-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.js';
import { type Story, seedStory } from './story.js';
import { closeBrowser, type VisitOptions, visit } from './visit.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const screenshots = path.join(import.meta.dirname, 'screenshots');

/** How people may look at a page. */
const looks = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
} satisfies Record<string, VisitOptions>;

/** Every page, by what it shows once it is there. */
const pages: { name: string; path: (story: Story) => string; shows: string }[] = [
  { name: 'board', path: () => '/', shows: '.card' },
  { name: 'board-filtered', path: ({ agentId }) => `/?agent=${agentId}&text=nothing%20like%20this`, shows: '.column-empty' },
  { name: 'task', path: ({ taskId }) => `/ui/tasks/${taskId}`, shows: '.timeline li' },
  { name: 'agents', path: () => '/ui/agents', shows: '.agent' },
  { name: 'agent', path: ({ agentId }) => `/ui/agents/${agentId}`, shows: '.agent-ended li' },
  { name: 'threads', path: () => '/ui/threads', shows: '.thread' },
  { name: 'thread', path: ({ threadId }) => `/ui/threads/${threadId}`, shows: '.message' },
  { name: 'plans', path: () => '/ui/plans', shows: '.plans-list a' },
  { name: 'plan', path: ({ planId }) => `/ui/plans/${planId}`, shows: '.diff' },
  { name: 'decisions', path: ({ decisionId }) => `/ui/decisions/${decisionId}`, shows: '.decision-current' },
  { name: 'orchestrators', path: () => '/ui/orchestrators', shows: '.coordination' },
  { name: 'jobs', path: () => '/ui/jobs', shows: '.jobs-list a' },
  { name: 'job', path: ({ jobId }) => `/ui/jobs/${jobId}`, shows: '.job-lines li' },
  { name: 'activity', path: () => '/ui/activity', shows: '.chart rect' },
  { name: 'schema', path: () => '/ui/schema/Task', shows: '.schema-fields' },
  { name: 'nowhere', path: () => '/ui/nowhere', shows: '.empty' },
];

let app: TestApp;
let story: Story;

beforeAll(async () => {
  app = await startTestApp();
  story = await seedStory(app.client());
  await mkdir(screenshots, { recursive: true });
});

afterAll(async () => {
  await closeBrowser();
  await app.stop();
});

for (const [look, options] of Object.entries(looks)) {
  describe(`everybody can use the page, ${look}:`, { timeout: 60_000 }, () => {
    for (const { name, path: pathOf, shows } of pages) {
      it(name, async (context) => {
        // The check itself is a script of ours, which the policy of the page forbids like any other.
        const page = await visit(context, app.url + pathOf(story), { ...options, bypassCSP: true });
        await page.locator(shows).first().waitFor();
        await page.locator('.connection').getByText('Live').waitFor();

        await page.screenshot({ path: path.join(screenshots, `${name}-${look}.png`), animations: 'disabled' });
        await page.evaluate(await readFile(axe, 'utf8'));
        const { violations } = await page.evaluate(() => (window as never as { axe: { run(): Promise<AxeResults> } }).axe.run());

        const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
        expect(
          serious.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary }))),
        ).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
      });
    }
  });
}
