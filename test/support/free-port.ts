import { type AddressInfo, createServer } from 'node:net';

/** A loopback port nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo; // a TCP server's address is never a path
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
