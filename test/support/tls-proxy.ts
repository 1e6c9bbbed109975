import { readFileSync } from 'node:fs';
import { type AddressInfo, createConnection } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';

/** A certificate that signs itself, for localhost and 127.0.0.1. */
export const CERTIFICATE_FILE = fileURLToPath(new URL('./tls/test-only.crt', import.meta.url));
export const KEY_FILE = fileURLToPath(new URL('./tls/test-only.key', import.meta.url));

/** Ends TLS in front of a server, whose own build may lack it. */
export interface TlsProxy {
  readonly port: number;
  /** Names in the certificates that clients have shown. */
  readonly shown: readonly string[];
  close(): Promise<void>;
}

/** Starts a proxy to a socket or a loopback port; with `isStrict` it takes only clients that show our certificate. */
export async function startTlsProxy(
  to: { readonly path: string } | { readonly port: () => number },
  { port = 0, isStrict = false } = {},
): Promise<TlsProxy> {
  const [cert, key] = [readFileSync(CERTIFICATE_FILE), readFileSync(KEY_FILE)];
  const shown: string[] = [];
  const clients = new Set<TLSSocket>();
  const proxy = createServer(
    { cert, key, ca: cert, requestCert: true, rejectUnauthorized: isStrict },
    (client) => {
      const name: unknown = client.getPeerCertificate().subject?.CN;
      if (name !== undefined) shown.push(String(name));
      clients.add(client);
      const server = createConnection('path' in to ? to : { host: '127.0.0.1', port: to.port() });
      client.on('error', () => server.destroy()).on('close', () => server.destroy());
      server.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.pipe(server).pipe(client);
    },
  );
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port, // a TCP server's address is no path
    shown,
    close: () => {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => proxy.close(() => resolve()));
    },
  };
}
