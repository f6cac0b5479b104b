import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useTestApp } from './support/app.js';
import { seedTask } from './support/seed.js';

const files = ['ops/grafana-dashboard.json', 'ops/prometheus-alerts.yml', 'docs/operations.md'];

it.each(files)('%s names only metrics that there are', async (file) => {
  const app = await useTestApp();
  await seedTask(app.client());
  await fetch(`${app.url}/health`);
  const told = await (await fetch(`${app.url}/metrics`)).text();
  const known = new Set(
    [...told.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) => seriesOf(name ?? '', type ?? '')),
  );

  const named = [...readFileSync(file, 'utf8').matchAll(/\b(?:baton|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name);

  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

function seriesOf(name: string, type: string): string[] {
  return type === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
