// The case: two enterprises on two nodes, from the invitation to the short receipt and the end of the link.
import { readFileSync } from 'node:fs';
import { browser, ok, PASSWORD, Person, PHONE } from './kit.mjs';
import { film } from './camera.mjs';

const { buyer, supplier, code, name, folder } = JSON.parse(process.env.HANSA_CASE);
const clip = `${folder}/camera.y4m`;
film(code, clip);
/** One white pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==';
const chrome = await browser(clip);
const told = (text) => console.log(text);

const [olga, bengt] = await Promise.all([
  Person.comes(chrome, buyer.owner, 'olga'),
  Person.comes(chrome, supplier.owner, 'bengt'),
]);

// Invite and accept, with the same check code on both screens.
await olga.goes('/links');
await olga.looks('links-empty');
await olga.presses('Invite a partner');
for (const side of await olga.page.getByRole('dialog').getByRole('group').filter({ has: olga.page.locator('select') }).all()) {
  for (const kind of ['Purchase order', 'Despatch advice', 'Return']) await side.getByLabel(kind).check();
  await side.getByLabel('Stock figures').selectOption({ label: 'exact' });
}
await olga.looks('invite-form');
await olga.presses('Make the invitation');
const invite = await olga.page.locator('[data-testid=invite]').inputValue();
ok(invite.startsWith('hansa1.'), invite);
await olga.page.keyboard.press('Escape');
await bengt.goes('/links');
await bengt.presses('Accept an invitation');
await bengt.page.getByRole('textbox', { name: 'Invitation' }).fill(invite);
await bengt.presses('Look at it');
const codeOf = (person) => person.page.locator('[data-testid=check-code]').innerText();
const theirs = await codeOf(bengt);
await olga.page.getByRole('link', { name: supplier.name }).click();
const ours = await codeOf(olga);
ok(/^\d{6}$/.test(ours) && ours === theirs, `${ours} and ${theirs}`);
await bengt.looks('link-check-code');
await bengt.presses('The codes are the same: approve');
await olga.presses('The codes are the same: approve');
for (const person of [olga, bengt]) await person.page.getByRole('status').getByText('active').waitFor();
await olga.looks('link-active');
told('linked, with the same check code on both screens');

// A clerk scans on a phone without a network, and it is sent once there is one.
const carl = await Person.comes(chrome, buyer.clerk, 'carl', { size: PHONE });
await carl.goes('/scan');
await carl.page.locator('[data-testid=scanned]').getByText(name).waitFor({ timeout: 20_000 });
await carl.page.evaluate(() => navigator.serviceWorker.ready);
await carl.context.setOffline(true);
await carl.page.getByRole('img', { name: 'No network' }).waitFor();
await carl.page.getByLabel('Units').fill('12');
await carl.page.locator('input[type=file][capture]').setInputFiles({ name: 'shelf.png', mimeType: 'image/png', buffer: Buffer.from(PIXEL, 'base64') });
await carl.button('shelf.png').waitFor();
await carl.looks('scan-offline');
await carl.presses('Ask for it');
await carl.page.locator('[data-testid=queued]').waitFor();
await carl.page.reload();
await carl.page.locator('[data-testid=queued]').getByText(`12 × ${name}`).waitFor();
// A browser that was loaded without a network takes a moment to know it.
await carl.page.getByRole('img', { name: 'No network' }).waitFor();
await carl.looks('scan-waiting');
await carl.context.setOffline(false);
await carl.page.locator('[data-testid=queued]').waitFor({ state: 'detached', timeout: 20_000 });
told('scanned without a network, and sent when there was one');

// The manager approves at the desk: there is one request, and no second one.
const mia = await Person.comes(chrome, buyer.manager, 'mia');
// Somebody else takes the same phone: her name is a tap, and she comes in where he was.
await carl.presses('Account');
await carl.page.getByRole('menuitem', { name: 'Sign out' }).click();
await carl.page.getByLabel('This device is shared').check();
for (const [login, name] of [['carl', 'Carl the clerk'], ['mia', 'Mia the manager']]) {
  await carl.page.locator('input[autocomplete=username]').fill(login);
  await carl.page.locator('input[type=password]').fill(PASSWORD);
  await carl.page.locator('button[type=submit]').click();
  await carl.presses('Account');
  await carl.sees(name);
  await carl.page.getByRole('menuitem', { name: 'Change person' }).click();
}
await carl.presses('Carl the clerk');
await carl.page.locator('input[type=password]').fill(PASSWORD);
// What was still asked when somebody signed out is refused, and a browser writes that down.
carl.errors = carl.errors.filter((text) => !text.includes('401'));
await carl.looks('sign-in-shared');
await carl.page.locator('button[type=submit]').click();
await carl.page.locator('#main h1', { hasText: 'Scan' }).waitFor();
told('two people on one phone');

await mia.goes('/approvals');
const asked = mia.page.locator('#main').getByRole('link', { name: /RQ|Requisition/ });
await asked.first().waitFor();
ok((await asked.count()) === 1, `${await asked.count()} requests`);
await asked.first().click();
await mia.button('Approve').waitFor();
await mia.looks('approval');
await mia.presses('Approve');
await mia.sees('Done');
await mia.sees('Nothing to decide.');
await mia.goes('/documents?kind=requisition');
await mia.page.locator('#main').getByRole('link', { name: /RQ/ }).click();
const [photo] = await Promise.all([mia.page.waitForEvent('download'), mia.button('shelf.png').click()]);
ok(photo.suggestedFilename() === 'shelf.png', photo.suggestedFilename());
told('approved, once, with its photo');

// What was asked for is ordered: each line from a supplier, and the request says where it went.
await olga.goes('/documents?kind=requisition');
await olga.page.locator('#main').getByRole('link', { name: /RQ/ }).click();
await olga.page.getByRole('combobox', { name: 'All lines from' }).click();
await olga.page.getByRole('option', { name: supplier.name, exact: true }).click();
await olga.looks('make-orders');
await olga.presses('Make orders');
await olga.state('Ordered');
await olga.sees('Ordered with');
await olga.page.locator('#main').getByRole('link', { name: 'Order', exact: true }).click();
await olga.state('Issued');
await olga.sees('Asked for in');
await olga.page.locator('#main').getByRole('link', { name: 'Requisition' }).click();
await olga.state('Ordered');
await olga.page.locator('#main').getByRole('link', { name: 'Order', exact: true }).waitFor();
const [paper] = await Promise.all([olga.page.waitForEvent('download'), olga.presses('Print')]);
ok(/^RQ.*\.html$/.test(paper.suggestedFilename()), paper.suggestedFilename());
told('ordered out of the request');

// The buyer orders; the supplier changes a line; the buyer agrees.
await olga.goes('/documents');
await olga.presses('New document');
await olga.page.getByRole('dialog').getByLabel('Kind').selectOption({ label: 'Purchase order' });
await olga.page.getByRole('dialog').getByLabel('Seller').click();
await olga.page.getByRole('option', { name: supplier.name, exact: true }).click();
await olga.page.getByRole('dialog').getByRole('button', { name: 'New document' }).click();
await olga.presses('Issue');
await olga.page.getByLabel('Article number, Line 1').fill('NUT-1');
await olga.page.getByLabel('GTIN, Line 1').fill(code);
await olga.page.getByLabel('Name, Line 1').fill(name);
await olga.page.getByLabel('Quantity, Line 1').fill('12');
await olga.page.getByLabel('Price, Line 1').fill('3.49');
await olga.page.getByLabel('Place of delivery').fill('MAIN');
await olga.looks('order-form');
await olga.button('Issue').last().click();
await olga.state('Issued');
const order = new URL(olga.page.url()).pathname.replace('/console', '');
await bengt.goes(order);
await bengt.presses('Answer');
await bengt.page.getByLabel('Answer, Line 1').selectOption({ label: 'change' });
await bengt.page.getByLabel('Quantity, Line 1').fill('10');
await bengt.looks('answer-form');
await bengt.button('Answer').last().click();
await bengt.state('Answered');
await olga.state('Answered');
await olga.looks('order-answered');
await olga.presses('Agree');
await olga.button('Agree').last().click();
await olga.state('Agreed');
await bengt.state('Agreed');
told('ordered, changed and agreed');

// A list of stock: looked at, and then taken.
await bengt.goes('/import');
const list = 'gtin,sku,name,quantity\n4006381333931,PEN-1,Pen,7\n4006381333932,PEN-2,Wrong pen,7\n';
await bengt.page.locator('input[type=file]').setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(list) });
await bengt.presses('Check');
await bengt.sees('2 rows checked. Nothing is written yet.');
await bengt.page.getByRole('row', { name: /^3 gtin/ }).waitFor();
await bengt.looks('import-checked');
await bengt.presses('Import');
await bengt.sees('2 rows imported.');
await bengt.goes('/stock?tab=ours&item=PEN-1');
await bengt.page.getByRole('row', { name: /PEN-1/ }).getByText('7', { exact: true }).waitFor();
await bengt.goes(order);
told('imported, and the bad row named');

// Despatch and a short receipt; figures move on both screens without a reload.
const stockOf = async (chromePerson, sku) => {
  const page = await chromePerson.context.newPage();
  await page.goto(`${chromePerson.at}/console/stock?tab=ours&item=${sku}`);
  const row = page.getByRole('row', { name: new RegExp(sku) });
  await row.waitFor();
  return {
    page,
    becomes: (figure) => row.getByRole('cell').nth(4).getByText(figure, { exact: true }).waitFor({ timeout: 15_000 }),
  };
};
const supplied = await stockOf(bengt, 'NUT-1');
await supplied.becomes('40');
await bengt.presses('Make: Despatch advice');
await bengt.presses('Issue');
await bengt.page.getByLabel('Quantity, Line 1').waitFor();
await bengt.looks('despatch-form');
await bengt.button('Issue').last().click();
await bengt.state('Despatched');
await supplied.becomes('30');
const despatch = new URL(bengt.page.url()).pathname.replace('/console', '');
const bought = await stockOf(olga, 'OUR-1');
await bought.becomes('5');
// The clerk counts it with the phone: what is damaged is turned away, with a photo.
await carl.goes('/scan');
await carl.page.locator('a[href*=receive]').click();
const counted = carl.page.locator('[data-testid=counted]');
await counted.getByText('9 short').waitFor({ timeout: 20_000 });
await carl.page.getByLabel('Code').fill('4006381333931');
await carl.presses('Add');
await carl.sees('Not in this delivery: 4006381333931');
await carl.page.getByLabel('Code').fill(code);
await carl.presses('Add');
await counted.getByText('8 short').waitFor();
await carl.page.getByLabel(`Counted, ${name}`).fill('9');
await carl.page.getByLabel(`Turned away, ${name}`).fill('2');
await carl.page.getByLabel(`Reason, ${name}`).fill('two jars broken, one missing');
await counted.locator('input[type=file]').setInputFiles({ name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from(PIXEL, 'base64') });
await carl.button('broken.png').waitFor();
await carl.looks('receive-by-scan');
await carl.presses('Receive');
await carl.state('Received, not all');
await carl.sees('broken.png');
await bought.becomes('12');
// The missing one has turned up: the receipt is corrected at the desk.
await olga.goes(despatch);
await olga.presses('Correct');
await olga.page.getByLabel('Received, Line 1').fill('8');
await olga.page.getByLabel('Reason, Line 1').fill('two jars broken');
await olga.looks('receipt-form');
await olga.button('Correct').last().click();
await bought.becomes('13');
await bengt.state('Received, not all');
await olga.looks('received-short');
const [events] = await Promise.all([olga.page.waitForEvent('download'), olga.presses('EPCIS')]);
ok(readFileSync(await events.path(), 'utf8').includes('"ObjectEvent"'), 'what happened to the goods, as events');
told('despatched, received short, and the figures moved');

// What is broken goes back, by the form that the kind describes.
await olga.presses('Make: Return');
await olga.presses('Request');
await olga.page.locator('#root_reason').click();
await olga.page.getByRole('option', { name: 'Damaged', exact: true }).click();
await olga.page.locator('#root_details').fill('The lids are broken');
await olga.page.locator('#root_wish').click();
await olga.page.getByRole('option', { name: 'Credit', exact: true }).click();
await olga.page.getByLabel('Quantity, Line 1').fill('3');
await olga.looks('return-form');
await olga.button('Request').last().click();
await olga.state('Requested');
told('a return asked for by its form');

// Who looks at the link sees within a second that it is revoked.
const link = await (async () => {
  await olga.goes('/links');
  await olga.page.getByRole('link', { name: supplier.name }).click();
  await olga.button('Revoke').waitFor();
  return new URL(olga.page.url()).pathname.replace('/console', '');
})();
await bengt.goes(link);
await bengt.button('Revoke').waitFor();
await olga.presses('Revoke');
const dialog = olga.page.getByRole('dialog');
await dialog.getByLabel(/Why/).fill('the test is over');
const answered = olga.page.waitForResponse(/RevokeLink/);
await dialog.getByRole('button', { name: 'Revoke' }).click();
await answered;
const began = Date.now();
await bengt.page.getByText('This link was revoked').waitFor({ timeout: 5_000 });
const took = Date.now() - began;
told(`revoked: the partner's screen said so after ${took} ms`);
ok(took < 1_000, `the partner saw it after ${took} ms`);
await bengt.looks('link-revoked');

// What is another's looks like what is not there.
const seen = [];
for (const path of [supplier.stranger, '/documents/019f0000-0000-7000-8000-000000000000']) {
  await mia.page.goto(`${mia.at}/console${path}`);
  await mia.page.getByRole('alert').waitFor();
  seen.push(await mia.page.locator('#main').innerText());
}
ok(seen[0] === seen[1], seen.join('\n---\n'));
// Chromium notes each 404 as an error.
mia.errors = mia.errors.filter((text) => !text.includes('404'));
await mia.looks('not-there');
for (const person of [olga, bengt, carl, mia]) await person.done();
await chrome.close();
told('case: done');
