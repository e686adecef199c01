// Every screen at a desk and on a phone, in both languages, light and dark; and how much a first visit loads.
import { browser, DESK, ok, Person, PHONE } from './kit.mjs';

const { owner, node, publisher, document, link, item, approval } = JSON.parse(process.env.HANSA_CASE);
/** Kilobytes (1,024) of script that a first visit may load, compressed. */
const SCRIPT_MAX = 250;
const screens = {
  home: '/',
  scan: '/scan',
  approvals: '/approvals?which=all',
  approval: `/approvals?which=all&id=${approval}`,
  times: '/approvals/times',
  documents: '/documents',
  'documents-chart': '/documents?kind=order&chart=1',
  document: `/documents/${document}`,
  stock: '/stock?tab=ours',
  'stock-articles': '/stock?tab=articles',
  'stock-partners': `/stock?tab=partners&item=${item}`,
  'stock-held': '/stock?tab=held',
  'stock-low': '/stock?tab=low',
  'stock-movements': '/stock?tab=movements&item=OUR-1',
  'stock-places': '/stock?tab=places',
  import: '/import',
  links: '/links',
  link: `/links/${link}`,
  'link-history': `/links/${link}?days=30`,
  threads: `/threads?linkId=${link}`,
  prices: '/prices?tab=agreements',
  'prices-exceptions': '/prices?tab=exceptions',
  'prices-tolerances': '/prices?tab=tolerances',
  accounts: `/accounts?partner=${link}`,
  turnover: '/accounts?tab=turnover',
  budgets: '/accounts?tab=budgets',
  apps: '/apps',
  'apps-all': '/apps?tab=catalogue',
  'apps-shares': '/apps?tab=shares',
  app: `/apps/${publisher}/product_intake?tab=about`,
  'app-chart': `/apps/${publisher}/product_intake?tab=league`,
  pools: '/pools',
  pool: '/pools/loyalty?tab=import',
  'pool-offers': '/pools/loyalty?tab=offers',
  matches: '/pools?tab=matches',
  notices: '/pools?tab=notices',
  withdrawals: '/pools?tab=withdrawals',
  ways: '/pools?tab=ways',
  way: '/pools?tab=ways&way=counter',
  letters: '/pools?tab=runs',
  till: '/loyalty?tab=till',
  coupons: '/loyalty?tab=coupons',
  points: '/loyalty?tab=points',
  bookings: '/loyalty?tab=bookings',
  settlement: `/loyalty?tab=settlement&partner=${link}`,
  webhooks: '/systems?tab=webhooks',
  mails: '/systems?tab=mails',
  parties: '/systems?tab=parties',
  flows: '/flows',
  staff: '/staff',
  audit: '/audit',
  me: '/me',
};
const chrome = await browser();
const olga = await Person.comes(chrome, owner, 'olga');

// A first visit: what is on the wire, as its server packs it.
const first = await olga.again(chrome, { size: PHONE, language: 'en', dark: false });
const wire = await first.context.newCDPSession(first.page);
await wire.send('Network.enable');
const [names, sizes] = [new Map(), new Map()];
wire.on('Network.responseReceived', ({ requestId, response }) => names.set(requestId, response.url));
wire.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
await first.goes('/');
await first.page.waitForLoadState('load');
const scripts = [...sizes].filter(([id]) => names.get(id)?.endsWith('.js') && !names.get(id)?.endsWith('worker.js'));
const script = Math.round(scripts.reduce((sum, [, size]) => sum + size, 0) / 1024);
console.log(`first visit: ${script} KiB of script in ${scripts.length} files`);
ok(scripts.length > 0 && script <= SCRIPT_MAX, `${script} KiB of script, ${SCRIPT_MAX} allowed`);
await first.done();

const flaws = [];
const notes = (error) => flaws.push(error.message);
let looked = 0;
const looks = [DESK, PHONE].flatMap((size) => ['en', 'zh'].flatMap((language) => [false, true].map((dark) => ({ size, language, dark }))));

/** All screens as one person sees them, until nobody has to look any more. */
async function looksAround() {
  for (let look = looks.shift(); look; look = looks.shift()) {
    const { size, language, dark } = look;
    const there = await olga.again(chrome, look);
    // The scan page is one of its own; all others are turned to as people do.
    let whole = true;
    for (const [name, path] of Object.entries(screens)) {
      await (whole || path === '/scan' ? there.goes(path) : there.turns(path));
      whole = path === '/scan';
      await there.looks(`${name}-${size === PHONE ? 'phone' : 'desk'}-${language}-${dark ? 'dark' : 'light'}`, { alsoAxe: language === 'en' }).catch(notes);
      if (language === 'zh') await there.speaksChinese(name).catch(notes);
      looked += 1;
    }
    // The operator's page is the node's own.
    await there.page.goto(node);
    await there.looks(`node-${size === PHONE ? 'phone' : 'desk'}-${language}-${dark ? 'dark' : 'light'}`).catch(notes);
    if (language === 'zh') await there.speaksChinese('node').catch(notes);
    looked += 1;
    await there.done();
  }
}

// Two at a time: a browser waits for its server as often as the other way round.
await Promise.all([looksAround(), looksAround()]);
await olga.done();
await chrome.close();
ok(flaws.length === 0, flaws.join('\n'));
console.log(`every: ${looked} screens looked at`);
