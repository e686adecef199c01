// A browser, its people, and what every screen must be: nothing overflows, nothing is cut, axe finds nothing, nothing is logged.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = new URL('../../target/screens/', import.meta.url).pathname;
export const PASSWORD = 'four words that nobody guesses';
export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
mkdirSync(SHOTS, { recursive: true });

export function ok(held, text) {
  if (!held) throw new Error(text);
}

/** Chromium, with this clip for a camera. */
export async function browser(clip) {
  const camera = clip ? ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${clip}`] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...camera] });
}

/** Somebody at a screen of their own. */
export class Person {
  /** Signs in by this invitation. */
  static async comes(chrome, invited, login, { size = DESK, language = 'en', dark = false } = {}) {
    const context = await chrome.newContext({
      viewport: size,
      locale: language === 'zh' ? 'zh-CN' : 'en-GB',
      colorScheme: dark ? 'dark' : 'light',
      permissions: size === PHONE ? ['camera'] : [],
      hasTouch: size === PHONE,
    });
    const person = new Person(context, await context.newPage(), new URL(invited).origin);
    await person.page.goto(invited);
    await person.page.locator('input[autocomplete=username]').fill(login);
    await person.page.locator('input[type=password]').fill(PASSWORD);
    await person.page.locator('button[type=submit]').click();
    await person.page.locator('#main h1').waitFor();
    return person;
  }

  /** The same person at another screen: signed in already. */
  async again(chrome, { size, language, dark }) {
    const context = await chrome.newContext({
      viewport: size,
      locale: language === 'zh' ? 'zh-CN' : 'en-GB',
      colorScheme: dark ? 'dark' : 'light',
      storageState: await this.context.storageState(),
      hasTouch: size === PHONE,
    });
    return new Person(context, await context.newPage(), this.at);
  }

  constructor(context, page, at) {
    Object.assign(this, { context, page, at, errors: [] });
    context.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      const offline = message.text().includes('ERR_INTERNET_DISCONNECTED');
      if (message.type() === 'error' && !offline) this.errors.push(message.text());
    });
    page.on('pageerror', (error) => this.errors.push(error.message));
  }

  async goes(path) {
    await this.page.goto(`${this.at}/console${path}`);
    await this.page.locator('#main h1').waitFor();
  }

  /** Goes as by a link on the page: what is loaded stays. */
  async turns(path) {
    await this.page.evaluate(async (to) => {
      history.pushState(null, '', to);
      const frame = () => new Promise(requestAnimationFrame);
      await frame();
      await frame();
    }, `/console${path}`);
    await this.page.locator('#main h1').waitFor();
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  async presses(name) {
    await this.button(name).click();
  }

  sees(text, timeout = 10_000) {
    return this.finds(this.page.getByText(text).first(), timeout);
  }

  state(word) {
    return this.finds(this.page.locator('[data-testid=state]', { hasText: word }), 15_000);
  }

  /** Waits for something on the screen; what was there instead is in a picture. */
  async finds(place, timeout) {
    await place.waitFor({ timeout }).catch(async (error) => {
      await this.page.screenshot({ path: `${SHOTS}not-seen.png` });
      throw error;
    });
  }

  /** Looks at the screen as it is now. */
  async looks(name, { alsoAxe = true } = {}) {
    await settled(this.page);
    await this.page.screenshot({ path: `${SHOTS}${name}.png` });
    const flaws = await this.page.evaluate(flawsOfLayout);
    const found = alsoAxe ? await this.axe() : [];
    const all = [...flaws, ...found, ...this.errors];
    ok(all.length === 0, `${name}: ${all.join('\n  ')}`);
  }

  /** No label, button, heading or column stands there in English. */
  async speaksChinese(name) {
    const words = await this.page.evaluate(() => {
      const all = document.querySelectorAll('#main h1, #main h2, #main button, #main label, #main th, nav a, [role=tab]');
      return [...all].map((one) => one.textContent.trim()).filter((text) => /^[A-Za-z][A-Za-z ]+$/.test(text));
    });
    const left = words.filter((word) => !['GTIN', 'GLN', 'EUR', 'UBL', 'Webhook', 'Bergen Foods', 'owner'].includes(word));
    ok(left.length === 0, `${name}: not translated: ${left.join(', ')}`);
  }

  async axe() {
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
      const { violations } = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } });
      return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary?.slice(0, 240)}`));
    });
  }

  done() {
    ok(this.errors.length === 0, `logged: ${this.errors.join('\n')}`);
    return this.context.close();
  }
}

/** Until nothing waits and nothing moves. */
async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true], .mantine-Loader-root'), undefined, { timeout: 15_000 });
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
}

/** Runs in the page: what stands out of it, or is cut off. */
function flawsOfLayout() {
  const flaws = [];
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) flaws.push(`the page is ${wide} px too wide`);
  for (const element of document.querySelectorAll('#main *, header *, footer *')) {
    const style = getComputedStyle(element);
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const box = element.getBoundingClientRect();
    if (!text || box.width === 0 || style.visibility === 'hidden') continue;
    const cut = element.scrollWidth > element.clientWidth + 1 && style.overflowX !== 'visible' && element.clientWidth > 0;
    if (cut && style.display !== 'inline') flaws.push(`cut off: ${element.textContent.slice(0, 60)}`);
    const rolls = element.closest('[class*=ScrollArea-viewport], table');
    if (!rolls && box.right > innerWidth + 1) flaws.push(`out of the screen: ${element.textContent.slice(0, 60)}`);
    if (/\bundefined\b|\[object |NaN/.test(element.textContent) && element.children.length === 0) flaws.push(`not a text: ${element.textContent}`);
  }
  return flaws;
}
