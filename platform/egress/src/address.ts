/**
 * Which addresses the hub calls. What is not known to be somebody's on the public Internet is refused, so that whoever
 * may name a receiver cannot reach what only the hub's own network should. After the IANA registries of special-purpose
 * addresses (RFC 6890) and of IPv6 unicast space: only 2000::/3 is global there.
 */

import { BlockList, isIP } from 'node:net'

export type Reach =
  /** Anybody's. */
  | 'public'
  /** Of the hub's own network or machine: called where an operator has said so. */
  | 'private'
  /** Nothing to send events to, whoever says so. */
  | 'never'

/** Never: what is nobody's, everybody's, another address in disguise, or where clouds give out credentials. */
const NEVER: readonly string[] = [
  '0.0.0.0/8', // RFC 791: this network
  '169.254.0.0/16', // RFC 3927: link-local, and the metadata of most clouds
  '100.100.100.200/32', // metadata of Alibaba's cloud
  '168.63.129.16/32', // the host of Azure's machines
  '192.0.0.0/24', // RFC 6890: protocol assignments
  '192.0.2.0/24', // RFC 5737: documentation, as the next two
  '198.51.100.0/24',
  '203.0.113.0/24',
  '192.88.99.0/24', // RFC 7526: 6to4 relays
  '198.18.0.0/15', // RFC 2544: benchmarks
  '224.0.0.0/4', // RFC 5771: multicast
  '240.0.0.0/4', // RFC 1112: reserved, and broadcast
  '::/128',
  '::ffff:0:0/96', // RFC 4291 §2.5.5.2: IPv4 in disguise
  '64:ff9b::/96', // RFC 6052, as the next: NAT64, IPv4 in disguise
  '64:ff9b:1::/48', // RFC 8215
  '100::/64', // RFC 6666: discarded
  '2001::/23', // RFC 2928: protocol assignments, Teredo and ORCHID among them
  '2001:db8::/32', // RFC 3849: documentation, as the next
  '3fff::/20', // RFC 9637
  '2002::/16', // RFC 3056: 6to4, IPv4 in disguise
  'fd00:ec2::/32', // metadata of Amazon's cloud
  'fe80::/10', // RFC 4291: link-local
  'ff00::/8', // RFC 4291: multicast
]

const PRIVATE: readonly string[] = [
  '10.0.0.0/8', // RFC 1918, as the next two
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10', // RFC 6598: carriers' NAT
  '127.0.0.0/8', // RFC 1122: loopback
  '::1/128',
  'fc00::/7', // RFC 4193: unique local
]

const never = listsOf(NEVER)
const insiders = listsOf(PRIVATE)
const global = listsOf(['2000::/3'])

/** @param address as `net.isIP` takes it, without brackets. What is no address is `never`. */
export function reachOf(address: string): Reach {
  const family = isIP(address)
  // A zone names an interface of this machine (RFC 4007).
  if (family === 0 || address.includes('%')) return 'never'
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  if (never[kind].check(address, kind)) return 'never'
  if (insiders[kind].check(address, kind)) return 'private'
  if (kind === 'ipv4') return 'public'
  return global.ipv6.check(address, kind) ? 'public' : 'never'
}

/** A list for each family: one for both would find every IPv4 address in the network of those in disguise. */
function listsOf(networks: readonly string[]): { readonly ipv4: BlockList; readonly ipv6: BlockList } {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const kind = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    lists[kind].addSubnet(address, Number(bits), kind)
  }
  return lists
}
