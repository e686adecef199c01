import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compression } from 'vite-plugin-compression2';
import { VitePWA } from 'vite-plugin-pwa';

export default defineConfig({
  base: '/console/',
  resolve: { alias: { '@rjsf/validator-ajv8': new URL('src/ui/no-validator.ts', import.meta.url).pathname } },
  plugins: [
    react(),
    // The worker is ours (src/worker.ts); the plugin tells it which files there are.
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src',
      filename: 'worker.ts',
      manifest: false,
      injectRegister: false,
      injectManifest: { globPatterns: ['**/*.{js,css,wasm,svg}'], maximumFileSizeToCacheInBytes: 4_000_000 },
    }),
    // The server hands these out as they are.
    compression({ algorithms: ['brotliCompress'], include: /\.(js|css|svg|wasm)$/ }),
  ],
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 700, sourcemap: false },
});
