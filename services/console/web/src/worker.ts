/// <reference lib="webworker" />
// What the console needs without a network: its own files, and the page as it was last served. Calls are never kept here.
import { cleanupOutdatedCaches, precacheAndRoute } from 'workbox-precaching';

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

const PAGES = 'pages';
const SCAN = '/console/scan';

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

// The scan page has a policy of its own, so it is kept apart from the others, which are all the same page.
const place = (url: URL) => (url.pathname === SCAN || url.pathname.startsWith(`${SCAN}/`) ? SCAN : '/console/');

async function page(request: Request): Promise<Response> {
  const cache = await caches.open(PAGES);
  const key = place(new URL(request.url));
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(key, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await cache.match(key);
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(PAGES).then((cache) => cache.addAll(['/console/', SCAN])));
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === self.location.origin && url.pathname.startsWith('/console/');
  if (event.request.mode === 'navigate' && ours) event.respondWith(page(event.request));
});
