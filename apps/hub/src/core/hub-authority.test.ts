import assert from 'node:assert/strict'
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { KeyError, type KeyRing, openKeys } from '@holdfast/keys'
import { MemoryFolder, standingClock, testEnvironment } from '@holdfast/keys/testing'
import { type AuthorityKeys, encodePem } from '@holdfast/pki'
import { Issuance } from './authority/issuance.ts'
import { RingAuthorityKeys } from './authority/ring-authority-keys.ts'
import { HubCertificateError, newPrivateKey, signerOf, writeCertificateWithKey } from './certificate-file.ts'
import { recordFirst } from './record-first.ts'
import { HubAuthority } from './hub-authority.ts'

const DAY_MS = 86_400_000

/** A certificates' folder and its keys, over restarts. */
async function world(shared?: KeyRing) {
  const clock = standingClock()
  const environment = testEnvironment(clock)
  const ring = shared ?? (await openKeys(new MemoryFolder(), environment)).ring
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
    /** As the first release left a folder after its first start. */
    async plantFirstRelease() {
      const issuance = new Issuance({ clock, random: environment.random, events: () => undefined, hostNames: ['hub'] })
      const { certificate: root, key } = await issuance.root('hub')
      const below = newPrivateKey()
      const issuing = await issuance.issuing({ handle: '', signer: signerOf(below) }, { certificate: root, key }, 'hub')
      const vault = { ring, random: environment.random }
      await writeCertificateWithKey({ folder, name: 'root-key.json' }, { certificate: root, key }, vault)
      folder.plant('root.pem', Buffer.from(encodePem('CERTIFICATE', root.der)))
      await writeCertificateWithKey({ folder, name: 'issuing.json' }, { certificate: issuing, key: below }, vault)
      return { root, issuing }
    },
    openWith: (keys: readonly AuthorityKeys[]) =>
      HubAuthority.open({
        folder,
        ring,
        clock,
        random: environment.random,
        events: (event) => events.push(event),
        recordFirst: recordFirst({ sink: (event) => events.push(event), durable: () => undefined }),
        hostNames: ['hub.example'],
        keys,
      }),
    open: (...hostNames: string[]) =>
      HubAuthority.open({
        folder,
        ring,
        clock,
        random: environment.random,
        events: (event) => events.push(event),
        recordFirst: recordFirst({ sink: (event) => events.push(event), durable: () => undefined }),
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
    [
      ['certificate.issued', 'certificate/root-authority'],
      ['certificate.issued', 'certificate/issuing-authority'],
      ['certificate.issued', 'certificate/server-certificate'],
      ['hub-authority.root-on-machine', 'root/1'],
    ],
  )
})

test('the key that is handed to the listeners belongs to the certificate, and lies sealed on the disk', async () => {
  const it = await world()
  const authority = await it.open()
  const [server] = chainOf(authority, it)
  assert.ok(server.checkPrivateKey(createPrivateKey(authority.material().key)))
  for (const name of ['root-bundle.json', 'issuing.json', 'server.json']) {
    const text = Buffer.from(it.folder.peek(name) ?? []).toString('latin1')
    assert.ok(/"(?:sealed|handle)"/.test(text) && !text.includes('PRIVATE KEY'), name)
  }
})

test('the second start reads the same and issues nothing', async () => {
  const it = await world()
  const before = (await it.open()).material()
  it.events.length = 0
  it.restart()
  assert.deepEqual((await it.open()).material(), before)
  // It tells again where the root's key is, until it has been moved away.
  assert.deepEqual(
    it.events.map(({ type, detail }) => [type, detail.place]),
    [['hub-authority.root-on-machine', 'machine']],
  )
})

test('a first start of the first release that was cut off before the root certificate was written begins anew', async () => {
  const it = await world()
  await it.plantFirstRelease()
  it.folder.unlink('root.pem')
  it.folder.unlink('issuing.json')
  const [server, issuing, root] = chainOf(await it.open(), it)
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
  it.folder.unlink('root-bundle.json')
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
  const key = it.folder.peek('root-bundle.json')
  it.folder.unlink('root-bundle.json')
  it.clock.advance(1_300 * DAY_MS)
  assert.equal((await it.open()).isRootKeyNeeded, true)
  it.folder.plant('root-bundle.json', key ?? new Uint8Array(0))
  const authority = await it.open()
  assert.equal(authority.isRootKeyNeeded, false)
  const [server, issuing, root] = chainOf(authority, it)
  assert.ok(server.verify(issuing.publicKey) && issuing.verify(root.publicKey))
})

const DAMAGES: Readonly<Record<string, (text: string) => string>> = {
  'cut off': (text) => text.slice(0, text.length / 2),
  empty: () => '',
  'of another format': (text) => text.replace(/"holdfast-[a-z-]+"/, '"something"'),
  'with a changed certificate': (text) => text.replace(/(CERTIFICATE-----\\n)..../, '$1AAAA'),
  'with a changed key': (text) => text.replace(/("sealed": "|"handle": "[0-9]+\.|"next": )(?:....|2)/, '$1AAAA'),
}

