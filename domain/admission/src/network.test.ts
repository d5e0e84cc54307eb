import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contains, parseAddress, parseNetwork } from './network.ts'

function isIn(network: string, address: string): boolean {
  const parsed = parseNetwork(network)
  const bytes = parseAddress(address)
  assert.ok(parsed !== undefined && bytes !== undefined, `${network} ${address}`)
  return contains(parsed, bytes)
}

test('an address is in a network when the bits of the prefix are those of the network', () => {
  for (const [network, address, expected] of [
    ['10.1.0.0/16', '10.1.255.3', true],
    ['10.1.0.0/16', '10.2.0.0', false],
    ['10.1.128.0/17', '10.1.127.255', false],
    ['10.1.128.0/17', '10.1.128.0', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['192.0.2.7/32', '192.0.2.7', true],
    ['192.0.2.7/32', '192.0.2.6', false],
    ['2001:db8::/48', '2001:db8:0:ffff::1', true],
    ['2001:db8::/48', '2001:db8:1::1', false],
    ['::/0', 'fe80::1%eth0', true],
    ['::1/128', '::1', true],
    // One family has nothing of the other, and a mapped address is IPv4.
    ['::/0', '10.0.0.1', false],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['10.0.0.0/8', '::ffff:10.9.8.7', true],
    ['10.0.0.0/8', '::FFFF:0a09:0807', true],
    ['::/0', '::ffff:10.9.8.7', false],
  ] as const) {
    assert.equal(isIn(network, address), expected, `${address} in ${network}`)
  }
})

test('what is no network is refused', () => {
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.1/8',
    '10.0.0/8',
    '010.0.0.0/8',
    '10.0.0.256/32',
    '1.2.3.4.5/32',
    '10.0.0.0/8 ',
    ' 10.0.0.0/8',
    '10.0.0.0/8\n',
    '10.0.0.0/-1',
    '2001:db8::/129',
    '2001:db8::1/64',
    '2001:db8/32',
    '1:2:3:4:5:6:7:8:9/128',
    '1:2:3:4:5:6:7::8:9/128',
    '1::2::3/128',
    ':::/0',
    '12345::/16',
    '::ffff:10.0.0.0/104',
    'fe80::%eth0/64',
    'localhost/8',
    `${'0'.repeat(60)}/8`,
  ]) {
    assert.equal(parseNetwork(text), undefined, text)
  }
})

test('what is no address is in no network', () => {
  for (const text of ['', 'local', '1.2.3', '1.2.3.4.5', '::1::', '1:2:3:4:5:6:7:8::', 'x'.repeat(1_000), '١.2.3.4']) {
    assert.equal(parseAddress(text), undefined, text)
  }
})
