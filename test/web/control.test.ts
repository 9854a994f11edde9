/** Stopping, trying again, and finding one's way back, in a real browser on the real service. */
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { fileUri } from '../../storage';
import { photo, startApi, type Api } from '../api/support';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, faultsOfLooks, launch, openPage, seriousViolations } from './browser';

describeInBrowser('control and ways through the page', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack();
    // Images wait, since nobody serves their queue yet.
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker({ DARKROOM_POOLS: 'workflows' })]);
    ({ page } = await openPage(browser, { viewport: { width: 1400, height: 700 } }));
    page.setDefaultTimeout(45_000);
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
  });

  const open = (hash: string) => page.goto(`${api.url}/${hash}`);
  const batch = async (id: string) => (await api.call('GET', `/v1/batches/${id}`)).body;
  const submit = async (id: string, items: number) => {
    const source = await photo(stack, 'same');
    const jobs = Array.from({ length: items }, (_, index) => ({ source, id: `p${String(index).padStart(3, '0')}` }));
    await api.call('POST', '/v1/batches', { id, preset: 'thumbnails', jobs });
    await until(async () => (await batch(id)).items === items, 200);
  };

  test('cancelling a batch asks first and says how much it stops; nothing happens without a yes', async () => {
    await submit('held', 3);
    await open('#/batch/held');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel 3 items of held?' });
    await dialog.getByText('Cancelled items can be retried afterwards.').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(await batch('held')).toMatchObject({ open: 3, cancelled: 0 });
  });

  test('pausing a batch says how many items were running; then it can be resumed, and not paused again', async () => {
    await open('#/batch/held');
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await page.getByText('The batch is paused. None of the items was running.').waitFor();
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Pause', exact: true }).count()).toBe(0);
    expect(await batch('held')).toMatchObject({ open: 3, paused: 3, waiting: 0, running: 0 });
    expect(await seriousViolations(page)).toEqual([]);
    await open('#/item/held~p001');
    await page.locator('.badge', { hasText: 'Paused' }).waitFor();
    await open('#/batch/held');
    await page.getByText('Paused').first().waitFor();
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Resume', exact: true }).count()).toBe(0);
    await until(async () => (await batch('held')).paused === 0, 200);
  });

  test('a priority is chosen on the batch and the item; where the server lacks the change, the page says which has it', async () => {
    const { serverVersion } = await stack.connection.workflowService.getSystemInfo({});
    const isOld = /^1\.2\d\./.test(serverVersion);
    for (const hash of ['#/item/held~p001', '#/batch/held']) {
      await open(hash);
      await page.getByLabel('Change the priority').selectOption('1');
      if (isOld) await page.getByText('that needs version 1.30 or newer').waitFor();
      else {
        const { priority } = (await stack.client.workflow.getHandle('held/p001').describe()).raw.workflowExecutionInfo!;
        expect(priority?.priorityKey).toBe(1);
      }
    }
  });

  test('the queue view shows what waits and for how long, and what the doctor says of it; what is unknown is no 0', async () => {
    await open('#/');
    await page.getByRole('link', { name: 'Queues' }).click();
    await page.getByRole('heading', { name: 'No worker serves the queue: darkroom-image' }).waitFor();
    await page.getByText('DARKROOM_POOLS=image npm run worker').waitFor();
    const cells = (name: string) => page.getByRole('row', { name }).locator('td').allInnerTexts();
    const [waiting, oldest, running, slots, workers] = await cells('darkroom-image');
    // The server's estimate also counts tasks that pausing has made pointless.
    expect(Number(waiting)).toBeGreaterThanOrEqual(3);
    expect([running, slots, workers]).toEqual(['0', '0', '0']);
    expect(oldest).toMatch(/^\d+ (s|min)/);
    expect((await cells('darkroom-video'))[1]).toBe('—');
    expect((await cells('darkroom-workflows'))[4]).toBe('1');
    expect(await page.locator('.stat dd').first().innerText()).toMatch(/^3\s/);
    expect(await faultsOfLooks(page)).toEqual([]);
    const at = new Date().toISOString();
    const away = { title: 'Temporal does not answer', evidence: ['127.0.0.1:1: refused'], mend: [] };
    await page.route('**/v1/queues', (route) => route.fulfill({ json: { at, queues: [], findings: [away] } }));
    await page.reload();
    await page.getByText('Temporal does not answer').waitFor();
    const figures = await page
      .locator('.stat dd')
      .evaluateAll((all) => all.map((each) => each.firstChild?.textContent));
    expect(figures).toEqual(['—', '—', '—', '—']);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await open('#/batch/held');
  });

  test('what was cancelled can be run again from the batch page', async () => {
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel 3 items' }).click();
    await page.getByRole('button', { name: 'Retry 3 cancelled' }).click();
    await until(async () => (await batch('held')).open === 3, 200);
    expect(await batch('held')).toMatchObject({ items: 3, cancelled: 0, failed: 0 });
    await page.getByRole('button', { name: 'Cancel', exact: true }).waitFor();
  });

  test('cancelling an item asks too', async () => {
    await open('#/item/held~p001');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('dialog', { name: 'Cancel same.jpg?' }).waitFor();
    await page.getByRole('button', { name: 'Cancel the item' }).click();
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    expect((await api.call('GET', '/v1/jobs/held~p001/steps')).body.steps).toMatchObject([{ state: 'cancelled' }]);
    await page.locator('.step-note', { hasText: 'cancelled' }).waitFor();
  });

  test('what does not exist is said once, and is not asked for ever', async () => {
    await open('#/batch/nonsense');
    await page.getByText('There is no batch “nonsense”').waitFor();
    await open('#/item/non~sense');
    await page.getByText('There is no item “non~sense”').waitFor();
    expect(await page.getByText('Trying again').count()).toBe(0);
    await page.getByRole('link', { name: 'all batches' }).click();
    await page.getByRole('heading', { name: 'The last hour' }).waitFor();
  });

  test('each page has a title of its own', async () => {
    const titles: string[] = [];
    for (const hash of ['#/', '#/add', '#/batch/held', '#/item/held~p001']) {
      await open(hash);
      await page.locator('.page').waitFor();
      await until(async () => !(titles.at(-1) ?? '') || (await page.title()) !== titles.at(-1));
      titles.push(await page.title());
    }
    const item = 'same.jpg · Darkroom';
    expect(titles.slice(0, 3)).toEqual(['Batches · Darkroom', 'Add files · Darkroom', 'held · Darkroom']);
    await until(async () => (await page.title()) === item);
  });

  describe('after an item', () => {
    beforeAll(async () => {
      await stack.worker({ DARKROOM_POOLS: 'image' });
      await submit('many', 80);
      const gone = { source: fileUri(path.join(stack.home, 'in', 'gone.jpg')), batch: 'many', id: 'gone' };
      await api.call('POST', '/v1/jobs?wait=30s', gone);
      await until(async () => (await batch('many')).open === 0, 300);
    }, 60_000);
    const scrolled = () => page.evaluate<number>('scrollY');

    test.each([
      ['the browser', () => page.goBack()],
      ['the link above the title', () => page.locator('.back').click()],
    ])('%s leads back to the filter and the place that were left', async (_, back) => {
      await open('#/');
      await page.getByRole('link', { name: 'many' }).click();
      await page.getByRole('radio', { name: /Done/ }).check({ force: true });
      await page
        .getByRole('link', { name: /done in/ })
        .first()
        .waitFor();
      await page.evaluate('scrollTo(0, 1200)');
      await page.locator('[data-index="30"]').waitFor();
      await until(async () => (await scrolled()) === 1200);
      // Not the tool's own click, which scrolls first.
      await page.evaluate(`document.querySelector('[data-index="30"]').click()`);
      await page.getByRole('heading', { name: 'Files' }).waitFor();
      expect(await scrolled()).toBeLessThan(1200);
      await back();
      await page.locator('[data-index="30"]').waitFor();
      await until(async () => (await scrolled()) === 1200);
      expect(await page.getByRole('radio', { name: /Done/ }).isChecked()).toBe(true);
    });

    test('a batch that is opened anew starts at its top', async () => {
      await page.locator('.back').click();
      await page.getByRole('link', { name: 'many' }).click();
      await page.locator('[data-index="0"]').waitFor();
      expect(await scrolled()).toBe(0);
    });

    test('a campaign shows what it changes, before and after, and is approved and rolled back', async () => {
      await submit('again', 2);
      await until(async () => (await batch('again')).open === 0, 200);
      const wish = { preset: 'web', where: { batch: 'again' }, canary: 1, minSsim: 0.5, maxBytesRatio: 100 };
      const { id } = (await api.call('POST', '/v1/campaigns', wish)).body;
      await until(async () => (await api.call('GET', `/v1/batches/${id}`)).status === 200, 200);
      await open(`#/batch/${id}`);
      await page.getByText('The campaign waits for your approval.').waitFor();
      const loaded = page.locator('.compare .picture.is-loaded');
      await loaded.nth(1).waitFor();
      expect(await page.locator('.compare figcaption').allInnerTexts()).toEqual([
        expect.stringMatching(/Before\s+thumbnails/),
        expect.stringMatching(/After\s+web[^]*SSIM [01]\.\d{3}/),
      ]);
      expect(await seriousViolations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByText('All items are made again.').waitFor();
      await loaded.nth(1).waitFor();
      await page.getByRole('button', { name: 'Roll back' }).click();
      await page.getByRole('button', { name: 'Remove the new outputs' }).click();
      await page.getByText('2 items have their old outputs back.').waitFor();
      expect(await page.getByRole('button', { name: 'Roll back' }).count()).toBe(0);
      expect((await api.call('GET', '/v1/jobs/again~p000')).body.manifest.preset.name).toBe('thumbnails');
    });

    test('a download carries the name of the file that was sent', async () => {
      await open('#/item/many~p000');
      const downloading = page.waitForEvent('download');
      await page
        .getByRole('link', { name: /^Download (?!all)/ })
        .first()
        .click();
      expect((await downloading).suggestedFilename()).toMatch(/^same-[a-z0-9-]+\.[a-z]+$/);
      const all = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Download all' }).click();
      expect((await all).suggestedFilename()).toBe('same.zip');
      expect(await (await all).failure()).toBeNull();
    });

    test('deleting an item asks, says what is removed, and takes the row away; then the same for the batch', async () => {
      await submit('over', 2);
      await until(async () => (await batch('over')).open === 0, 200);
      await open('#/batch/over');
      await page.locator('[data-index="1"]').waitFor();
      await page
        .getByRole('link', { name: /done in/ })
        .first()
        .click();
      await page.getByRole('heading', { name: 'Files' }).waitFor();
      const id = decodeURIComponent(page.url().split('/item/')[1] ?? '');
      const remove = page.getByRole('button', { name: 'Delete', exact: true });
      await remove.click();
      const dialog = page.getByRole('dialog', { name: 'Delete same.jpg?' });
      await dialog.getByText(/^Its \d+ published files \(.+B\), its manifest and its history are removed\./).waitFor();
      expect(await faultsOfLooks(page)).toEqual([]);
      await page.keyboard.press('Escape');
      expect((await api.call('GET', `/v1/jobs/${id}`)).status).toBe(200);
      await remove.click();
      await page.getByRole('button', { name: 'Delete for good' }).click();
      await page.getByRole('heading', { name: 'over' }).waitFor();
      await until(async () => (await api.call('GET', `/v1/jobs/${id}`)).status === 404, 200);
      await until(async () => (await page.locator('[data-index]').count()) === 1);
      await remove.click();
      await page.getByText(/^1 item with all published files/).waitFor();
      await page.getByRole('button', { name: 'Delete for good' }).click();
      await page.getByRole('heading', { name: 'The last hour' }).waitFor();
      await until(async () => (await page.getByRole('link', { name: 'over', exact: true }).count()) === 0);
      await until(async () => (await api.call('GET', '/v1/batches/over')).status === 404, 200);
    });

    test('the card with the keyboard has a ring that its picture does not cover', async () => {
      await open('#/batch/many?state=succeeded');
      await page.locator('[data-index="0"] img').waitFor();
      await page.keyboard.press('Tab');
      await page.locator('[data-index="0"]').focus();
      await page.keyboard.press('ArrowRight');
      const card = page.locator('[data-index="1"]:focus');
      await card.waitFor();
      const box = (await card.boundingBox())!;
      const at = await page.evaluate(
        `getComputedStyle(document.querySelector('[data-index="1"]'), '::after').borderTopWidth`,
      );
      expect([at, box.width > 100]).toEqual(['2px', true]);
    });
  });
});
