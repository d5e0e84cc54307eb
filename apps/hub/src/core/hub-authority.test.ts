import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { openKeys } from '@holdfast/keys'
import { MemoryFolder, standingClock, testEnvironment } from '@holdfast/keys/testing'
import { HubCertificateError } from './certificate-file.ts'
import { HubAuthority } from './hub-authority.ts'

const DAY_MS = 86_400_000

/** A certificates' folder and its keys, over restarts. */
async function world() {
  const clock = standingClock()
  const environment = testEnvironment(clock)
  const { ring } = await openKeys(new MemoryFolder(), environment)
  const events: SecurityEvent[] = []
  let folder = new MemoryFolder()
  return {
    clock,
    events,
    ring,
    get folder() {
      return folder
    },
    /** What a restart finds when only what was durable is left. */
    restart: () => {
      folder = folder.recover('lost')
    },
    open: (...hostNames: string[]) =>
      HubAuthority.open({
        folder,
        ring,
        clock,
        random: environment.random,
        events: (event) => events.push(event),
        hostNames: hostNames.length === 0 ? ['hub.example'] : hostNames,
      }),
  }
}

type World = Awaited<ReturnType<typeof world>>

/** Server certificate, issuing authority and root, as a client would see them. */
function chainOf(
  authority: HubAuthority,
  { folder }: World,
): readonly [X509Certificate, X509Certificate, X509Certificate] {
  const pem = authority.material().certificate
  const [server = '', issuing = ''] = pem.split(/(?<=-----END CERTIFICATE-----\n)/)
  const root = folder.peek('root.pem')
  assert.ok(root !== undefined)
  return [new X509Certificate(server), new X509Certificate(issuing), new X509Certificate(root)]
}

function damage(folder: MemoryFolder, name: string, change: (text: string) => string): void {
  const bytes = folder.peek(name)
  assert.ok(bytes !== undefined, name)
  folder.plant(name, Buffer.from(change(Buffer.from(bytes).toString('utf8'))))
}

test('the first start makes a root, an issuing authority and a server certificate that chain', async () => {
  const it = await world()
  const authority = await it.open('hub.example', 'localhost', '192.0.2.7')
  const [server, issuing, root] = chainOf(authority, it)
  assert.ok(server.checkIssued(issuing) && server.verify(issuing.publicKey))
  assert.ok(issuing.checkIssued(root) && issuing.verify(root.publicKey) && issuing.ca)
  assert.ok(root.verify(root.publicKey) && root.ca && !server.ca)
  for (const name of ['hub.example', 'localhost']) assert.equal(server.checkHost(name), name)
  for (const address of ['192.0.2.7', '127.0.0.1', '::1']) assert.ok(server.checkIP(address), address)
  assert.equal(server.checkHost('other.example'), undefined)
  assert.deepEqual(
    it.events.map(({ type, subject }) => [type, subject]),
    ['root-authority', 'issuing-authority', 'server-certificate'].map((name) => [
      'certificate.issued',
      `certificate/${name}`,
    ]),
  )
})

test('the key that is handed to the listeners belongs to the certificate, and lies sealed on the disk', async () => {
  const it = await world()
  const authority = await it.open()
  const [server] = chainOf(authority, it)
  assert.ok(server.checkPrivateKey(createPrivateKey(authority.material().key)))
  for (const name of ['root-key.json', 'issuing.json', 'server.json']) {
    const text = Buffer.from(it.folder.peek(name) ?? []).toString('latin1')
    assert.ok(text.includes('"sealed"') && !text.includes('PRIVATE KEY'), name)
  }
})

test('the second start reads the same and issues nothing', async () => {
  const it = await world()
  const before = (await it.open()).material()
  it.events.length = 0
  it.restart()
  assert.deepEqual((await it.open()).material(), before)
  assert.deepEqual(it.events, [])
})

