/**
 * Whom an address stands for: an IPv4 address for itself, an IPv6 address for its /64, of which one subscriber has
 * 2^64 (RFC 6177, RFC 4291 §2.5.4). An IPv4 address in IPv6 form (RFC 4291 §2.5.5.2) is the IPv4 address.
 */
export function addressBlock(address: string): string {
  const bare = address.replace(/%.*$/, '')
  if (!bare.includes(':')) return bare
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = bare.split('::', 2)
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => '0')
  const groups = [...front, ...zeros, ...back].slice(0, 4)
  return `${groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, '')).join(':')}::/64`
}
