import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { standingClock } from '@holdfast/keys/testing'
import { type OcspStatus, parseRevocationList, type RevokedCertificate } from '@holdfast/pki'
import { publicationRoutes } from '../../http/publication.ts'
import { memoryAuthority } from '../../testing/memory-authority.ts'
import { OcspResponder } from './ocsp-responder.ts'
import { authorityName, publicationAt } from './publication-address.ts'
import { RevocationLists } from './revocation-lists.ts'
import type { RevokedSerials } from './revoked-serials.ts'

const DAY_MS = 86_400_000

/** What devices' certificates are worth, as a test says. */
class Serials implements RevokedSerials {
  readonly statuses = new Map<string, OcspStatus>()
  readonly #listeners = new Set<Parameters<RevokedSerials['onChange']>[0]>()
  asked = 0
  issuer = ''
  fails = false

  async revoked() {
    if (this.fails) throw new Error('the disk is away')
    const entries = [...this.statuses].flatMap(([serialNumber, status]): RevokedCertificate[] =>
      status.kind === 'revoked' ? [{ serialNumber, revokedAt: status.at }] : [],
    )
    return new Map([[this.issuer, entries]])
  }

  async statusOf(_issuer: unknown, serialNumber: string): Promise<OcspStatus> {
    this.asked += 1
    if (this.fails) throw new Error('the disk is away')
    return this.statuses.get(serialNumber) ?? { kind: 'unknown' }
  }

