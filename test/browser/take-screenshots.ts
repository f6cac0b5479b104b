/**
 * `npm run screenshots`: plays the demo on a server of its own, and takes the pictures that the README shows, when there is
 * something to see in them. Needs `npm run build`, and a Chromium.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { findChromium } from '../support/chromium-install.js';
import { startServerProcess } from '../support/server-process.js';

const repository = path.join(import.meta.dirname, '../..');
const pictures = path.join(repository, 'docs/images');

/** Slow enough that every moment can be caught. */
const pace = 3;

const executablePath = await findChromium();
if (!executablePath) throw new Error('There is no Chromium on this machine.');
const dataDirectory = await mkdtemp(path.join(tmpdir(), 'baton-screenshots-'));
const cleanUps: (() => Promise<unknown>)[] = [() => rm(dataDirectory, { recursive: true, force: true })];
try {
  const server = await startServerProcess({ PORT: '0', DATA_DIR: dataDirectory }, (cleanUp) => cleanUps.push(cleanUp));
  cleanUps.push(() => server.end('SIGTERM'));
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  cleanUps.push(() => browser.close());
  await mkdir(pictures, { recursive: true });
  const open = async (address: string, colorScheme: 'light' | 'dark') => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 860 }, colorScheme });
    await page.goto(new URL(address, server.url).href);
    return page;
  };
  const take = (page: Page, name: string) =>
    page.screenshot({ path: path.join(pictures, `${name}.png`), animations: 'disabled' });

  const board = await open('/', 'light');
  const demo = spawn(process.execPath, [path.join(repository, 'dist/demo/demo.js')], {
    env: { ...process.env, BATON_URL: server.url, BATON_DEMO_PACE: String(pace) },
    stdio: 'inherit',
  });
  // Somebody waits for credentials, others work, and some of it is done.
  await board.locator('[data-status="DONE"] .card').nth(5).waitFor({ timeout: 180_000 });
  await board.locator('[data-status="BLOCKED"] .card').first().waitFor({ timeout: 180_000 });
  await board.locator('.attention').waitFor();
  await take(board, 'board');

  await once(demo, 'exit');
  await board.getByLabel('Text in title or description').fill('Charge cards');
  const address = await board.getByRole('link', { name: 'Charge cards idempotently' }).first().getAttribute('href');
  const task = await open(address ?? '/', 'dark');
  await task.locator('.timeline li').nth(3).waitFor();
  await take(task, 'task');
} finally {
  for (const cleanUp of cleanUps.reverse()) await cleanUp();
}