for (const [how, change] of Object.entries(DAMAGES)) {
  test(`a file that is ${how} is refused by name, and nothing is made in its place`, async () => {
    for (const name of ['authority.json', 'root-bundle.json', 'issuing.json', 'server.json']) {
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

test('what devices are given to trust is what the hub rests on: the file is written anew where it says something else', async () => {
  const it = await world()
  await it.open()
  const other = await world()
  await other.open()
  const root = it.folder.peek('root.pem')
  for (const bytes of [Buffer.from('none'), other.folder.peek('root.pem'), undefined]) {
    if (bytes === undefined) it.folder.unlink('root.pem')
    else it.folder.plant('root.pem', bytes)
    await it.open()
    assert.deepEqual(it.folder.peek('root.pem'), root)
  }
})

test('an authority whose state is lost is missed by name: a new one would cut off every device', async () => {
  const it = await world()
  await it.open()
  it.folder.unlink('authority.json')
  it.folder.unlink('root.pem')
  await assert.rejects(it.open(), /authority\.json: it is not there/)
})

test('a root bundle and an issuing authority of another root are refused', async () => {
  for (const name of ['root-bundle.json', 'issuing.json']) {
    const it = await world()
    await it.open()
    const key = it.folder.peek(name) ?? new Uint8Array(0)
    const other = await world(it.ring)
    await other.open()
    other.folder.plant(name, key)
    await assert.rejects(other.open(), /root-bundle\.json: it belongs to another|issuing\.json: it was not issued/)
  }
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
  it.folder.unlink('root-bundle.json')
  it.clock.advance(1_900 * DAY_MS)
  const authority = await it.open()
  assert.equal(authority.isRootKeyNeeded, true)
  it.folder.unlink('server.json')
  await assert.rejects(it.open(), /root-bundle\.json: the root's key is needed/)
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
  it.folder.unlink('root-bundle.json')
  it.folder.unlink('issuing.json')
  await assert.rejects(it.open(), /issuing\.json: it is not there/)
})

test('without its key in the ring nothing unseals', async () => {
  const it = await world()
  await it.open()
  const other = await world()
  for (const name of ['authority.json', 'root.pem', 'root-bundle.json', 'issuing.json', 'server.json']) {
    other.folder.plant(name, it.folder.peek(name) ?? new Uint8Array(0))
  }
  await assert.rejects(other.open(), /does not unseal/)
})

test('what the first release left goes on: same root, same issuing authority, the key in a bundle', async () => {
  const it = await world()
  const { root, issuing } = await it.plantFirstRelease()
  const authority = await it.open()
  const [server, below, above] = chainOf(authority, it)
  assert.equal(above.fingerprint256, new X509Certificate(root.der).fingerprint256)
  assert.equal(below.fingerprint256, new X509Certificate(issuing.der).fingerprint256)
  assert.ok(server.verify(below.publicKey))
  assert.ok(!Buffer.from(it.folder.peek('root-key.json') ?? []).includes('sealed'))
  assert.ok(it.folder.peek('root.crl') !== undefined)
  assert.deepEqual(
    authority.rootsShown.map(({ place }) => place),
    ['machine'],
  )
  it.restart()
  await it.open()
})

test('a root key that was moved away under the first release, and is put back, is taken into a bundle', async () => {
  const it = await world()
  await it.plantFirstRelease()
  const key = it.folder.peek('root-key.json') ?? new Uint8Array(0)
  it.folder.unlink('root-key.json')
  assert.equal((await it.open()).rootsShown[0]?.place, 'away')
  it.folder.plant('root-key.json', key)
  assert.equal((await it.open()).rootsShown[0]?.place, 'machine')
  const other = await world(it.ring)
  await other.open()
  other.folder.plant('root-key.json', key)
  await assert.rejects(other.open(), /root-key\.json: it belongs to another root/)
})

test('a token that is away keeps no hub from starting; what it is asked for fails until it is back', async () => {
  const it = await world()
  const made = new RingAuthorityKeys(it.ring, (bytes) => randomBytes(bytes))
  let isAway = false
  const keys: AuthorityKeys = {
    id: 'pkcs11:token',
    generate: (label) => made.generate(label),
    open: async (handle, label) => {
      if (isAway) throw new KeyError('unavailable', 'the token is away')
      return made.open(handle, label)
    },
    destroy: async () => undefined,
  }
  const first = await it.openWith([keys])
  assert.equal(first.issuingHome, 'pkcs11:token')
  assert.doesNotMatch(Buffer.from(it.folder.peek('issuing.json') ?? []).toString(), /"ring"/)
  isAway = true
  const isUnavailable = (error: unknown): boolean => error instanceof KeyError && error.code === 'unavailable'
  for (const authority of [await it.openWith([keys]), await it.openWith([])]) {
    assert.deepEqual(authority.material(), first.material())
    await assert.rejects(authority.renew('operator'), isUnavailable)
  }
  it.clock.advance(70 * DAY_MS)
  const authority = await it.openWith([keys])
  await assert.rejects(authority.renewIfDue(), isUnavailable)
  isAway = false
  assert.equal(await authority.renewIfDue(), true)
  // Without a certificate there is nothing to listen with.
  isAway = true
  it.folder.unlink('server.json')
  await assert.rejects(it.openWith([keys]), isUnavailable)
})
