import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, useTestApp } from '../support/app.js';
import { seriousViolations } from './axe.js';
import { type Story, seedStory } from './story.js';
import { closeBrowser, type VisitOptions, visit } from './visit.js';

const screenshots = path.join(import.meta.dirname, 'screenshots');

/** How people may look at a page, one visit each. */
const desktop: VisitOptions = { colorScheme: 'light' };
const phone: VisitOptions = {
  colorScheme: 'light',
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
};

/** What is to be checked: the dark theme differs in its colours alone, the phone in what fits and in forms and menus. */
const everything: RunOptions = {};
const contrast: RunOptions = { runOnly: ['color-contrast'] };
const allButContrast: RunOptions = { rules: { 'color-contrast': { enabled: false } } };

/** Every page, by what it shows once it is there. */
const pages: { name: string; path: (story: Story) => string; shows: string }[] = [
  { name: 'board', path: () => '/', shows: '[data-status="DONE"] .card-link' },
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

describe('everybody can use the page', { timeout: 60_000 }, () => {
  for (const { name, path: pathOf, shows } of pages) {
    for (const [device, options] of Object.entries({ desktop, phone })) {
      it(`${name}, on the ${device}`, async (context) => {
        const page = await visit(context, app.url + pathOf(story), { ...options, bypassCSP: true });
        await page.locator(shows).first().waitFor();
        await page.locator('.connection').getByText('Live').waitFor();

        // What is wrong for everybody is found on the desktop.
        if (device === 'desktop') await checkInBothThemes(page, name);
        else await picture(page, `${name}-phone`);
        // Not `innerWidth`, which a phone widens to what it finds.
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
      });
    }
  }

  for (const [device, options] of Object.entries({ desktop, phone })) {
    const checkOn = (page: Page, name: string) =>
      device === 'desktop' ? checkInBothThemes(page, name) : checkOnPhone(page, name);

    it(`sign-in, on the ${device}`, async (context) => {
      const closed = await useTestApp({ ADMIN_TOKEN: 'an-admin-token-of-the-test-alone' });
      const page = await visit(context, closed.url, { ...options, bypassCSP: true, expectedErrors: /401|Unauthorized/ });
      await page.getByRole('heading', { name: 'Sign in to Baton' }).waitFor();

      await checkOn(page, 'sign-in');
    });

    it(`forms and menus, on the ${device}`, async (context) => {
      const page = await visit(context, app.url, { ...options, bypassCSP: true });
      await page.locator('.card').first().waitFor();

      await page.getByRole('button', { name: 'New task' }).click();
      await page.getByRole('dialog').waitFor();
      await checkOn(page, 'new-task');
      await page.keyboard.press('Escape');
      await page.locator('[data-status="IN_PROGRESS"] .card-link').first().press('m');
      await page.getByRole('dialog').getByRole('button', { name: 'Review' }).waitFor();
      await checkOn(page, 'move');
    });
  }
});

async function checkInBothThemes(page: Page, name: string): Promise<void> {
  await picture(page, `${name}-light`);
  expect(await seriousViolations(page, everything)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, `${name}-dark`);
  expect(await seriousViolations(page, contrast)).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
}

async function checkOnPhone(page: Page, name: string): Promise<void> {
  await picture(page, `${name}-phone`);
  expect(await seriousViolations(page, allButContrast)).toEqual([]);
}

/** For people to look at. */
function picture(page: Page, name: string): Promise<Buffer> {
  return page.screenshot({ path: path.join(screenshots, `${name}.png`), animations: 'disabled' });
}
