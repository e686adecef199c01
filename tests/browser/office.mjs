// What an office does besides: finds articles, brings partners in by a QR code, tells systems of its own, takes papers, and moves people.
import { readFileSync } from 'node:fs';
import { browser, ok, Person, PHONE } from './kit.mjs';

const { buyer, supplier, paper } = JSON.parse(process.env.HANSA_CASE);
const told = (text) => console.log(`office: ${text}`);
const chrome = await browser();
const olga = await Person.comes(chrome, buyer.owner, 'olga');
const bengt = await Person.comes(chrome, supplier.owner, 'bengt', { size: PHONE });
const { page } = olga;
const form = page.getByRole('dialog');
const inAMonth = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
const saves = () => form.getByRole('button', { name: 'Save' }).click();
const row = (text) => page.getByRole('row', { name: new RegExp(text) });

// An article is found by words, and partners are asked for it.
await olga.goes('/stock?tab=articles');
await page.getByLabel('Words of its name').fill('nut 1');
await olga.presses('Find');
await row('Nutella OUR-1').waitFor();
await olga.looks('office-articles');
await page.getByRole('link', { name: 'Nutella' }).click();
await row('Nutella OUR-1').waitFor();
ok(page.url().endsWith('item=OUR-1'), page.url());
const find = page.getByRole('combobox', { name: 'Article' });
await find.fill('nut');
await page.getByRole('option', { name: /Nutella/ }).click();
await page.waitForURL(/item=03017620422003/);
await olga.goes('/stock?tab=movements');
await row('OUR-1 .* imported').waitFor();
told('an article is found by its name');

// An invitation as a QR code, which a phone has scanned.
await olga.goes('/links');
await olga.presses('Invite a partner');
for (const side of ['What they may do with us', 'What we ask of them']) await form.getByRole('group', { name: side }).getByRole('checkbox', { name: 'Purchase order', exact: true }).check();
await form.getByRole('button', { name: 'Make the invitation' }).click();
await form.getByRole('img', { name: /^QR code/ }).waitFor();
const invite = await page.getByTestId('invite').inputValue();
await olga.looks('office-invitation');
await form.getByRole('button', { name: 'Close' }).click();
await bengt.goes('/scan');
await bengt.page.getByLabel('Code', { exact: true }).fill(invite);
await bengt.presses('Add');
await bengt.page.waitForURL(/\/links\?invite=/);
await bengt.looks('office-invited-phone');
await bengt.page.getByRole('dialog').getByRole('button', { name: 'Look at it' }).click();
await bengt.page.getByTestId('check-code').waitFor();
await bengt.presses('The codes are the same: approve');
await olga.goes('/links');
await page.locator('#main').getByRole('link', { name: supplier.name }).click();
await olga.presses('The codes are the same: approve');
for (const person of [olga, bengt]) await person.page.getByRole('status').getByText('active').waitFor({ timeout: 15_000 });
told('linked by a scanned invitation');

// A system of ours is told what happens; the secret is shown once.
await olga.goes('/systems');
await olga.presses('Tell a system');
await form.getByLabel('Address').fill('https://erp.example.com/hansa');
await form.getByRole('checkbox', { name: 'document.changed' }).check();
await saves();
ok((await page.getByLabel('The secret that signatures').inputValue()).startsWith('whsec_'), 'a secret');
await olga.looks('office-webhook');
await page.locator('#main').getByRole('link', { name: 'https://erp.example.com/hansa' }).click();
await olga.sees('Nothing has been told yet.');
await olga.presses('Remove');
await form.getByRole('button', { name: 'Remove' }).click();
await olga.sees('No system is told anything.');
told('a system is told, and then not any more');

// By how much an invoice may differ, and whom papers mean.
await olga.goes('/prices?tab=tolerances');
await olga.presses('Set a tolerance');
await form.getByLabel('Price, per cent').fill('1.5');
await saves();
await row('everybody else 0 % 1.5 %').waitFor();
await olga.looks('office-tolerances');
await olga.goes('/systems?tab=parties');
await olga.presses('New identifier');
await form.getByLabel('Partner').selectOption({ label: supplier.name });
await form.getByLabel('Identifier').fill('7300010000001');
await saves();
await row('7300010000001').waitFor();

// A paper of another system: looked at, and taken.
await olga.goes('/documents');
await olga.presses('Import a paper');
await form.locator('input[type=file]').setInputFiles(paper);
await form.getByLabel('Partner').selectOption({ label: supplier.name });
await form.getByRole('button', { name: 'Check' }).click();
await olga.sees('Begins a new Purchase order.');
await olga.looks('office-paper');
await form.getByRole('button', { name: 'Import' }).click();
await olga.state('issued');
const [download] = await Promise.all([page.waitForEvent('download'), olga.presses('UBL')]);
ok(readFileSync(await download.path(), 'utf8').includes('PO/2026/117'), 'a paper comes out again');
told('a paper went in and came out');

// People work somewhere, and decide in each other's place.
await olga.goes('/staff');
await row('Mia the manager').getByRole('button', { name: 'Move' }).click();
await form.getByLabel('Units and stores').fill('north, north/store-12');
await saves();
await row('north, north/store-12').waitFor();
await olga.looks('office-staff');
const mia = await Person.comes(chrome, buyer.manager, 'mia');
await mia.goes('/me');
await mia.presses('Let a colleague decide');
await mia.page.getByRole('dialog').getByRole('combobox', { name: 'Decides' }).click();
await mia.page.getByRole('option', { name: 'Carl the clerk' }).click();
await mia.page.getByRole('dialog').getByLabel('Until').fill(inAMonth);
await mia.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
await mia.page.getByRole('row', { name: /Carl the clerk/ }).waitFor();
await mia.looks('office-delegation');
told('moved, and stood in for');

for (const person of [olga, bengt, mia]) await person.done();
await chrome.close();
