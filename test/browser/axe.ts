import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';

const script = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/**
 * What keeps some people from using the page as it stands, by the judgement of axe; empty when nothing serious does.
 * The check is a script of ours, which the policy of the page forbids like any other: visit it with `bypassCSP`.
 */
export async function seriousViolations(
  page: Page,
  options: RunOptions = {},
): Promise<{ id: string; html: string; failureSummary: string | undefined }[]> {
  await page.evaluate(await readFile(script, 'utf8'));
  const { violations } = await page.evaluate(
    (wanted) => (window as never as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run(wanted),
    { resultTypes: ['violations' as const], ...options },
  );
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary })));
}
