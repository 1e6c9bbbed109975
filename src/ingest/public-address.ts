import ipaddr from 'ipaddr.js';

/**
 * Whether an address is one of the public internet: not this machine, a private or link-local network, a cloud's
 * metadata service, a carrier's network, or anything reserved, also when written as an IPv4 address within IPv6.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address); // turns ::ffff:a.b.c.d into a.b.c.d
  return parsed.range() === 'unicast';
}
