// A store wins members by a page of its own and at the counter, gives coupons and points, takes them at the till, and writes to its members.
import { browser, ok, Person, PHONE } from './kit.mjs';

const { owner } = JSON.parse(process.env.HANSA_CASE);
const told = (text) => console.log(`shop: ${text}`);
const chrome = await browser();
const sara = await Person.comes(chrome, owner, 'sara');
const { page } = sara;
const form = page.getByRole('dialog');
const saves = () => form.getByRole('button', { name: 'Save' }).click();
const row = (text) => page.getByRole('row', { name: new RegExp(text) });

await sara.goes('/pools');
await sara.presses('New pool');
await form.getByLabel('Code').fill('loyalty');
await form.getByLabel('Name').fill('Loyalty card');
await saves();
await row('Loyalty card').waitFor();

// A way in: its page is a QR code, and people are enrolled at the counter.
await page.getByRole('tab', { name: 'Ways in' }).click();
await sara.presses('New way in');
await form.getByLabel('Code').fill('counter');
await form.getByLabel('Title').fill('Become a member');
await form.getByLabel('Our pool').selectOption('loyalty');
await form.getByLabel('Brought by').fill('Sara');
await form.getByLabel('Country of phones without one').fill('cn');
await sara.looks('shop-new-way');
await saves();
await row('Become a member').getByRole('button', { name: 'Enrol' }).click();
await form.getByLabel('Phone', { exact: true }).fill('13800138000');
await sara.looks('shop-enrol');
await form.getByRole('button', { name: 'Enrol' }).click();
await form.waitFor({ state: 'detached' });
await page.getByRole('link', { name: 'Become a member' }).click();
await form.getByRole('img', { name: 'QR code: Become a member' }).waitFor();
await form.getByRole('row', { name: /^Sara 1/ }).waitFor();
await sara.looks('shop-way');
await page.keyboard.press('Escape');
told('a member came in at the counter');

// Points and coupons: said, issued, used once.
await sara.goes('/loyalty?tab=points');
await sara.presses('Give points in a pool');
await form.getByLabel('Our pool').selectOption('loyalty');
await form.getByLabel('What a point is called').fill('stars');
await form.getByLabel('1,000 points are worth').fill('5');
await saves();
await row('loyalty stars €5.00').waitFor();
await page.getByRole('tab', { name: 'Coupons' }).click();
await sara.presses('New kind of coupon');
await form.getByLabel('Code').fill('spring');
await form.getByLabel('Benefit').fill('Ten off from fifty');
await form.getByLabel('Our pool').selectOption('loyalty');
await form.getByLabel('Amount').fill('10,00');
await form.getByLabel('For baskets from').fill('50');
await form.getByLabel('From', { exact: true }).fill('2026-01-01');
await form.getByLabel('Until', { exact: true }).fill('2036-12-31');
await sara.looks('shop-coupon-kind');
await saves();
await row('Ten off from fifty').getByRole('button', { name: 'Issue' }).click();
await form.getByLabel('To members').fill('1, 99');
await form.getByRole('button', { name: 'Issue to 1 member' }).waitFor({ state: 'detached' });
await form.getByRole('button', { name: 'Issue to 2 members' }).click();
await sara.sees('Nobody has the number 99.');
const code = (await form.locator('td .code').first().textContent()).trim();
ok(/^[A-Z0-9]{16}$/.test(code.replaceAll('-', '')), `a code: ${code}`);
await sara.looks('shop-issued');
await form.getByRole('button', { name: 'Close' }).last().click();
told('a coupon is issued');

// At the till, on a phone: a basket that is too small, one that is not, and the coupon is gone.
const till = await sara.again(chrome, { size: PHONE, language: 'en', dark: false });
await till.goes('/loyalty?tab=till');
const holds = async (basket) => {
  await till.page.getByLabel('Code of the coupon').fill(code);
  await till.page.getByLabel('Basket').fill(basket);
  await till.presses('Take off the price');
};
await holds('49,99');
await till.page.getByRole('alert').waitFor();
till.errors = [];
await holds('60');
await till.sees('€10.00 less');
await till.looks('shop-till');
await till.presses('Paid: use it');
await till.sees('used');
await till.presses('Next basket');
await holds('60');
await till.sees('the coupon is redeemed already');
till.errors = [];
await sara.goes('/loyalty?tab=bookings');
await row('Ten off from fifty us used €10.00').waitFor();
await sara.looks('shop-bookings');
await sara.presses('Goods came back');
await form.getByRole('button', { name: 'Goods came back' }).click();
await row('Ten off from fifty us reversed').waitFor();
await sara.goes('/pools/loyalty');
await page.getByLabel('Number, phone or mail address').fill('1');
await sara.presses('Find');
await sara.sees('0 stars');
await row('Ten off from fifty').getByText('can be used').waitFor();
await sara.looks('shop-member');
told('used once, and given back');

// Nothing goes out before somebody has said when members are left alone.
await sara.goes('/pools?tab=runs');
await sara.sees('Nobody has said yet, so nothing goes out.');
await page.getByRole('button', { name: 'Change' }).click();
await form.getByLabel('Quiet from').fill('21:00');
await form.getByLabel('Time zone (IANA)').fill('Asia/Shanghai');
await saves();
await sara.sees('Nothing goes out from 21:00 until 08:00 (Asia/Shanghai).');
await sara.looks('shop-letters');
told('members are left alone at night');

await till.done();
await sara.done();
await chrome.close();
