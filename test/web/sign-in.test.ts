/** The page of a service with keys, in a real browser: in by a key, and nothing of others to be seen. */
import type { Browser, Page } from 'playwright-core';
import { bearer, keyEntry, photo, startApi, type Api } from '../api/support';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage, seriousViolations } from './browser';

describeInBrowser('the page with keys', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack();
    const keys = [
      keyEntry('acme-1', 'acme', 0, 'acme-secret-0123456789'),
      keyEntry('globex-1', 'globex', 0, 'globex-secret-0123456789'),
    ];
    [api, browser] = await Promise.all([
      startApi(stack, { DARKROOM_API_KEYS: keys.join(',') }),
      launch(),
      stack.worker({ DARKROOM_POOLS: 'workflows,image' }),
    ]);
    for (const tenant of ['acme', 'globex']) {
      const source = await photo(stack, `of ${tenant}`);
      // The other one stays open, since nobody serves videos here: open batches are followed by events.
      const jobs = [
        { source, id: tenant },
        { source, id: 'waits', kind: 'video' },
      ];
      await api.call('POST', '/v1/batches', { id: 'album', jobs }, bearer(`${tenant}-secret-0123456789`));
      const state = async () =>
        (await api.call('GET', `/v1/jobs/${tenant}.album~${tenant}`, undefined, bearer(`${tenant}-secret-0123456789`)))
          .body.state;
      await until(async () => (await state()) === 'succeeded', 200);
    }
    ({ page, complaints } = await openPage(browser));
    page.setDefaultTimeout(30_000);
    await page.goto(`${api.url}/#/batch/acme.album`);
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
  });

  const signIn = async (key: string) => {
    await page.getByLabel('Key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  test('asks for a key before it shows anything', async () => {
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.getByRole('navigation').count()).toBe(0);
    expect(await page.getByLabel('Key').evaluate((element) => element.matches(':focus'))).toBe(true);
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('a wrong key: one sentence', async () => {
    await signIn('guess');
    const alert = page.getByRole('alert').filter({ hasText: /./ });
    await alert.waitFor();
    expect(await alert.allInnerTexts()).toEqual(['The key is not known here.']);
  });

  test('a right one: the page that was asked for, with its pictures and events', async () => {
    const events = page.waitForResponse((answer) => answer.url().endsWith('/events') && answer.status() === 200);
    await signIn(' acme-secret-0123456789\n');
    await page.getByRole('link', { name: /of acme\.jpg.*done in/ }).waitFor();
    await events;
    const loaded = `document.querySelector('.card img')?.naturalWidth`;
    await until(async () => Number(await page.evaluate(loaded)) > 0);
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.evaluate('JSON.stringify(localStorage) + location.href')).not.toContain('acme-secret-0123456789');
  });

  test("shows its own tenant's batches only, and stays signed in after a reload", async () => {
    await page.goto(`${api.url}/#/`);
    await page.reload();
    await page.getByRole('link', { name: 'acme.album' }).waitFor();
    expect(await page.getByText('globex').count()).toBe(0);
    await page.goto(`${api.url}/#/batch/globex.album`);
    await page.getByText('There is no batch').waitFor();
  });

  test('may change something: a file that is dropped, a job that is retried', async () => {
    const answer = await page.evaluate(
      `fetch('/v1/batches/acme.album/retry', { method: 'POST' }).then((a) => a.status)`,
    );
    expect(answer).toBe(200);
  });

  test('signed out, it asks again, and another tenant sees its own', async () => {
    await page.goto(`${api.url}/#/`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate(`fetch('/v1/batches').then((a) => a.status)`)).toBe(401);
    await signIn('globex-secret-0123456789');
    await page.getByRole('link', { name: 'globex.album' }).waitFor();
    expect(await page.getByText('acme').count()).toBe(0);
  });

  test('a session that ends in the middle shows the form', async () => {
    await page.context().clearCookies();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('nothing was refused by the policy, and no script failed', () => {
    expect(complaints.filter((text) => !/status of (401|404)/.test(text))).toEqual([]);
  });
});
