// Coupons of one are taken at another's till and settled the same on both sides; members are asked by letter.
import { browser, ok, Person, PHONE } from './kit.mjs';

const { store, brand, code } = JSON.parse(process.env.HANSA_CASE);
const told = (text) => console.log(`allies: ${text}`);
const chrome = await browser();
const sara = await Person.comes(chrome, store.owner, 'sara');
const bea = await Person.comes(chrome, brand.owner, 'bea');
const till = await bea.again(chrome, { size: PHONE, language: 'en', dark: false });
const month = new Date().toISOString().slice(0, 7);

// At the partner's till.
await till.goes('/loyalty?tab=till');
await till.page.getByLabel('Partner').selectOption({ label: store.name });
await till.page.getByLabel('Code of the coupon').fill(code);
await till.page.getByLabel('Basket').fill('80');
await till.presses('Take off the price');
await till.sees('€10.00 less');
await till.presses('Paid: use it');
await till.sees('used');
await till.looks('allies-till-phone');
await sara.goes('/loyalty?tab=bookings');
await sara.page.getByRole('row', { name: new RegExp(`${brand.name} used €10.00`) }).waitFor();
told('taken at the partner');

// What is owed for it says the same on both sides.
const owed = async (person, partner, side) => {
  await person.goes('/loyalty?tab=settlement');
  await person.page.getByLabel('Partner').selectOption({ label: partner });
  await person.page.getByLabel('Month').fill(month);
  await person.page.getByLabel('Whose coupons and points').selectOption(side);
  const row = person.page.getByRole('row', { name: /^coupon/ });
  await row.waitFor();
  return row.textContent();
};
const [ours, theirs] = [await owed(sara, brand.name, 'ours'), await owed(bea, store.name, 'partner')];
ok(ours === theirs && ours.includes('6.00'), `${ours} | ${theirs}`);
await bea.sees(/signed statement and our books say the same/);
await bea.looks('allies-settlement');
await sara.looks('allies-settlement-issuer');
told('settled the same');

// Members who have not been asked yet are, by letter, and it is seen how many.
await sara.goes('/pools?tab=runs');
await sara.presses('Invite members');
const form = sara.page.getByRole('dialog');
await form.getByLabel('Our pool').selectOption('loyalty');
await form.getByLabel('Text that they agree to').selectOption({ index: 1 });
await form.getByLabel('Subject').fill('May we tell Visby Tea?');
await form.getByLabel('Letter').fill('You decide, and can take it back at any time.');
await sara.looks('allies-ask');
await form.getByRole('button', { name: 'Send' }).click();
await form.waitFor({ state: 'detached' });
await sara.page.getByRole('row', { name: /May we tell Visby Tea\? .* done/ }).waitFor({ timeout: 20_000 });
await sara.looks('allies-asked');
told('asked by letter');

for (const person of [sara, bea, till]) await person.done();
await chrome.close();