test('a first start that was cut off before the root certificate was written begins anew', async () => {
  const it = await world()
  await it.open()
  const fresh = await world()
  fresh.folder.plant('root-key.json', it.folder.peek('root-key.json') ?? new Uint8Array(0))
  const [server, issuing, root] = chainOf(await fresh.open(), fresh)
  assert.ok(issuing.verify(root.publicKey) && server.verify(issuing.publicKey))
})

test('the server certificate renews itself at two thirds of its life, with a new key', async () => {
  const it = await world()
  const authority = await it.open()
  const { key } = authority.material()
  const [, issuing] = chainOf(authority, it)
  it.clock.advance(59 * DAY_MS)
  assert.equal(await authority.renewIfDue(), false)
  it.clock.advance(2 * DAY_MS)
  assert.equal(await authority.renewIfDue(), true)
  assert.notEqual(authority.material().key, key)
  const [server, same] = chainOf(authority, it)
  assert.equal(same.fingerprint256, issuing.fingerprint256)
  assert.ok(server.verify(issuing.publicKey))
  assert.ok(authority.serverNotAfter > it.clock.wall() + 89 * DAY_MS)
  assert.equal(await authority.renewIfDue(), false)
})

test('what came of age while the hub was down is renewed at the start, and lasts', async () => {
  const it = await world()
  await it.open()
  it.clock.advance(400 * DAY_MS)
  it.restart()
  const authority = await it.open()
  assert.ok(authority.serverNotAfter > it.clock.wall())
  it.restart()
  assert.deepEqual((await it.open()).material(), authority.material())
})

test('the issuing authority renews itself too, and the root that devices trust stays', async () => {
  const it = await world()
  const [, issuing, root] = chainOf(await it.open(), it)
  it.clock.advance(1_300 * DAY_MS)
  const authority = await it.open()
  const [server, renewed, same] = chainOf(authority, it)
  assert.notEqual(renewed.fingerprint256, issuing.fingerprint256)
  assert.equal(same.fingerprint256, root.fingerprint256)
  assert.ok(renewed.verify(root.publicKey) && server.verify(renewed.publicKey))
  assert.equal(authority.isRootKeyNeeded, false)
})

test('names that were added are in a new certificate at the next start; names that are there cause none', async () => {
  const it = await world()
  const before = (await it.open('hub.example')).material()
  const authority = await it.open('hub.example', 'hub.plant.example', '2001:db8::1')
  assert.notDeepEqual(authority.material(), before)
  const [server] = chainOf(authority, it)
  assert.ok(server.checkHost('hub.plant.example') && server.checkIP('2001:db8::1'))
  assert.deepEqual((await it.open('hub.plant.example')).material(), authority.material())
})

test('the root key may be moved away: all goes on until the issuing authority is due, and that is said', async () => {
  const it = await world()
  await it.open()
  it.folder.unlink('root-key.json')
  const authority = await it.open()
  it.clock.advance(70 * DAY_MS)
  assert.equal(await authority.renewIfDue(), true)
  assert.equal(authority.isRootKeyNeeded, false)
  it.clock.advance(1_300 * DAY_MS)
  await authority.renewIfDue()
  assert.equal(authority.isRootKeyNeeded, true)
  // No server certificate outlives what it rests on.
  const [server, issuing] = chainOf(authority, it)
  assert.ok(server.validToDate <= issuing.validToDate)
})

test('the root key put back renews the issuing authority', async () => {
  const it = await world()
  await it.open()
  const key = it.folder.peek('root-key.json')
  it.folder.unlink('root-key.json')
  it.clock.advance(1_300 * DAY_MS)
  assert.equal((await it.open()).isRootKeyNeeded, true)
  it.folder.plant('root-key.json', key ?? new Uint8Array(0))
  const authority = await it.open()
  assert.equal(authority.isRootKeyNeeded, false)
  const [server, issuing, root] = chainOf(authority, it)
  assert.ok(server.verify(issuing.publicKey) && issuing.verify(root.publicKey))
})

