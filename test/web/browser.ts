import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

/** Debian's Chromium, or any other on PATH. */
function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  return folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find((file) => existsSync(file));
}

export const executablePath = findChromium();
if (executablePath === undefined) {
  process.stderr.write('The page is not tested: no chromium on PATH (Debian: apt-get install chromium).\n');
}

/** Runs the suite where there is a browser; elsewhere it is shown as skipped. */
export const describeInBrowser = executablePath === undefined ? describe.skip : describe;

export function launch(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--no-first-run'];
  // As root, which CI is, there is no sandbox.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', ...quiet] });
}

/** A page that notes everything that its browser complains about: errors, and violations of the policy. */
export async function openPage(browser: Browser, options: Parameters<Browser['newPage']>[0] = {}) {
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  return { page, complaints };
}

/** Drops files as a hand would. */
export async function dropFiles(page: Page, files: { name: string; type: string; bytes: Buffer }[]): Promise<void> {
  const given = files.map(({ name, type, bytes }) => ({ name, type, base64: bytes.toString('base64') }));
  const data = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    for (const { name, type, base64 } of ${JSON.stringify(given)}) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  })()`);
  await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
  await page.dispatchEvent('body', 'drop', { dataTransfer: data });
}

interface Violation {
  id: string;
  impact: string;
  nodes: string[];
}

/** What axe finds on the page that is serious or worse. */
export async function seriousViolations(page: Page): Promise<Violation[]> {
  const violations = await page.evaluate(axeScript());
  return (violations as Violation[]).filter(({ impact }) => impact === 'serious' || impact === 'critical');
}

/** Handed to the browser by its debugger, since the page's own policy lets in no script but the page's. */
function axeScript(): string {
  return `(async () => {
    ${readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')};
    const { violations } = await axe.run(document);
    return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(({ html }) => html.slice(0, 200)) }));
  })()`;
}

/** What is wrong with the layout or for axe, in light and dark, at the width of a phone and of a desktop; empty: nothing. */
export async function faultsOfLooks(page: Page): Promise<string[]> {
  const before = page.viewportSize();
  const faults: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [390, 1400]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 844 });
      const look = `${colorScheme}, ${width} px`;
      const scrollWidth = Number(await page.evaluate('document.documentElement.scrollWidth'));
      if (scrollWidth > width) faults.push(`${look}: ${scrollWidth} px wide`);
      const violations = await seriousViolations(page);
      faults.push(...violations.map(({ id, nodes }) => `${look}: ${id} ${nodes.join(' ')}`));
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
  return faults;
}