  onChange(listener: Parameters<RevokedSerials['onChange']>[0]): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  set(serialNumber: string, status: OcspStatus): void {
    this.statuses.set(serialNumber, status)
    for (const listener of this.#listeners) listener(status.kind === 'revoked' ? 'lists' : 'status')
  }
}

async function world() {
  const clock = standingClock()
  const { authority } = await memoryAuthority(clock)
  const serials = new Serials()
  serials.issuer = authority.issuing.certificate.sha256Thumbprint
  const settings = new Map<string, string>()
  const events: SecurityEvent[] = []
  const faults: unknown[] = []
  const fault = (error: unknown): void => void faults.push(error)
  const store = {
    readSetting: async (name: string) => settings.get(name),
    writeSetting: async (name: string, value: string) => void settings.set(name, value),
  }
  const openLists = () =>
    RevocationLists.open({ authority, serials, store, clock, events: (event) => events.push(event), fault })
  const ocsp = new OcspResponder({ authority, serials, clock, fault })
  return { clock, authority, serials, settings, events, faults, openLists, ocsp }
}

type World = Awaited<ReturnType<typeof world>>
const name = ({ authority }: World): string => authorityName(authority.issuing.certificate)

/** DER of an element with short contents. */
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const length = content.length < 128 ? [content.length] : [0x81, content.length]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

function ocspRequest({ authority }: World, serial: string, nonce?: Uint8Array): Buffer {
  const { certificate } = authority.issuing
  const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest()
  // The key of P-256 is the last 65 bytes of its SubjectPublicKeyInfo.
  const hashes = [der(4, sha1(certificate.subject)), der(4, sha1(certificate.spki.subarray(-65)))]
  const algorithm = der(0x30, Buffer.from('06052b0e03021a0500', 'hex'))
  const certId = der(0x30, algorithm, ...hashes, der(2, Buffer.from(serial, 'hex')))
  const list = der(0x30, der(0x30, certId))
  const oid = Buffer.from('06092b0601050507300102', 'hex')
  const extension = nonce === undefined ? [] : [der(0xa2, der(0x30, der(0x30, oid, der(4, der(4, nonce)))))]
  return der(0x30, der(0x30, list, ...extension))
}

test('a list is issued at the start, after a change, and each day; its number never comes again', async () => {
  const it = await world()
  const lists = await it.openLists()
  const listed = () => lists.list(name(it))
  const first = listed()
  assert.ok(first !== undefined)
  await lists.refresh()
  assert.equal(listed(), first)

  it.serials.set('4A11', { kind: 'revoked', at: it.clock.wall() })
  await lists.refresh()
  const second = listed()
  assert.ok(second !== undefined && second.number > first.number)
  const parsed = parseRevocationList(second.der)
  const isListed = (serial: string): boolean => parsed.entryOf(Buffer.from(serial, 'hex')) !== undefined
  assert.ok(isListed('4A11') && !isListed('4A12'))
  assert.equal(parsed.faultOf(it.authority.issuing.certificate), undefined)

  it.clock.advance(DAY_MS - 1)
  await lists.refresh()
  assert.equal(listed(), second)
  it.clock.advance(1)
  await lists.refresh()
  const third = listed()
  assert.ok(third !== undefined && third.number > second.number)
  assert.ok(third.nextUpdate - it.clock.wall() >= 6 * DAY_MS)
  lists.end()

  const again = await it.openLists()
  assert.ok((again.list(name(it))?.number ?? 0n) > third.number)
  again.end()
  assert.ok(it.events.every(({ type }) => type === 'hub-authority.list-issued'))
})

test('while the disk is away the list of before stays, the fault is told, and the change is in the next', async () => {
  const it = await world()
  const lists = await it.openLists()
  const first = lists.list(name(it))
  it.serials.fails = true
  it.serials.set('4A11', { kind: 'revoked', at: it.clock.wall() })
  await lists.refresh()
  assert.equal(lists.list(name(it)), first)
  assert.equal(it.faults.length, 1)
  it.serials.fails = false
  await lists.refresh()
  const next = parseRevocationList(lists.list(name(it))?.der ?? new Uint8Array(0))
  assert.ok(next.entryOf(Buffer.from('4A11', 'hex')) !== undefined)
  lists.end()
})

test('each authority that counts has a list of its own, under the name of its key', async () => {
  const it = await world()
  const lists = await it.openLists()
  await it.authority.beginRollover({}, 'operator')
  await lists.refresh()
  for (const { certificate } of it.authority.issuersAtWork) {
    const list = lists.list(authorityName(certificate))
    assert.ok(list !== undefined)
    assert.equal(parseRevocationList(list.der).faultOf(certificate), undefined)
  }
  await it.authority.switchRollover('new', 'operator')
  const [gone] = await it.authority.finishRollover('operator')
  await lists.refresh()
  assert.ok(gone !== undefined)
  assert.equal(lists.list(authorityName(gone)), undefined)
  lists.end()
})

test('an answer without a nonce is kept until something changes; with one it is made anew', async () => {
  const it = await world()
  it.serials.set('4A11', { kind: 'good' })
  const ask = (nonce?: Uint8Array) => it.ocsp.answer(ocspRequest(it, '4A11', nonce))
  const first = await ask()
  assert.deepEqual((await ask()).der, first.der)
  assert.equal(it.serials.asked, 1)
  const nonce = new Uint8Array(16).fill(7)
  const fresh = await ask(nonce)
  assert.equal(fresh.keepMs, undefined)
  assert.ok(Buffer.from(fresh.der).includes(nonce))
  assert.equal(it.serials.asked, 2)
  it.serials.set('4A11', { kind: 'revoked', at: timestampOf(it.clock.wall()), reason: 'keyCompromise' })
  assert.notDeepEqual((await ask()).der, first.der)
  it.clock.advance(1_800_000)
  await ask()
  assert.equal(it.serials.asked, 4)
})

test('answers about serial numbers that nobody has are not kept, and drive out none that are', async () => {
  const it = await world()
  it.serials.set('4A11', { kind: 'good' })
  const ask = (serial: string) => it.ocsp.answer(ocspRequest(it, serial))
  const kept = await ask('4A11')
  assert.equal((await ask('0BAD')).keepMs, undefined)
  // Somebody gets a certificate with this number meanwhile.
  it.serials.set('0BAD', { kind: 'good' })
  assert.notEqual((await ask('0BAD')).keepMs, undefined)
  assert.deepEqual((await ask('4A11')).der, kept.der)
  assert.equal(it.serials.asked, 3)
})

test('what cannot be answered is answered as a failure, which nobody keeps', async () => {
  const it = await world()
  const failure = async (bytes: Uint8Array): Promise<number | undefined> => {
    const { der: reply, keepMs } = await it.ocsp.answer(bytes)
    assert.equal(keepMs, undefined)
    return reply.length === 5 ? reply[4] : undefined
  }
  const [malformed, internal, later, unauthorized] = [1, 2, 3, 6]
  const good = ocspRequest(it, '4A11')
  assert.equal(await failure(new Uint8Array(0)), malformed)
  assert.equal(await failure(good.subarray(0, -1)), malformed)
  assert.equal(await failure(Buffer.alloc(10_000, 0x30)), malformed)
  const foreign = Buffer.from(good)
  foreign[30] = (foreign[30] ?? 0) ^ 1
  assert.equal(await failure(foreign), unauthorized)
  it.serials.fails = true
  assert.equal(await failure(good), internal)
  assert.equal(it.faults.length, 1)
  it.serials.fails = false
  // Each with a nonce of its own: each a signature.
  const replies: (number | undefined)[] = []
  for (let count = 0; count < 500; count += 1) {
    const { der: reply } = await it.ocsp.answer(ocspRequest(it, '4A11', Buffer.from(String(count).padStart(4, '0'))))
    replies.push(reply.length === 5 ? reply[4] : undefined)
  }
  assert.equal(replies.filter((code) => code === later).length, 101)
  it.clock.advance(1_000)
  assert.equal(await failure(ocspRequest(it, '4A11', new Uint8Array(8))), undefined)
})

test('whatever bytes come, the responder answers, and with a failure where they are no request', async () => {
  const it = await world()
  const whole = ocspRequest(it, '4A11')
  for (let at = 0; at < whole.length; at += 1) {
    for (const value of [0x00, 0x7f, 0xff]) {
      const changed = Buffer.from(whole)
      changed[at] = value
      const { der: reply } = await it.ocsp.answer(changed)
      assert.equal(reply[0], 0x30)
    }
    it.clock.advance(1_000)
  }
  assert.deepEqual(it.faults, [])
})

test('over HTTP there is what is published and nothing else; lists may be kept for minutes', async () => {
  const it = await world()
  const lists = await it.openLists()
  const { authority, ocsp, clock } = it
  const publication = {
    authority: {
      issuers: authority.issuers,
      roots: authority.roots,
      rootListOf: (root: (typeof authority.roots)[number]) => authority.rootListOf(root),
    },
    lists,
    ocsp,
  }
  const sink = { events: { sink: () => undefined }, failed: (error: unknown) => assert.fail(String(error)) }
  const app = publicationRoutes({ ...sink, clock, publication } as never)
  const peer = { address: '10.0.0.7', port: 4711, transport: 'https', tlsVersion: 'TLSv1.3' }
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> =>
    app.fetch(new Request(`https://hub${path}`, init), { peer } as never)
  for (const path of [`issuing.crl`, `root.crl`, `issuing.crt`, 'root.crt', `${name(it)}.crl`, `${name(it)}.crt`]) {
    const response = await ask(`/.well-known/holdfast/${path}`)
    assert.equal(response.status, 200, path)
    assert.equal(response.headers.get('cache-control'), 'public, max-age=300')
    assert.equal(response.headers.get('x-keep'), null)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  }
  for (const path of [
    '',
    'x.crl',
    'issuing.pem',
    'root.key',
    `${'0'.repeat(40)}.crl`,
    '..%2froot.crl',
    'issuing.crl/x',
  ]) {
    const response = await ask(`/.well-known/holdfast/${path}`)
    assert.equal(response.status, 404, path)
    assert.equal(response.headers.get('cache-control'), 'no-store')
  }
  assert.equal((await ask('/.well-known/holdfast/issuing.crl', { method: 'POST' })).status, 405)
  it.serials.set('4A11', { kind: 'good' })
  const der_ = ocspRequest(it, '4A11')
  const got = await ask(`/.well-known/ocsp/${encodeURIComponent(der_.toString('base64'))}`)
  assert.match(got.headers.get('cache-control') ?? '', /^public, .*max-age=300$/)
  const headers = { 'content-type': 'application/ocsp-request' }
  const posted = await ask('/.well-known/ocsp', { method: 'POST', headers, body: new Uint8Array(der_) })
  assert.equal(posted.headers.get('cache-control'), 'no-store')
  lists.end()
})

test('certificates name no place where HTTPS is not served, and IPv6 as URLs have it', async () => {
  const { authority } = await world()
  const { certificate } = authority.issuing
  assert.equal(publicationAt({ hostName: 'hub.example', httpsPort: 0 }), undefined)
  const at = (hostName: string, httpsPort: number) => publicationAt({ hostName, httpsPort })?.(certificate).ocsp
  assert.equal(at('hub.example', 443), 'https://hub.example/.well-known/ocsp')
  assert.equal(at('2001:db8::1', 8443), 'https://[2001:db8::1]:8443/.well-known/ocsp')
})

test('a certificate that is issued makes no list; one that is revoked does', async () => {
  const w = await world()
  const lists = await w.openLists()
  try {
    const numberOf = () => lists.list(name(w))?.number
    const first = numberOf()
    w.serials.set('05', { kind: 'good' })
    await lists.refresh()
    assert.equal(numberOf(), first)
    w.serials.set('05', { kind: 'revoked', at: w.clock.wall() })
    await lists.refresh()
    assert.equal(numberOf(), (first ?? 0n) + 1n)
  } finally {
    lists.end()
  }
})
