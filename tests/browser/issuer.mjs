// Two issuers on ports of their own: a real one (oidc-provider), and one that says what is not so, by whom it is asked for.
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import Provider from 'oidc-provider';

const { redirects } = JSON.parse(process.env.HANSA_CASE);

async function opened(handler) {
  const server = createServer((request, response) => handler(request, response));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${server.address().port}`;
}

let real;
const at = await opened((request, response) => real(request, response));
const provider = new Provider(at, {
  clients: redirects.map((redirect, place) => ({
    client_id: `hansa-${place}`,
    client_secret: 'known to both',
    redirect_uris: [redirect],
  })),
  pkce: { required: () => true },
  cookies: { keys: ['of this test'] },
});
real = provider.callback();

const keys = await generateKeyPair('RS256');
const others = await generateKeyPair('RS256');
const elliptic = await generateKeyPair('ES256');
const curve = { ...(await exportJWK(elliptic.publicKey)), kid: 'two', alg: 'ES256', use: 'sig' };
const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' };
const lies = {
  nothing: {},
  nonce: { nonce: 'of another' },
  audience: { aud: 'another client' },
  issuer: { iss: 'http://127.0.0.1:9' },
  late: { exp: 1_000_000_000 },
  key: {},
  unsigned: {},
  elliptic: {},
};
const place = 'http://here.example';
let liar;
const url = await opened((request, response) => liar(request, response));
liar = async (request, response) => {
  const asked = new URL(request.url, place);
  const says = (body) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  if (asked.pathname === '/.well-known/openid-configuration') {
    return says({
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    });
  }
  if (asked.pathname === '/keys') return says({ keys: [jwk, curve] });
  if (asked.pathname.startsWith('/large')) return response.end('x'.repeat(1_000_000));
  if (asked.pathname !== '/token') return response.writeHead(404).end();
  let body = '';
  for await (const part of request) body += part;
  // The code is what the test wants to hear, and the nonce that it was asked with.
  const [lie, nonce] = new URLSearchParams(body).get('code').split(' ');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: url, aud: 'lied-to', sub: 'somebody', iat: now, exp: now + 600, nonce, ...lies[lie] };
  const key = lie === 'key' ? others.privateKey : keys.privateKey;
  const packed = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = () =>
    lie === 'elliptic'
      ? new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'two' }).sign(elliptic.privateKey)
      : new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(key);
  const token = lie === 'unsigned' ? `${packed({ alg: 'none' })}.${packed(claims)}.` : await signed();
  return says({ access_token: 'x', token_type: 'Bearer', expires_in: 60, id_token: token });
};
console.log(JSON.stringify({ real: at, liar: url }));