const DAMAGES: Readonly<Record<string, (text: string) => string>> = {
  'cut off': (text) => text.slice(0, text.length / 2),
  empty: () => '',
  'of another format': (text) => text.replace('holdfast-certificate', 'something'),
  'with a changed certificate': (text) => text.replace(/(CERTIFICATE-----\\n)..../, '$1AAAA'),
  'with a changed key': (text) => text.replace(/"sealed": "..../, '"sealed": "AAAA'),
}

for (const [how, change] of Object.entries(DAMAGES)) {
  test(`a file that is ${how} is refused by name, and nothing is made in its place`, async () => {
    for (const name of ['root-key.json', 'issuing.json', 'server.json']) {
      const it = await world()
      await it.open()
      damage(it.folder, name, change)
      const damaged = it.folder.peek(name)
      await assert.rejects(it.open(), (error) => error instanceof HubCertificateError && error.message.includes(name))
      assert.deepEqual(it.folder.peek(name), damaged)
    }
  })
}

test('one certificate file in the place of another does not unseal', async () => {
  const it = await world()
  await it.open()
  it.folder.plant('server.json', it.folder.peek('issuing.json') ?? new Uint8Array(0))
  await assert.rejects(it.open(), HubCertificateError)
})

test('a root certificate that is none, or of another root than the key, is refused', async () => {
  const it = await world()
  await it.open()
  const other = await world()
  await other.open()
  it.folder.plant('root.pem', Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'))
  await assert.rejects(it.open(), HubCertificateError)
  it.folder.plant('root.pem', other.folder.peek('root.pem') ?? new Uint8Array(0))
  await assert.rejects(it.open(), HubCertificateError)
})

test('an issuing authority of another root is refused', async () => {
  const it = await world()
  await it.open()
  const key = it.folder.peek('issuing.json') ?? new Uint8Array(0)
  for (const name of ['root.pem', 'root-key.json']) it.folder.unlink(name)
  it.folder.unlink('issuing.json')
  it.folder.unlink('server.json')
  await it.open()
  it.folder.plant('issuing.json', key)
  await assert.rejects(it.open(), /issuing\.json: it was not issued by root\.pem/)
})

test('a server certificate that the issuing authority did not issue is replaced: nobody but the hub rests on it', async () => {
  const it = await world()
  it.clock.advance(-1_200 * DAY_MS)
  await it.open()
  it.clock.advance(1_200 * DAY_MS)
  await it.open()
  const before = it.folder.peek('server.json') ?? new Uint8Array(0)
  it.clock.advance(30 * DAY_MS)
  await it.open()
  // The power went after the issuing authority was renewed, and before the server's certificate was.
  it.folder.plant('server.json', before)
  const [server, issuing] = chainOf(await it.open(), it)
  assert.ok(server.verify(issuing.publicKey))
})

test('an issuing authority that has ended while the root key is away does not stop the hub from starting', async () => {
  const it = await world()
  await it.open()
  it.folder.unlink('root-key.json')
  it.clock.advance(1_900 * DAY_MS)
  const authority = await it.open()
  assert.equal(authority.isRootKeyNeeded, true)
  it.folder.unlink('server.json')
  await assert.rejects(it.open(), /root-key\.json: it is needed/)
})

test('a server certificate that is gone when the issuing authority has ended comes with a new authority', async () => {
  const it = await world()
  await it.open()
  it.folder.unlink('server.json')
  it.clock.advance(1_900 * DAY_MS)
  const [server, issuing, root] = chainOf(await it.open(), it)
  assert.ok(server.verify(issuing.publicKey) && issuing.verify(root.publicKey))
})

test('an issuing authority that is gone while the root key is away is missed by name', async () => {
  const it = await world()
  await it.open()
  it.folder.unlink('root-key.json')
  it.folder.unlink('issuing.json')
  await assert.rejects(it.open(), /issuing\.json: it is not there/)
})

test('without its key in the ring nothing unseals', async () => {
  const it = await world()
  await it.open()
  const other = await world()
  for (const name of ['root.pem', 'root-key.json', 'issuing.json', 'server.json']) {
    other.folder.plant(name, it.folder.peek(name) ?? new Uint8Array(0))
  }
  await assert.rejects(other.open(), /does not unseal/)
})
