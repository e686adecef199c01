// A request beside its budget: one more is asked, another is taken back; and a partner's message that did not get through is tried again.
import { createInterface } from 'node:readline';
import { browser, Person, PHONE } from './kit.mjs';

const { owner, clerk, approver, link } = JSON.parse(process.env.HANSA_CASE);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = (text) => console.log(`requests: ${text}`);

/** What has to happen where no screen is. */
async function meanwhile(what) {
  console.log(JSON.stringify({ meanwhile: what }));
  await answers.next();
}

const chrome = await browser();
const olga = await Person.comes(chrome, owner, 'olga');
const mia = await Person.comes(chrome, approver, 'mia');
const carl = await Person.comes(chrome, clerk, 'carl', { size: PHONE });
const { page } = olga;
const form = page.getByRole('dialog');
const row = (text) => page.getByRole('row', { name: new RegExp(text) });

// What may be spent on a cost centre, and a place where stock lies.
const year = new Date().getFullYear();
await olga.goes('/accounts?tab=budgets');
await olga.presses('Set a budget');
await form.getByLabel('Cost centre').fill('4711');
await form.getByLabel('First day').fill(`${year}-01-01`);
await form.getByLabel('Last day').fill(`${year}-12-31`);
await form.getByLabel('Amount').fill('500');
await olga.looks('requests-new-budget');
await form.getByRole('button', { name: 'Save' }).click();
await row(`4711 .* €500.00 €0.00`).waitFor();
await olga.goes('/stock?tab=movements');
await page.getByRole('tab', { name: 'Places' }).click();
await olga.presses('Add or change a place');
await form.getByLabel('Code').fill('NORTH');
await form.getByLabel('Name').fill('Store in the north');
await form.getByLabel('GLN').fill('7300010000001');
await form.getByRole('button', { name: 'Save' }).click();
await row('NORTH Store in the north 7300010000001').waitFor();
await olga.looks('requests-places');
told('a budget and a place');

// The manager sees the budget beside the request, asks the owner too, and both approve.
await meanwhile('a clerk asks');
await mia.goes('/approvals');
await mia.page.locator('#main a[href*="id="]').first().click();
await mia.sees('4711');
await mia.presses('Ask somebody else too');
const more = mia.page.getByRole('dialog');
await more.getByRole('combobox', { name: 'Decides' }).click();
await mia.page.getByRole('option', { name: 'Owner' }).click();
await more.getByRole('button', { name: 'Save' }).click();
await mia.sees('Owner: is asked');
await mia.looks('requests-asked-too');
await mia.presses('Approve');
await mia.sees('Mia the manager: approved');
await olga.goes('/approvals');
await page.locator('#main a[href*="id="]').first().click();
await olga.presses('Approve');
await olga.sees('Nothing to decide.');
await olga.goes('/accounts?tab=budgets');
await row('4711 .* €500.00 €300.00').waitFor();
told('approved by two, and bound');

// The clerk takes the second one back.
await meanwhile('a clerk asks');
await carl.goes('/approvals?which=asked');
await carl.page.getByText('open', { exact: true }).waitFor();
await carl.page.locator('#main a[href*="id="]').first().click();
await carl.presses('Take the request back');
await carl.looks('requests-withdraw-phone');
await carl.page.getByRole('dialog').getByRole('button', { name: 'Take the request back' }).click();
await carl.page.getByText('withdrawn').first().waitFor();
await mia.goes('/approvals');
await mia.sees('Nothing to decide.');
told('taken back');

// A message of the partner's stands until what was wrong is mended.
await olga.goes(`/links/${link}`);
await olga.sees('Messages that could not be processed');
await olga.looks('requests-parked');
const again = page.getByRole('button', { name: 'Try again' }).first();
await again.click();
await page.locator('#main').getByText('EFFECT_FAILED').nth(1).waitFor();
await meanwhile('it is mended');
await again.click();
await page.getByText('Messages that could not be processed').waitFor({ state: 'detached' });
told('tried again');

for (const person of [olga, mia, carl]) await person.done();
await chrome.close();
