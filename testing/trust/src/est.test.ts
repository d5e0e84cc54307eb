/** EST (RFC 7030) with curl and openssl at the other end, and MQTT with mosquitto on what they were given. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { certificatesIn, EstClient, type KeyPair, openssl, readCertificate } from './est-client.ts'
import { eventsOf } from './events.ts'
import { publishes, stays } from './mqtt-peer.ts'

const skip = requireTool('openssl') || requireTool('curl') || requireTool('mosquitto_pub')

async function start() {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-est-hub-'))
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  const ready = await process_.ready
  return { data, process: process_, ready, api: new HubApi(data), client: new EstClient(ready) }
}
const hub = skip === false ? await start() : undefined
after(async () => {
  if (hub === undefined) return
  await hub.process.end('SIGTERM')
  rmSync(hub.data, { recursive: true, force: true })
})

function the() {
  assert.ok(hub !== undefined)
  return hub
}

async function must(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await the().api.call(method, `/api/v1${path}`, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return (answer.body ?? {}) as Record<string, unknown>
}

/** Events of a subject, oldest first, as the hub tells them now. */
function events(type: string, subject: string): readonly { readonly detail: Readonly<Record<string, unknown>> }[] {
  return eventsOf(the().data).filter((event) => event.type === type && event.subject === subject)
}

/** Each test comes from an address of its own, for the hub sums up what one address does too often. */
let tests = 10
beforeEach(() => {
  tests += 1
  the().client.address = `127.0.0.${tests}`
})

const comesIn = (deviceId: string, pair: KeyPair): true | string =>
  publishes(the().ready, deviceId, pair, the().client.address)

function sasOf(deviceId: string, key: string): string {
  const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
  return formatSasToken({ resource: `localhost/devices/${deviceId}`, key, expirySeconds })
}

/** A device that proves itself by its key, and then has a certificate. */
async function enrolled(deviceId: string): Promise<KeyPair> {
  const { api, client } = the()
  const sas = await api.createDevice(deviceId)
  const key = client.newKey()
  const request = client.newRequest(deviceId, key)
  return client.obtain({ operation: 'simpleenroll', request, basic: `${deviceId}:${sasOf(deviceId, sas)}` }, key)
}

