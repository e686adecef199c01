// Two enterprises and their members: a pool, members out of a file, opened to a partner, handed out, matched, and taken back.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { browser, DESK, ok, Person } from './kit.mjs';

const { store, brand, folder } = JSON.parse(process.env.HANSA_CASE);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** What has to happen where no screen is: at the counter. */
async function meanwhile(what) {
  console.log(JSON.stringify({ meanwhile: what }));
  await answers.next();
}

const chrome = await browser();
const sara = await Person.comes(chrome, store.owner, 'sara', { size: DESK });
const bea = await Person.comes(chrome, brand.owner, 'bea', { size: DESK });
const page = sara.page;

// A pool with a field, and members out of a file: looked at, then taken.
await sara.goes('/pools');
await sara.presses('New pool');
await page.getByLabel('Code').fill('loyalty');
await page.getByLabel('Name').fill('Loyalty card');
await sara.presses('Add a field');
await page.getByLabel('Field', { exact: true }).fill('city');
await sara.looks('pools-new');
await sara.presses('Save');
await page.getByRole('link', { name: 'Loyalty card' }).click();
await page.getByRole('tab', { name: 'Import' }).click();
const lines = Array.from({ length: 60 }, (_, place) => `138${String(place + 1).padStart(8, '0')},Lübeck`);
const file = `${folder}/members.csv`;
writeFileSync(file, ['phone,city', ...lines, 'not a phone,Visby'].join('\n'));
await page.locator('input[type=file]').setInputFiles(file);
await page.getByLabel('Country of phones without one').fill('CN');
await sara.presses('Check');
await sara.sees('61 rows checked');
await sara.presses('Import');
await sara.sees('61 rows imported');
await sara.looks('pools-import');

// Opened to the partner, in words that its page says at once.
await sara.goes(`/links/${store.link}`);
await sara.presses('Open a pool');
await page.getByLabel('Our pool').selectOption('loyalty');
await page.getByLabel('Purpose').fill('joint-offers');
await page.getByLabel('It learns').selectOption('joint');
await page.getByRole('checkbox', { name: 'city' }).check();
await sara.looks('pools-open');
await sara.presses('Grant');
await sara.sees('May match its members with our pool loyalty');
await bea.goes(`/links/${brand.link}`);
await bea.sees('May match its members with our pool loyalty', 15_000);

// And for members of it: its coupons are taken, and they are written to.
await sara.presses('Coupons, joining, letters');
const more = page.getByRole('dialog');
await more.getByLabel('Our pool').selectOption('loyalty');
await more.getByRole('checkbox', { name: 'Takes coupons of this pool' }).check();
await more.getByRole('checkbox', { name: 'Has us write to members' }).check();
await more.getByLabel('Purpose').fill('joint-offers');
await sara.looks('pools-benefits');
await more.getByRole('button', { name: 'Save' }).click();
await more.waitFor({ state: 'detached' });
await bea.sees('May book coupons and points of loyalty.', 15_000);

// The text that members agree to.
await sara.goes('/pools?tab=notices');
await sara.presses('New notice');
await page.getByLabel('Partner').selectOption({ label: brand.name });
await page.getByLabel('Purpose').fill('joint-offers');
await page.getByLabel('Our pool').selectOption('loyalty');
await page.getByRole('checkbox', { name: 'city' }).check();
await page.getByRole('textbox', { name: 'Text' }).fill('We tell Visby Tea that you are a member, and your city.');
await sara.presses('Save');
await sara.sees('Whoever agrees lets the partner know');
await sara.looks('pools-notices');
await meanwhile('members agree');

// Handed out.
await sara.goes('/pools/loyalty?tab=offers');
await sara.presses('Hand out');
const form = page.getByRole('dialog');
await form.getByLabel('Partner').selectOption({ label: brand.name });
await form.getByRole('button', { name: 'joint-offers' }).waitFor();
await form.getByRole('button', { name: 'Hand out' }).click();
await page.getByText('live', { exact: true }).waitFor({ timeout: 20_000 });
await sara.looks('pools-offers');

// Matched by the partner.
await bea.goes('/pools?tab=matches');
await bea.page.getByLabel('Partner').selectOption({ label: store.name });
await bea.page.getByLabel('Their pool and purpose').selectOption('loyalty/joint-offers');
await bea.page.getByLabel('Our pool').selectOption('fans');
await bea.presses('What would it cost?');
await bea.page.getByLabel('We learn').selectOption({ label: 'which, both of us' });
await bea.looks('pools-estimate');
await bea.presses('Start the match');
await bea.page.getByText('done', { exact: true }).waitFor({ timeout: 30_000 });
await bea.page.getByRole('link', { name: new RegExp(store.name) }).click();
await bea.page.locator('td', { hasText: 'Lübeck' }).first().waitFor();
const found = await bea.page.locator('tbody tr').count();
ok(found === 20, `${found} are members of both and have agreed on both sides: 20`);
await bea.looks('pools-matched');

// Written to by the store, which says how many it reached and no more.
await sara.goes('/pools?tab=runs');
await page.getByRole('button', { name: 'Change' }).click();
await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
await sara.sees('A member gets at most 4 in 30 days.');
await bea.presses('Write to them');
await bea.page.getByLabel('Subject').fill('Tea of the month');
await bea.page.getByLabel('Letter').fill('A new tea has come in.');
await bea.page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
await bea.sees('For 20:');
await bea.looks('pools-written');
await sara.goes('/pools?tab=runs');
await sara.sees('Tea of the month');

// One of them takes it back at the counter: gone at the partner, and acknowledged.
await sara.goes('/pools/loyalty');
await page.getByLabel('Number, phone or mail address').fill('41');
await sara.presses('Find');
await sara.sees('Member 41');
await sara.looks('pools-member');
await sara.presses('Their own page');
await page.getByLabel('Good for 90 days').waitFor();
const receipt = page.waitForEvent('download');
await sara.presses('Receipt');
ok((await receipt).suggestedFilename() === 'consent-41-joint-offers.json', 'a receipt to be kept');
await sara.presses('Take back');
await page.getByRole('dialog').getByRole('button', { name: 'Take back' }).click();
await sara.sees('taken back');
await sara.goes('/pools?tab=withdrawals&all');
await sara.sees('acknowledged', 20_000);
await sara.looks('pools-withdrawals');
await bea.page.reload();
await bea.page.locator('td', { hasText: 'Lübeck' }).first().waitFor();
const left = await bea.page.locator('td', { hasText: 'Lübeck' }).count();
ok(left === 19, `${left} are left at the partner: 19`);

await sara.done();
await bea.done();
await chrome.close();
console.log('pools: made, opened, handed out, matched, taken back');
