import { afterAll, describe, expect, it } from 'vitest';
import { UserCreateDocument } from '../../src/sdk/generated.js';
import { type TestApp, useTestApp } from '../support/app.js';
import { seedTask } from '../support/seed.js';
import { closeBrowser, visit } from './visit.js';

const adminToken = 'an-admin-token-of-the-test-alone';
const [email, password] = ['otter@example.org', 'the password of otter'];
const expectedErrors = /401|Unauthorized|WebSocket/;

afterAll(closeBrowser);

async function useClosedApp(): Promise<TestApp> {
  const app = await useTestApp({ ADMIN_TOKEN: adminToken });
  const operator = app.client({ token: adminToken });
  await operator.request(UserCreateDocument, { input: { email, password, name: 'Otter' } });
  await seedTask(operator, { title: 'Nobody sees this who is not signed in' });
  return app;
}

describe('with an admin token set, the dashboard', { timeout: 60_000 }, () => {
  it('lets people in with their password, by a cookie that no script can read, and out again', async (context) => {
    const app = await useClosedApp();
    const page = await visit(context, app.url, { expectedErrors });
    expect(await page.locator('.card').count()).toBe(0);

    await page.getByLabel('Email', { exact: true }).fill(email);
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();

    await page.getByText('Nobody sees this who is not signed in').waitFor();
    await page.locator('.connection').getByText('Live').waitFor();
    await page.locator('.shell-viewer', { hasText: 'Otter' }).waitFor();
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ name: 'baton_session', httpOnly: true, secure: true, sameSite: 'Lax' }]);
    expect(await page.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(
      cookies[0]?.value,
    );
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in to Baton' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to Baton' }).waitFor();
  });

  it('lets the operator in with the admin token, in that tab alone', async (context) => {
    const app = await useClosedApp();
    const page = await visit(context, `${app.url}/ui/agents`, { expectedErrors });

    await page.getByRole('tab', { name: 'Token' }).click();
    await page.getByLabel('Admin token').fill(adminToken);
    await page.getByRole('button', { name: 'Sign in' }).click();

    await page.locator('.connection').getByText('Live').waitFor();
    await page.reload();
    await page.locator('.connection').getByText('Live').waitFor();
    const other = await page.context().newPage();
    await other.goto(app.url);
    await other.getByRole('heading', { name: 'Sign in to Baton' }).waitFor();
  });

  it('asks people to sign in again when their session was ended elsewhere', async (context) => {
    const app = await useClosedApp();
    const page = await visit(context, app.url, { expectedErrors });
    await page.getByLabel('Email', { exact: true }).fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.locator('.connection').getByText('Live').waitFor();

    await app.sql('delete from session');

    await page.getByRole('heading', { name: 'Sign in to Baton' }).waitFor({ timeout: 20_000 });
    await page.getByText('Your sign-in is over').waitFor();
  });
});
