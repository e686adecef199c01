// How long people wait at the console: until they see the main thing, until a tap or a key shows, until a code is a filled form.
import { browser, Person, PHONE } from './kit.mjs';
import { film } from './camera.mjs';

const { owner, code, name, folder } = JSON.parse(process.env.HANSA_CASE);
const ROUNDS = 5;
const LOOK = { size: PHONE, language: 'en', dark: false };
const screens = { home: '/', documents: '/documents', stock: '/stock?tab=ours', scan: '/scan', links: '/links', turnover: '/accounts?tab=turnover' };
const clip = `${folder}/code.y4m`;
film(code, clip);
const chrome = await browser(clip);
const olga = await Person.comes(chrome, owner, 'olga', { size: PHONE });

/** The middle and the worst, beside the limit. */
function tell(what, all, limit) {
  const sorted = [...all].sort((one, other) => one - other);
  const [median, worst] = [sorted[sorted.length >> 1], sorted.at(-1)];
  console.log(`${what.padEnd(44)} ${Math.round(median).toString().padStart(6)} ms  worst ${Math.round(worst).toString().padStart(6)} ms  limit ${limit} ms  ${(median / limit).toFixed(2)}`);
}

/** With nothing kept: a context of its own has an empty cache. */
async function largest(path) {
  const there = await olga.again(chrome, LOOK);
  await there.goes(path);
  await there.page.waitForFunction(() => !document.querySelector('[aria-busy=true], .mantine-Loader-root'));
  const at = await there.page.evaluate(
    () =>
      new Promise((done) => {
        const seen = (list) => done(list.getEntries().at(-1).startTime);
        new PerformanceObserver(seen).observe({ type: 'largest-contentful-paint', buffered: true });
      }),
  );
  await there.context.close();
  return at;
}

for (const [screen, path] of Object.entries(screens)) {
  const all = [];
  for (let round = 0; round < ROUNDS; round += 1) all.push(await largest(path));
  tell(`largest contentful paint, ${screen}`, all, 2_000);
}

// What the browser itself counts: from a tap or a key to the next frame that shows what came of it (Event Timing).
const there = await olga.again(chrome, LOOK);
await there.page.addInitScript(() => {
  globalThis.taken = [];
  const seen = (list) => {
    for (const { interactionId, duration, name, target } of list.getEntries())
      if (interactionId) globalThis.taken.push({ duration, what: `${name} ${target?.textContent.slice(0, 24) ?? ''}` });
  };
  new PerformanceObserver(seen).observe({ type: 'event', durationThreshold: 16, buffered: true });
});
await there.goes('/');
const { page } = there;
for (let round = 0; round < ROUNDS; round += 1) {
  for (const place of ['Stock', 'Documents', 'Approvals', 'Home']) {
    await page.getByRole('navigation', { name: 'Main places' }).getByRole('link', { name: place }).tap();
    await page.locator('#main h1').waitFor();
  }
  await page.getByRole('navigation', { name: 'Main places' }).getByRole('link', { name: 'Stock' }).tap();
  await page.getByRole('combobox', { name: 'Article' }).pressSequentially('ART-00000', { delay: 20 });
  await page.getByRole('button', { name: 'Find', exact: true }).tap();
  await page.getByRole('button', { name: 'Count', exact: true }).tap();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).tap();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  for (const tab of ['At partners', 'Held for us', 'Runs low', 'Ours']) await page.getByRole('tab', { name: tab }).tap();
}
await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
const taken = (await page.evaluate(() => globalThis.taken)).sort((one, other) => one.duration - other.duration);
// INP is the worst but one of every fifty.
tell(`interaction to next paint, ${taken.length} seen`, [taken[Math.max(0, Math.ceil(taken.length * 0.98) - 1)]?.duration ?? 0], 200);
for (const { duration, what } of taken.slice(-6)) console.log(`  ${Math.round(duration)} ms ${what}`);
await there.context.close();

const scans = [];
for (let round = 0; round < ROUNDS; round += 1) {
  await olga.goes('/scan');
  await olga.page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0);
  const begun = performance.now();
  await olga.page.locator('[data-testid=scanned]').getByText(name).waitFor({ timeout: 20_000 });
  scans.push(performance.now() - begun);
}
tell('first picture of a code to filled form', scans, 1_500);
await olga.context.close();
await chrome.close();
