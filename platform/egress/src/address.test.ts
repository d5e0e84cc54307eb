import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDestination, pin, reachOf, EgressFault } from './index.ts'

const REACHES: Readonly<Record<string, readonly string[]>> = {
  public: [
    '8.8.8.8',
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '223.255.255.255',
    '2606:4700::1111',
  ],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '127.0.0.1', '100.64.0.1', '::1', 'fd12::1'],
  never: [
    '0.0.0.0',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '239.255.255.255',
    '255.255.255.255',
    '192.0.2.1',
    '::',
    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    'fd00:ec2::254',
    '4000::1',
    'localhost',
    '0x7f.1',
    '127.1',
    '',
  ],
}

test('what is not known to be public is private or refused', () => {
  for (const [reach, addresses] of Object.entries(REACHES)) {
    for (const address of addresses) assert.equal(reachOf(address), reach, address)
  }
})

test('a destination is https or syslog over TLS, with a host, a port and nothing else', () => {
  const good = (text: string): unknown => Reflect.get(parseDestination(text), 'destination')
  assert.deepEqual(good('https://Siem.Example/in?a=1'), {
    scheme: 'https',
    host: 'siem.example',
    port: 443,
    target: '/in?a=1',
  })
  assert.deepEqual(good('syslog://logs.example'), { scheme: 'syslog', host: 'logs.example', port: 6514, target: '' })
  assert.equal(Reflect.get(Object(good('syslog://logs.example:443')), 'port'), 443)
  assert.equal(Reflect.get(Object(good('syslog://[2606:4700::1]:7000')), 'host'), '2606:4700::1')
  // However an address is written, it is judged as what it is.
  for (const text of ['https://0x7f.1/', 'https://2130706433/', 'https://127.1/', 'https://0177.0.0.1/']) {
    assert.equal(Reflect.get(Object(good(text)), 'host'), '127.0.0.1', text)
  }
  for (const text of [
    'http://siem.example/',
    'ftp://siem.example/',
    'file:///etc/passwd',
    'https://user@siem.example/',
    'https://user:pass@siem.example/',
    'https://siem.example:22/',
    'https://siem.example:25/',
    'https://siem.example/#a',
    'syslog://logs.example/path',
    'syslog://logs.example?x',
    'syslog://u@logs.example',
    'syslog://logs.example:514',
    'syslog://',
    'https://exa mple/',
    'https://[fe80::1%25eth0]/',
    `https://siem.example/${'x'.repeat(3_000)}`,
    '//siem.example',
    '',
  ]) {
    assert.ok('fault' in parseDestination(text), text)
  }
})

const pinned = (host: string, answers: readonly string[], allowPrivate = false, turn = 0): Promise<string> =>
  pin(host, { allowPrivate, turn, resolver: async () => answers })

const refused = (code: string) => (error: unknown) => error instanceof EgressFault && error.code === code

test('one address that may not be called refuses the whole name', async () => {
  assert.equal(await pinned('a.example', ['8.8.8.8', '1.1.1.1'], false, 1), '1.1.1.1')
  await assert.rejects(pinned('a.example', ['8.8.8.8', '10.0.0.1']), refused('address-refused'))
  await assert.rejects(pinned('a.example', ['8.8.8.8', '169.254.169.254'], true), refused('address-refused'))
  assert.equal(await pinned('a.example', ['10.0.0.1'], true), '10.0.0.1')
  await assert.rejects(pinned('127.0.0.1', []), refused('address-refused'))
  await assert.rejects(pinned('a.example', []), refused('name-not-resolved'))
  await assert.rejects(pinned('a.example', ['nonsense']), refused('address-refused'))
  const many = Array.from({ length: 33 }, (_, at) => `8.8.4.${at}`)
  await assert.rejects(pinned('a.example', many), refused('address-refused'))
  const failing = pin('a.example', {
    allowPrivate: false,
    turn: 0,
    resolver: () => Promise.reject(new Error('SERVFAIL')),
  })
  await assert.rejects(failing, refused('name-not-resolved'))
})