suite('EST', { skip }, () => {
  test('cacerts gives, to anybody, the chain that the hub itself is verified with (§4.1)', () => {
    const { client, ready } = the()
    const answer = client.ask({ operation: 'cacerts' })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/pkcs7-mime; smime-type=certs-only')
    assert.equal(answer.headers.get('content-transfer-encoding'), 'base64')
    assert.ok(answer.body.split('\r\n').every((line) => line.length <= 76))
    const certificates = certificatesIn(answer.body)
    assert.equal(certificates.length, 2)
    const root = readCertificate(ready.caFile)
    assert.ok(
      certificates.some((pem) => readCertificate(client.write('one.pem', pem)).fingerprint256 === root.fingerprint256),
    )
  })

  test('csrattrs asks for keys that are taken, in DER (§4.5.2)', () => {
    const answer = the().client.ask({ operation: 'csrattrs' })
    assert.equal(answer.headers.get('content-type'), 'application/csrattrs')
    const parsed = openssl(['asn1parse', '-inform', 'DER'], Buffer.from(answer.body, 'base64'))
    for (const name of ['id-ecPublicKey', 'prime256v1', 'secp384r1', 'rsaEncryption'])
      assert.match(parsed, new RegExp(name))
  })

  test('simpleenroll by a key gives a certificate that leads to the root, says what it is for, and lets the device in', async () => {
    const { client, process, ready } = the()
    const pair = await enrolled('pump-1')
    const certificate = readCertificate(pair.certificate)
    assert.equal(certificate.subject, 'CN=pump-1')
    assert.equal(certificate.ca, false)
    const chain = client.write('chain.pem', certificatesIn(client.ask({ operation: 'cacerts' }).body).join(''))
    const verified = openssl([
      'verify',
      '-purpose',
      'sslclient',
      '-x509_strict',
      '-CAfile',
      ready.caFile,
      '-untrusted',
      chain,
      pair.certificate,
    ])
    assert.match(verified, /: OK/)
    const text = openssl(['x509', '-in', pair.certificate, '-noout', '-text'])
    assert.match(text, /Extended Key Usage:[^]*TLS Web Client Authentication/)
    assert.match(text, /Key Usage: critical\s+Digital Signature\n/)
    const days = (Date.parse(certificate.validTo) - Date.now()) / 86_400_000
    assert.ok(days > 89 && days < 91, `${days} days`)
    // 16 random bytes, the highest bit clear and the next set.
    assert.match(certificate.serialNumber, /^[4-7][0-9A-F]{31}$/)
    assert.equal(comesIn('pump-1', pair), true, process.text.slice(-2_000))
    assert.equal(events('certificate.issued', 'device/pump-1').length, 1)
  })

  test('a device that has shown its certificate has left its key for it', async () => {
    const { api, client } = the()
    const sas = await api.createDevice('leaver')
    const key = client.newKey()
    const basic = `leaver:${sasOf('leaver', sas)}`
    const wish = { operation: 'simpleenroll', request: client.newRequest('leaver', key), basic }
    const pair = client.obtain(wish, key)
    // Nothing is lost where the answer was: the key is good until the certificate has been seen.
    assert.equal((await must('GET', '/devices/leaver')).auth, 'sas')
    assert.equal(client.ask(wish).status, 200)
    assert.equal(comesIn('leaver', pair), true)
    await wait(200)
    assert.equal((await must('GET', '/devices/leaver')).auth, 'x509-ca')
    assert.equal(client.ask(wish).status, 401)
    assert.equal(comesIn('leaver', pair), true)
  })

  test('a shared access signature in Authorization serves as well as in Basic', async () => {
    const { api, client } = the()
    const sas = await api.createDevice('bare')
    const request = client.newRequest('bare', client.newKey('P-384'))
    const authorization = sasOf('bare', sas)
    assert.equal(client.ask({ operation: 'simpleenroll', request, authorization }).status, 200)
  })

  test('simplereenroll gives a successor, whose first sight retires the former', async () => {
    const { client } = the()
    const first = await enrolled('renewer')
    const key = client.newKey()
    const request = client.newRequest('renewer', key)
    const second = client.obtain({ operation: 'simplereenroll', request, by: first }, key)
    assert.equal(comesIn('renewer', first), true, 'both are good until the successor is seen')
    assert.equal(comesIn('renewer', second), true)
    await wait(200)
    assert.match(String(comesIn('renewer', first)), /[Nn]ot authori[sz]ed/)
    assert.equal(client.ask({ operation: 'simplereenroll', request, by: first }).status, 401)
    const [refused] = events('session.refused', 'device/renewer').slice(-1)
    assert.equal(refused?.detail.code, 'certificate-retired')
    assert.equal(events('certificate.activated', 'device/renewer').length, 2)
  })

  test('a request with the id of another is refused, by whatever it is proved', async () => {
    const { client } = the()
    const pair = await enrolled('honest')
    await the().api.createDevice('victim')
    const request = client.newRequest('victim', client.newKey())
    for (const operation of ['simplereenroll', 'simpleenroll']) {
      const answer = client.ask({ operation, request, by: pair })
      assert.equal(answer.status, 403, answer.body)
      assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/)
    }
    const reasons = events('request.refused', 'device/honest').map(({ detail }) => detail.reason)
    assert.deepEqual(new Set(reasons), new Set(['wrong-name', 'wrong-subject']))
    // And one of another device's tokens is no token of this one.
    const sas = await the().api.keyOf('victim')
    assert.equal(
      client.ask({ operation: 'simpleenroll', request, basic: `honest:${sasOf('victim', sas)}` }).status,
      401,
    )
  })

  test('a renewal with more in its subject than the certificate has is refused (§4.2.2)', async () => {
    const { client } = the()
    const pair = await enrolled('plain')
    const request = client.newRequest('plain', client.newKey(), '/O=Other/CN=plain')
    const answer = client.ask({ operation: 'simplereenroll', request, by: pair })
    assert.equal(answer.status, 403)
  })

  test('weak keys, broken requests and other bodies are refused, each with its reason', async () => {
    const { api, client } = the()
    const basic = `weak:${sasOf('weak', await api.createDevice('weak'))}`
    const ask = (more: { readonly request?: string; readonly body?: string; readonly contentType?: string }) =>
      client.ask({ operation: 'simpleenroll', basic, ...more })
    for (const kind of ['rsa-1024', 'secp256k1'] as const) {
      const answer = ask({ request: client.newRequest('weak', client.newKey(kind)) })
      assert.equal(answer.status, 400, kind)
      assert.match(answer.body, /RSA keys have 2048|curve/)
    }
    assert.equal(ask({ body: 'no base64!' }).status, 400)
    assert.equal(ask({ body: Buffer.from('nothing').toString('base64') }).status, 400)
    assert.equal(ask({ body: 'A'.repeat(30_000) }).status, 413)
    const good = client.newRequest('weak', client.newKey())
    assert.equal(ask({ request: good, contentType: 'text/plain' }).status, 415)
    assert.equal(ask({ request: good }).status, 200)
  })

  test('who shows nothing, or nothing that counts, gets 401 and learns no more', async () => {
    const { client } = the()
    const request = client.newRequest('nobody', client.newKey())
    const stranger = client.newCertificate('pump-1')
    for (const more of [{}, { basic: 'nobody:password' }, { by: stranger }, { authorization: 'Bearer x' }]) {
      const answer = client.ask({ operation: 'simpleenroll', request, ...more })
      assert.equal(answer.status, 401)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic/)
    }
    assert.equal(client.ask({ operation: 'simplereenroll', request, by: stranger }).status, 401)
  })

  test('one key serves one identity', async () => {
    const { api, client } = the()
    const first = await enrolled('first')
    const basic = `second:${sasOf('second', await api.createDevice('second'))}`
    const answer = client.ask({ operation: 'simpleenroll', request: client.newRequest('second', first.key), basic })
    assert.equal(answer.status, 403)
    assert.match(answer.body, /belongs to another identity/)
  })

  test('a revoked certificate is cut off at once, proves nothing any more and is not renewed', async () => {
    const { client, ready } = the()
    const pair = await enrolled('lost')
    const device = stays(ready, 'lost', pair)
    const ended = new Promise((resolve) => device.once('exit', resolve))
    while (events('session.opened', 'device/lost').length === 0) await wait(20)
    await wait(200)
    const { serialNumber } = readCertificate(pair.certificate)
    const revoked = await must('POST', `/certificates/${serialNumber}/revoke`, { reason: 'keyCompromise' })
    assert.equal(revoked.sessionsClosed, 1)
    assert.ok(Number(revoked.milliseconds) < 100, `${String(revoked.milliseconds)} ms`)
    device.kill()
    await ended
    assert.match(String(comesIn('lost', pair)), /[Nn]ot authori[sz]ed/)
    const [refused] = events('session.refused', 'device/lost').slice(-1)
    assert.equal(refused?.detail.code, 'certificate-revoked')
    const request = client.newRequest('lost', client.newKey())
    assert.equal(client.ask({ operation: 'simplereenroll', request, by: pair }).status, 401)
    const again = await the().api.call('POST', `/api/v1/certificates/${serialNumber}/revoke`, {})
    assert.equal(again.status, 409)
  })

  test('a key whose certificate was revoked gets no other one', async () => {
    const { api, client } = the()
    const pair = await enrolled('compromised')
    await must('POST', '/certificates/revoke', { deviceId: 'compromised', reason: 'keyCompromise' })
    const basic = `compromised:${sasOf('compromised', await api.keyOf('compromised'))}`
    const ask = (key: string) =>
      client.ask({ operation: 'simpleenroll', request: client.newRequest('compromised', key), basic }).status
    assert.equal(ask(pair.key), 403)
    assert.equal(ask(client.newKey()), 200)
  })

  test('a device that was deleted and made anew under its id inherits nothing', async () => {
    const { client } = the()
    const pair = await enrolled('phoenix')
    assert.equal(comesIn('phoenix', pair), true)
    await must('DELETE', '/devices/phoenix')
    const request = client.newRequest('phoenix', client.newKey())
    assert.equal(client.ask({ operation: 'simplereenroll', request, by: pair }).status, 401)
    await must('POST', '/devices', { deviceId: 'phoenix', auth: 'x509-ca' })
    assert.match(String(comesIn('phoenix', pair)), /[Nn]ot authori[sz]ed/)
    assert.equal(client.ask({ operation: 'simplereenroll', request, by: pair }).status, 401)
    const [refused] = events('session.refused', 'device/phoenix').slice(-1)
    assert.equal(refused?.detail.code, 'certificate-revoked')
  })

  test('a disabled device is shut out, and comes back with what it had when it is enabled', async () => {
    const pair = await enrolled('pausing')
    assert.equal(comesIn('pausing', pair), true)
    await must('PATCH', '/devices/pausing', { status: 'disabled' })
    assert.match(String(comesIn('pausing', pair)), /[Nn]ot authori[sz]ed/)
    await must('PATCH', '/devices/pausing', { status: 'enabled' })
    assert.equal(comesIn('pausing', pair), true)
  })

  test('one that has expired renews within its grace and does nothing else; past it, not even that', async () => {
    const { client } = the()
    await must('PATCH', '/certificate-profiles/device', { lifetimeSeconds: 2, graceSeconds: 3_600 })
    const pair = await enrolled('sleeper')
    await wait(2_200)
    assert.equal(
      client.ask({ operation: 'simpleenroll', request: client.newRequest('sleeper', client.newKey()), by: pair })
        .status,
      403,
    )
    await must('PATCH', '/certificate-profiles/device', { lifetimeSeconds: 86_400, graceSeconds: 3_600 })
    const key = client.newKey()
    const renewed = client.obtain(
      { operation: 'simplereenroll', request: client.newRequest('sleeper', key), by: pair },
      key,
    )
    assert.equal(comesIn('sleeper', renewed), true)

    await must('PATCH', '/certificate-profiles/device', { lifetimeSeconds: 1, graceSeconds: 1 })
    const late = await enrolled('late')
    await wait(2_200)
    assert.equal(
      client.ask({ operation: 'simplereenroll', request: client.newRequest('late', client.newKey()), by: late }).status,
      401,
    )
    const [refused] = events('session.refused', 'device/late').slice(-1)
    assert.equal(refused?.detail.code, 'certificate-expired')
    await must('PATCH', '/certificate-profiles/device', { lifetimeSeconds: 86_400, graceSeconds: 3_600 })
  })

  test('a device with a certificate of its manufacturer gets one of the hub, in its name alone', async () => {
    const { client } = the()
    const plant = client.newCertificate('Plant Root', { isAuthority: true })
    await trust('plant', plant)
    const born = client.newCertificate('born-1', { issuer: plant })
    await must('POST', '/devices', { deviceId: 'born-1', auth: 'x509-ca' })
    const key = client.newKey()
    const first = client.obtain({ operation: 'simpleenroll', request: client.newRequest('born-1', key), by: born }, key)
    assert.equal(comesIn('born-1', first), true)
    // Both kinds count for it: the manufacturer's goes on to be trusted.
    assert.equal(comesIn('born-1', born), true)
    const other = client.newRequest('born-2', client.newKey())
    assert.equal(client.ask({ operation: 'simpleenroll', request: other, by: born }).status, 403)
    const later = client.newKey()
    const renewed = client.obtain(
      { operation: 'simplereenroll', request: client.newRequest('born-1', later), by: born },
      later,
    )
    assert.equal(comesIn('born-1', renewed), true)
    assert.equal(comesIn('born-1', first).toString().includes('uthori'), true)
  })

  test('a manufacturer’s certificate that has expired, or is not valid yet, enrols nobody', async () => {
    const { client } = the()
    const plant = client.newCertificate('Clock Root', { isAuthority: true })
    await trust('clocks', plant)
    await must('POST', '/devices', { deviceId: 'clock-1', auth: 'x509-ca' })
    const request = client.newRequest('clock-1', client.newKey())
    for (const [startdate, enddate, code] of [
      ['20200101000000Z', '20200201000000Z', 'certificate-expired'],
      ['20990101000000Z', '20990201000000Z', 'certificate-not-yet-valid'],
    ] as const) {
      const by = client.newDatedCertificate('clock-1', plant, startdate, enddate)
      assert.equal(client.ask({ operation: 'simpleenroll', request, by }).status, 401)
      const [refused] = events('session.refused', 'device/clock-1').slice(-1)
      assert.equal(refused?.detail.code, code)
    }
  })

  test('a device that is known by a thumbprint leaves it for a certificate of the hub', async () => {
    const { client } = the()
    const own = client.newCertificate('thumb-1')
    const thumbprint = readCertificate(own.certificate).fingerprint256.replaceAll(':', '')
    await must('POST', '/devices', { deviceId: 'thumb-1', auth: 'x509-thumbprint', thumbprints: [thumbprint] })
    const key = client.newKey()
    const issued = client.obtain(
      { operation: 'simpleenroll', request: client.newRequest('thumb-1', key), by: own },
      key,
    )
    assert.equal(comesIn('thumb-1', own), true)
    assert.equal(comesIn('thumb-1', issued), true)
    await wait(200)
    assert.match(String(comesIn('thumb-1', own)), /[Nn]ot authori[sz]ed/)
    assert.equal(comesIn('thumb-1', issued), true)
  })

  test('a device that only an enrolment knows is registered, and gets what the enrolment lets it have', async () => {
    const { client } = the()
    const { idScope } = await must('GET', '/status')
    const key = Buffer.alloc(32, 5).toString('base64')
    const group = { id: 'est-line', attestation: 'symmetric-key', primaryKey: key, secondaryKey: key }
    await must('POST', '/enrollment-groups', { ...group, certificateProfile: 'device' })
    await must('POST', '/enrollment-groups', {
      ...group,
      id: 'est-none',
      primaryKey: Buffer.alloc(32, 6).toString('base64'),
    })
    const tokenOf = (groupKey: string, id: string): string => {
      const own = createHmac('sha256', Buffer.from(groupKey, 'base64')).update(id).digest('base64')
      const expirySeconds = Math.floor(Date.now() / 1000) + 600
      const resource = `${String(idScope)}/registrations/${id}`
      return formatSasToken({ resource, key: own, expirySeconds, policyName: 'registration' })
    }
    const own = client.newKey()
    const request = client.newRequest('new-1', own)
    const pair = client.obtain({ operation: 'simpleenroll', request, basic: `new-1:${tokenOf(key, 'new-1')}` }, own)
    assert.equal(comesIn('new-1', pair), true)
    await wait(200)
    assert.equal((await must('GET', '/devices/new-1')).auth, 'x509-ca')
    const ask = (more: object) => client.ask({ operation: 'simpleenroll', request, ...more }).status
    assert.equal(ask({ basic: `new-2:${tokenOf(key, 'new-1')}` }), 401, 'the user is another')
    assert.equal(ask({ authorization: tokenOf(Buffer.alloc(32, 9).toString('base64'), 'new-1') }), 401, 'no such key')
    assert.equal(ask({ authorization: tokenOf(key, 'new-3') }), 400, 'a request in another name')
    assert.equal(
      ask({ authorization: tokenOf(Buffer.alloc(32, 6).toString('base64'), 'new-1') }),
      400,
      'it issues none',
    )
  })

  test('a module enrols in its own name, by its own key', async () => {
    const { api, client } = the()
    await api.createDevice('gateway-1')
    await must('POST', '/devices/gateway-1/modules', { moduleId: 'reader' })
    const { connectionString } = await must('GET', '/devices/gateway-1/modules/reader/connection-string')
    const sas = /SharedAccessKey=(.+)$/.exec(String(connectionString))?.[1] ?? ''
    const expirySeconds = Math.floor(Date.now() / 1000) + 600
    const token = formatSasToken({ resource: 'localhost/devices/gateway-1/modules/reader', key: sas, expirySeconds })
    const key = client.newKey()
    const request = client.newRequest('gateway-1/reader', key)
    const pair = client.obtain({ operation: 'simpleenroll', request, basic: `gateway-1/reader:${token}` }, key)
    assert.equal(readCertificate(pair.certificate).subject, 'CN=gateway-1/reader')
    const device = client.newRequest('gateway-1', client.newKey())
    assert.equal(
      client.ask({ operation: 'simpleenroll', request: device, basic: `gateway-1/reader:${token}` }).status,
      403,
    )
  })

  test('a label of the address is a profile: open ones may be had, others only by who was given them', async () => {
    const { client, api } = the()
    await must('PATCH', '/certificate-profiles/gateways', {
      isServer: true,
      domain: 'plant.example',
      keyKinds: ['P-384'],
    })
    const basic = `gw-7:${sasOf('gw-7', await api.createDevice('gw-7'))}`
    const request = client.newRequest('gw-7', client.newKey('P-384'))
    const ask = (label: string) => client.ask({ operation: 'simpleenroll', label, request, basic })
    assert.equal(ask('gateways').status, 404)
    assert.equal(ask('nobody').status, 404)
    assert.equal(client.ask({ operation: 'csrattrs', label: 'gateways' }).status, 404)
    await must('PATCH', '/devices/gw-7/certificate-profile', { profile: 'gateways' })
    const answer = ask('gateways')
    assert.equal(answer.status, 200, answer.body)
    const [pem = ''] = certificatesIn(answer.body)
    const text = openssl(['x509', '-noout', '-text'], Buffer.from(pem))
    assert.match(text, /DNS:gw-7\.plant\.example/)
    assert.match(text, /TLS Web Server Authentication/)
    const p256 = client.newRequest('gw-7', client.newKey())
    assert.equal(client.ask({ operation: 'simpleenroll', request: p256, basic }).status, 400)
    await must('PATCH', '/certificate-profiles/gateways', { isOpen: true })
    assert.match(
      openssl(
        ['asn1parse', '-inform', 'DER'],
        Buffer.from(client.ask({ operation: 'csrattrs', label: 'gateways' }).body, 'base64'),
      ),
      /secp384r1/,
    )
  })

  test('who asks too often is told to come again later (202 with Retry-After, §4.2.3)', async () => {
    const { api, client } = the()
    const basic = `eager:${sasOf('eager', await api.createDevice('eager'))}`
    const request = client.newRequest('eager', client.newKey())
    let answer = client.ask({ operation: 'simpleenroll', request, basic })
    for (let n = 0; n < 15 && answer.status === 200; n += 1)
      answer = client.ask({ operation: 'simpleenroll', request, basic })
    assert.equal(answer.status, 202)
    assert.ok(Number(answer.headers.get('retry-after')) >= 1)
  })

  test('other methods and addresses are refused as such', () => {
    const { client } = the()
    assert.equal(client.ask({ operation: 'cacerts', body: 'x' }).status, 405)
    assert.equal(client.ask({ operation: 'simpleenroll' }).status, 405)
    assert.equal(client.ask({ operation: 'serverkeygen' }).status, 404)
    assert.equal(client.ask({ operation: 'cacerts', label: 'a/b' }).status, 404)
  })

  test('the command revokes too, and its profiles are those of the API', async () => {
    const pair = await enrolled('by-command')
    const { serialNumber } = readCertificate(pair.certificate)
    const shown = holdfast('certificate', 'show', serialNumber)
    assert.equal(shown.deviceId, 'by-command')
    const revoked = holdfast('certificate', 'revoke', '--device', 'by-command', '--reason', 'superseded')
    assert.deepEqual(revoked.revoked, [serialNumber])
    assert.match(String(comesIn('by-command', pair)), /[Nn]ot authori[sz]ed/)
    assert.equal(holdfast('certificate', 'profile', 'set', 'device', '--lifetime', '1d').lifetimeSeconds, 86_400)
  })
})

/** Registers an authority and proves that its key is held. */
async function trust(name: string, authority: KeyPair): Promise<void> {
  const { client } = the()
  const added = await must('POST', '/authorities', { name, certificate: readFileSync(authority.certificate, 'utf8') })
  const proof = client.newCertificate(String(added.nonce), { issuer: authority })
  await must('POST', `/authorities/${name}/verify`, { certificate: readFileSync(proof.certificate, 'utf8') })
}

/** What `holdfast … --json` prints. */
function holdfast(...parameters: readonly string[]): Record<string, unknown> {
  const script = join(import.meta.dirname, '../../../holdfast')
  const text = execFileSync('sh', [script, ...parameters, '--json', '--data', the().data], { encoding: 'utf8' })
  return JSON.parse(text) as Record<string, unknown>
}
