// Who works on an order is chosen by name, its customer has a page, and the system behind an app answers.
import { browser, ok, Person } from './kit.mjs';

const { headquarters, dealer, partners } = JSON.parse(process.env.HANSA_CASE);
const told = (text) => console.log(`works: ${text}`);
const chrome = await browser();
const hanna = await Person.comes(chrome, headquarters.owner, 'hanna');
const dana = await Person.comes(chrome, dealer.owner, 'dana');
const app = (name) => `/apps/${headquarters.publisher}/${name}`;

// Headquarters says who does what when this dealer begins.
await hanna.goes(`${app('service_order')}?tab=shares`);
await hanna.page.getByRole('row', { name: new RegExp(dealer.name) }).getByRole('button', { name: 'Who does what' }).click();
const form = hanna.page.getByRole('dialog');
await form.getByLabel('Factory').selectOption({ label: partners.factory });
await form.getByLabel('Installer').selectOption({ label: partners.installer });
await hanna.looks('works-parties');
await form.getByRole('button', { name: 'Save' }).click();
await form.waitFor({ state: 'detached' });
told('headquarters has said who does what');

// The dealer begins, and the customer gets a page of their own.
await dana.goes(app('service_order'));
await dana.presses('Begin');
await dana.presses('Open');
await dana.page.getByLabel('Customer').fill('Frau Nilsson');
await dana.page.getByLabel('Where').fill('Strandgatan 1, Visby');
await dana.page.getByLabel('What is wanted').fill('A kitchen of four metres');
await dana.page.locator('#main').getByRole('button', { name: 'Open', exact: true }).last().click();
await dana.state('To measure');
await dana.presses('Open a page');
const open = dana.page.getByRole('dialog');
await open.getByLabel('Whom they may ask, and how').fill('Dana, 0498 123');
await dana.looks('works-customer');
await open.getByRole('button', { name: 'Open a page' }).click();
await open.waitFor({ state: 'detached' });
const address = await dana.page.getByLabel('To be given to the customer alone').inputValue();
const customer = await (await chrome.newContext()).newPage();
await customer.goto(address);
await customer.getByText('Dana, 0498 123').waitFor();
ok(!(await customer.textContent('body')).includes(partners.factory), 'a customer has one contact');
await dana.presses('Close');
await dana.page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
await dana.sees('No page yet');
told('the customer had a page');

// A form asks for a colleague, a partner and a place by their names.
await dana.goes(app('visit'));
await dana.presses('Begin');
await dana.presses('Plan');
await dana.page.getByRole('combobox', { name: 'By whom' }).click();
await dana.page.getByRole('option', { name: 'Finn the fitter' }).click();
await dana.page.getByLabel('With whom').selectOption({ label: headquarters.name });
await dana.page.getByRole('combobox', { name: 'Place' }).click();
await dana.page.getByRole('option', { name: 'MAIN' }).click();
await dana.looks('works-by-name');
await dana.page.locator('#main').getByRole('button', { name: 'Plan', exact: true }).last().click();
await dana.state('Planned');
for (const name of ['Finn the fitter', headquarters.name, 'MAIN']) await dana.page.locator('td', { hasText: name }).first().waitFor();
await dana.looks('works-planned');
told('chosen by name');

// The system behind an app is asked, and answers.
await dana.goes(app('price_check'));
await dana.presses('Ask for a price');
const ask = dana.page.getByRole('dialog');
await ask.getByLabel('Article').fill('TEA-1');
await ask.getByLabel('Pieces').fill('12');
await ask.getByRole('button', { name: 'Send' }).click();
await dana.page.getByRole('row', { name: 'Price of all 30.00 EUR' }).waitFor();
await dana.looks('works-answer');
told('a system has answered');

for (const person of [hanna, dana]) await person.done();
await chrome.close();
