// An app, from its manifest to a proposal that is adopted: published, shared, accepted in part, used, and looked at as a chart.
import { browser, DESK, ok, Person, PHONE } from './kit.mjs';

const { headquarters, franchisee, manifest } = JSON.parse(process.env.HANSA_CASE);
const chrome = await browser();
const hanna = await Person.comes(chrome, headquarters.owner, 'hanna', { size: DESK });
const fred = await Person.comes(chrome, franchisee.owner, 'fred', { size: DESK });
const clara = await Person.comes(chrome, franchisee.clerk, 'clara', { size: PHONE });

// Published: what does not hold is said by line, and can't be sent.
await hanna.goes('/apps?tab=catalogue');
await hanna.presses('Publish an app');
const form = hanna.page.getByRole('dialog');
await form.getByLabel('Manifest (JSON)').fill('{"app": "Product Intake"}');
await hanna.presses('Check');
await hanna.sees('It does not hold yet');
ok(await form.getByRole('button', { name: 'Publish an app' }).isDisabled(), 'what does not hold is not published');
await hanna.looks('apps-lint');
await form.locator('input[type=file]').setInputFiles(manifest);
await hanna.presses('Check');
await hanna.sees('It holds.');
await form.getByRole('button', { name: 'Publish an app' }).click();
await hanna.page.getByRole('link', { name: 'Product intake' }).click();

// Shared, and accepted there for the people of stores.
await hanna.page.getByRole('tab', { name: 'Shared with' }).click();
await hanna.presses('Share');
await hanna.page.getByRole('checkbox', { name: franchisee.name }).check();
await hanna.page.getByRole('dialog').getByRole('button', { name: 'Share' }).click();
await hanna.page.locator('td', { hasText: 'waits for an answer' }).first().waitFor();
await clara.goes('/apps');
await clara.sees('No app for you yet');
await fred.goes('/apps?tab=shares');
await fred.page.locator('td', { hasText: 'waits for an answer' }).first().waitFor({ timeout: 20_000 });
await fred.presses('Accept');
await fred.page.getByRole('checkbox', { name: 'store', exact: true }).check();
await fred.looks('apps-accept');
await fred.page.getByRole('dialog').getByRole('button', { name: 'Accept' }).click();
await fred.page.locator('td', { hasText: 'accepted' }).first().waitFor();

// Used by a clerk on her phone.
await clara.goes('/apps');
await clara.page.getByRole('link', { name: 'Product intake' }).click();
await clara.presses('Begin');
await clara.presses('Propose');
await clara.page.getByLabel('Name', { exact: true }).fill('Sea buckthorn jam');
await clara.page.getByLabel('Region').fill('north');
await clara.looks('apps-propose-phone');
await clara.page.locator('#main').getByRole('button', { name: 'Propose', exact: true }).last().click();
await clara.state('Proposed');

// Headquarters sees it on its workbench, adopts it, and looks at the league.
await hanna.goes('/apps');
await hanna.page.getByText('1 waits for us').waitFor({ timeout: 20_000 });
await hanna.looks('apps-workbench');
await hanna.page.getByRole('link', { name: 'Product intake' }).click();
await hanna.page.getByRole('tab', { name: 'By region' }).click();
await hanna.page.locator('td', { hasText: 'north' }).waitFor();
await hanna.looks('apps-board');
await hanna.page.getByRole('tab', { name: 'Waiting for headquarters' }).click();
await hanna.page.locator('td a').first().click();
await hanna.presses('Adopt');
await hanna.page.getByLabel('Our article number').fill('JAM-1');
await hanna.page.getByLabel('Points').fill('3');
await hanna.looks('apps-adopt');
await hanna.page.locator('#main').getByRole('button', { name: 'Adopt', exact: true }).last().click();
await hanna.state('Adopted');
await clara.state('Adopted');
await hanna.goes(`/apps/${headquarters.publisher}/product_intake?tab=league`);
await hanna.page.locator('[role=img] svg').waitFor();
await hanna.looks('apps-league');

// Ended: from then on nothing begins there.
await hanna.goes(`/apps/${headquarters.publisher}/product_intake?tab=shares`);
await hanna.presses('End');
await hanna.page.getByRole('dialog').getByRole('textbox').fill('The season is over.');
await hanna.page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
await clara.goes('/apps');
await clara.page.getByText('No app for you yet').waitFor({ timeout: 20_000 });

await hanna.done();
await fred.done();
await clara.done();
await chrome.close();
console.log('apps: published, shared, accepted, used, ended');
