// Somebody is invited, comes in by the sign-in of their enterprise, and comes in again without the invitation.
import { browser, DESK, ok, Person } from './kit.mjs';

const { invited, begin, at, subject, stranger } = JSON.parse(process.env.HANSA_CASE);
const chrome = await browser();

async function page() {
  const context = await chrome.newContext({ viewport: DESK, locale: 'en-GB' });
  return new Person(context, await context.newPage(), at);
}

/** The pages of the issuer: who one is, and that we may know it. */
async function vouched(there, name) {
  await there.presses('Sign in with your company account');
  await there.page.locator('input[name=login]').fill(name);
  await there.page.locator('input[name=password]').fill('whatever');
  await there.page.locator('button[type=submit]').click();
  await there.page.getByRole('button', { name: 'Continue' }).waitFor();
  // What the pages of the issuer log is not ours: they ask for a font that is not here.
  there.errors.length = 0;
  await there.page.getByRole('button', { name: 'Continue' }).click();
}

const first = await page();
await first.page.goto(invited);
await vouched(first, subject);
await first.page.locator('#main h1').waitFor();
await first.sees('Ada of the company');
const cookies = await first.context.cookies();
const session = cookies.find(({ name }) => name === '__Host-hansa');
ok(session?.httpOnly && session.secure && session.sameSite === 'Strict', `a session: ${JSON.stringify(cookies)}`);
ok(!cookies.some(({ name }) => name === '__Host-hansa-away'), 'what was carried to the issuer is gone');
await first.looks('company-home');
// There is no password here that could be another one.
await first.goes('/me');
await first.sees('Where you are signed in');
ok((await first.page.locator('input[type=password]').count()) === 0, 'no password');
await first.done();

// By the address of the enterprise; from then on the sign-in page offers it.
const second = await page();
await second.page.goto(begin);
await second.button('Sign in with your company account').waitFor();
ok(!second.page.url().includes('at='), 'the address bar says the console, and no more');
await second.looks('company-sign-in');
await vouched(second, subject);
await second.page.locator('#main h1').waitFor();
await second.done();

// The issuer knows somebody whom nobody has invited.
const third = await page();
await third.page.goto(begin);
await vouched(third, stranger);
await third.sees('nobody there has invited you here');
ok(third.page.url() === `${at}/console/`, third.page.url());
await third.looks('company-stranger');
await third.done();
await chrome.close();
console.log('company: invited, again, and a stranger');
