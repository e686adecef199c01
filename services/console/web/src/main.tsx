import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './styles.css';
import { setNonce } from 'get-nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { watchWaiting } from './device/queue';
import { firstSpoken } from './i18n';

const nonce = document.querySelector<HTMLMetaElement>('meta[name=nonce]')?.content ?? '';
// Libraries that write styles of their own ask here.
setNonce(nonce);

const root = document.getElementById('root');
if (root) {
  firstSpoken().then((spoken) =>
    createRoot(root).render(
      <StrictMode>
        <App nonce={nonce} spoken={spoken} />
      </StrictMode>,
    ),
  );
}
watchWaiting();
if ('serviceWorker' in navigator && import.meta.env.PROD) {
  // Without it the console works all the same, only not without a network.
  navigator.serviceWorker.register('/console/worker.js', { scope: '/console/' }).catch(() => undefined);
}
