// A seller offers prices in a form, and in a file; the buyer agrees on the desk and finds the price of a day.
import { writeFileSync } from 'node:fs';
import { browser, ok, Person, PHONE } from './kit.mjs';

const { seller, buyer, folder } = JSON.parse(process.env.HANSA_CASE);
const told = (text) => console.log(`prices: ${text}`);
const chrome = await browser();
const bengt = await Person.comes(chrome, seller.owner, 'bengt');
const olga = await Person.comes(chrome, buyer.owner, 'olga');

/** A new offer, up to its form. */
async function begins() {
  await bengt.goes('/documents');
  await bengt.presses('New document');
  const dialog = bengt.page.getByRole('dialog');
  await dialog.getByLabel('Kind').selectOption({ label: 'Price agreement' });
  await dialog.getByLabel('Buyer').click();
  await bengt.page.getByRole('option', { name: buyer.name, exact: true }).click();
  await dialog.getByRole('button', { name: 'New document' }).click();
  await bengt.presses('Offer');
}

const offers = () => bengt.page.getByRole('button', { name: 'Offer', exact: true }).last().click();

await begins();
const { page } = bengt;
await page.getByLabel('Valid from').fill('2026-01-01');
await page.getByLabel('Incoterm').fill('DAP Lübeck');
await page.getByLabel('Orders may come to').fill('a lot');
await bengt.sees('Not a number');
await page.getByLabel('Orders may come to').fill('5000');
const line = page.getByRole('group', { name: 'Line 1' });
await line.getByLabel('Article number').fill('TEA-1');
await line.getByLabel('Name').fill('Green tea');
await line.getByLabel('In packs of').fill('2');
await line.getByLabel('Lead time in days').fill('3');
await line.getByLabel('Price', { exact: true }).fill('4,50');
await line.getByRole('button', { name: 'A price from a larger quantity on' }).click();
await line.getByLabel('From quantity').fill('10');
await line.getByLabel('Price', { exact: true }).last().fill('4.20');
await bengt.presses('Add an article');
await page.getByRole('group', { name: 'Line 2' }).getByRole('button', { name: /Remove, Line 2/ }).click();
await bengt.looks('price-form');
await offers();
await bengt.state('offered');
told('offered in a form');

await olga.goes('/documents?kind=price_agreement');
await olga.page.locator('#main').getByRole('link', { name: /PA/ }).click();
await olga.sees('≥ 10: €4.20');
await olga.sees('DAP Lübeck');
await olga.looks('price-offer');
await olga.presses('Agree');
await olga.page.getByRole('button', { name: 'Agree', exact: true }).last().click();
await olga.state('agreed');
await olga.goes('/prices?tab=find');
await olga.page.getByLabel('Partner').selectOption({ label: seller.name });
await olga.page.getByRole('combobox', { name: 'Article' }).fill('TEA-1');
await olga.page.getByLabel('Quantity').fill('12');
await olga.page.getByLabel('Day of the order').fill('2026-06-01');
await olga.presses('Find');
await olga.sees('€4.20');
await olga.sees(`Signed by ${seller.name}`);
await olga.looks('price-of-a-day');
told('agreed, and found with who signed it');

// Many articles come in a file.
const file = `${folder}/prices.csv`;
writeFileSync(file, `sku,name,price\n${Array.from({ length: 1_000 }, (_, at) => `ART-${at},Article ${at},${1 + at}.50`).join('\n')}\n`);
await begins();
const [chooser] = await Promise.all([page.waitForEvent('filechooser'), bengt.presses('Prices out of a file')]);
await chooser.setFiles(file);
await bengt.sees('prices.csv');
ok((await page.getByRole('group', { name: /^Line/ }).count()) === 0, 'a file is in place of lines');
await page.setViewportSize(PHONE);
await bengt.looks('price-file-phone');
// What is missing is named.
const today = await page.getByLabel('Valid from').inputValue();
await page.getByLabel('Valid from').fill('');
await offers();
await bengt.sees('valid from: is missing');
// A browser writes down each answer of 400 and more.
bengt.errors = bengt.errors.filter((text) => !text.includes('400'));
await page.getByLabel('Valid from').fill(today);
await offers();
await bengt.state('offered');
const [download] = await Promise.all([page.waitForEvent('download'), bengt.presses('prices.csv')]);
ok(download.suggestedFilename() === 'prices.csv', download.suggestedFilename());
await olga.goes('/documents?kind=price_agreement&open=1');
await olga.page.locator('#main').getByRole('link', { name: /PA/ }).first().click();
await olga.presses('Agree');
await olga.page.getByRole('button', { name: 'Agree', exact: true }).last().click();
await olga.state('agreed');
await olga.goes('/prices?tab=agreements');
await olga.sees('1,000');
told('a thousand prices out of a file');

for (const person of [bengt, olga]) await person.done();
await chrome.close();
