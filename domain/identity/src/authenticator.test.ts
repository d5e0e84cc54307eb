import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { certificateFacts, DEVICE_CERTIFICATE, encodePem } from '@holdfast/pki'
import { createHierarchy, issue, type Issued } from '@holdfast/pki/testing'
import { formatSasToken } from '@holdfast/tokens'
import { linksOf } from './path-links.ts'
import { Authenticator, type Claimant, type Decision } from './authenticator.ts'
import { Authorities, type PresentedCertificate } from './authorities.ts'
import type { AuthenticationDraft } from './authentication.ts'
import type { IdentityKey } from './identity.ts'
import { Policies } from './policies.ts'
import { Registry } from './registry.ts'
import {
  countingRandom,
  ManualClock,
  MemoryAuthorityStore,
  MemoryIdentityStore,
  MemoryPolicyStore,
  recordedEvents,
  TEST_START,
} from './testing/index.ts'

const HOST = 'hub.example'
const PUMP: IdentityKey = { deviceId: 'pump-1' }
const MODULE: IdentityKey = { deviceId: 'pump-1', moduleId: 'm' }
const MINUTE_MS = 60_000
const STRANGE_KEY = Buffer.alloc(32, 9).toString('base64')

async function world(authentication?: AuthenticationDraft) {
  const clock = new ManualClock()
  const random = countingRandom()
  const { events, sink } = recordedEvents()
  const common = { clock, random, events: sink }
  const hostNames = [HOST, 'localhost']
  const store = new MemoryIdentityStore(sink)
  const registry = new Registry({ ...common, store })
  const policies = await Policies.open({ ...common, store: new MemoryPolicyStore(sink), hostNames })
  const authorities = await Authorities.open({ ...common, store: new MemoryAuthorityStore(sink) })
  const authenticator = new Authenticator({ registry, policies, authorities, clock, random, hostNames })
  const pump = await registry.create({ ...PUMP, ...(authentication && { authentication }) }, 'a')
  const ask = (claim: Partial<Claimant>): Promise<Decision> =>
    authenticator.authenticate({ key: PUMP, hostName: HOST, address: '10.0.0.1', ...claim })
  return { clock, store, registry, policies, authorities, authenticator, pump, ask, events }
}

function token(
  key: string,
  resource = `${HOST}/devices/pump-1`,
  options: { readonly endMs?: number; readonly policyName?: string } = {},
): string {
  return formatSasToken({
    resource,
    key,
    expirySeconds: Math.floor((TEST_START + (options.endMs ?? 60 * MINUTE_MS)) / 1000),
    ...(options.policyName === undefined ? {} : { policyName: options.policyName }),
  })
}

const keysOf = (identity: { readonly authentication: object }): { primaryKey: string; secondaryKey: string } => {
  const { authentication } = identity
  assert.ok('primaryKey' in authentication && 'secondaryKey' in authentication)
  return { primaryKey: String(authentication.primaryKey), secondaryKey: String(authentication.secondaryKey) }
}

function allowed(decision: Decision) {
  assert.ok(decision.kind === 'allowed', JSON.stringify(decision))
  return decision
}

function denied(decision: Decision, code: string): void {
  assert.equal(decision.kind === 'denied' ? decision.code : decision.kind, code)
}

test('a device comes in with either of its keys, until its token ends', async () => {
  const { ask, pump } = await world()
  for (const slot of ['primary', 'secondary'] as const) {
    const decision = allowed(await ask({ token: token(keysOf(pump)[`${slot}Key`]) }))
    assert.deepEqual(decision.basis, { kind: 'device-key', slot })
    assert.equal(decision.expires, TEST_START + 60 * MINUTE_MS)
    assert.equal(decision.authMethod, '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}')
    assert.equal(decision.identity.generationId, pump.generationId)
  }
})

test('every name of the hub is an audience, in any case and with a port; another name is not', async () => {
  const { ask, pump } = await world()
  const { primaryKey } = keysOf(pump)
  for (const name of ['LOCALHOST', 'hub.example:8883', 'localhost']) {
    allowed(await ask({ hostName: name, token: token(primaryKey, `${name}/devices/pump-1`) }))
  }
  denied(await ask({ token: token(primaryKey, 'other.example/devices/pump-1') }), 'wrong-audience')
  denied(await ask({ token: token(primaryKey, HOST) }), 'wrong-audience')
  denied(await ask({ token: token(primaryKey, `${HOST}/devices/PUMP-1`) }), 'wrong-audience')
  denied(await ask({ hostName: 'other.example', token: token(primaryKey) }), 'wrong-host')
  denied(await ask({ token: token(primaryKey, `${HOST}//devices/pump-1`) }), 'wrong-audience')
})

test('a wrong, a foreign and a malformed token are refused', async () => {
  const { ask, registry } = await world()
  const other = await registry.create({ deviceId: 'pump-2' }, 'a')
  denied(await ask({ token: token(STRANGE_KEY) }), 'wrong-signature')
  denied(await ask({ token: token(keysOf(other).primaryKey) }), 'wrong-signature')
  for (const text of ['', 'SharedAccessSignature ', 'x'.repeat(10_000), token(STRANGE_KEY).replace('&se=', '&es=')]) {
    denied(await ask({ token: text }), 'token-malformed')
  }
  denied(await ask({}), 'no-credential')
})

test('an ended token is taken for five minutes more, and the session it opens ends with them', async () => {
  const { ask, pump, clock } = await world()
  const short = token(keysOf(pump).primaryKey, undefined, { endMs: MINUTE_MS })
  assert.equal(allowed(await ask({ token: short })).expires, TEST_START + MINUTE_MS)
  clock.advance(5 * MINUTE_MS)
  assert.equal(allowed(await ask({ token: short })).expires, TEST_START + 6 * MINUTE_MS)
  clock.advance(MINUTE_MS)
  denied(await ask({ token: short }), 'token-expired')
})

test('a disabled device is refused with its right key, and so are its modules', async () => {
  const { ask, pump, registry } = await world()
  const module = await registry.create(MODULE, 'a')
  await registry.update(PUMP, { status: 'disabled' }, 'a')
  denied(await ask({ token: token(keysOf(pump).primaryKey) }), 'identity-disabled')
  const resource = `${HOST}/devices/pump-1/modules/m`
  denied(await ask({ key: MODULE, token: token(keysOf(module).primaryKey, resource) }), 'device-disabled')
})

test('who has no right key is not told whether the device is disabled, is otherwise authenticated, or exists', async () => {
  const { ask, registry } = await world()
  await registry.update(PUMP, { status: 'disabled' }, 'a')
  denied(await ask({ token: token(STRANGE_KEY) }), 'wrong-signature')
  denied(
    await ask({ key: { deviceId: 'ghost' }, token: token(STRANGE_KEY, `${HOST}/devices/ghost`) }),
    'unknown-identity',
  )
})

test('an id of the wrong form is unknown and reaches no store', async () => {
  const { ask, store } = await world()
  const reads = store.reads
  for (const deviceId of ['', 'a/b', '..', 'pump-1/m', 'x'.repeat(10_000), '\0']) {
    denied(await ask({ key: { deviceId }, token: token(STRANGE_KEY), address: deviceId }), 'unknown-identity')
  }
  assert.equal(store.reads, reads)
})

test("a module comes in with its own key for itself, and with its device's key for the device", async () => {
  const { ask, registry, pump } = await world()
  const module = await registry.create(MODULE, 'a')
  const resource = `${HOST}/devices/pump-1/modules/m`
  const own = allowed(await ask({ key: MODULE, token: token(keysOf(module).secondaryKey, resource) }))
  assert.deepEqual(own.basis, { kind: 'module-key', slot: 'secondary' })
  assert.match(own.authMethod, /"scope":"module"/)
  const parent = allowed(await ask({ key: MODULE, token: token(keysOf(pump).primaryKey) }))
  assert.deepEqual(parent.basis, { kind: 'device-key', slot: 'primary' })
  denied(await ask({ key: MODULE, token: token(keysOf(pump).primaryKey, resource) }), 'wrong-signature')
  denied(await ask({ token: token(keysOf(module).primaryKey) }), 'wrong-signature')
  denied(await ask({ token: token(keysOf(pump).primaryKey, resource) }), 'wrong-audience')
})

test('a policy with the right DeviceConnect speaks for a device, others do not', async () => {
  const { ask, policies } = await world({ kind: 'certificateAuthority' })
  const sign = (policyName: string, resource: string): string =>
    token(policies.read(policyName)?.secondaryKey ?? '', resource, { policyName })
  for (const resource of [HOST, `${HOST}/devices/pump-1`]) {
    const decision = allowed(await ask({ token: sign('device', resource) }))
    assert.deepEqual(decision.basis, { kind: 'policy', name: 'device', slot: 'secondary' })
    assert.match(decision.authMethod, /"scope":"hub"/)
  }
  denied(await ask({ token: sign('service', HOST) }), 'policy-without-right')
  denied(await ask({ token: sign('provisioningserviceowner', HOST) }), 'policy-without-right')
  denied(await ask({ token: sign('device', `${HOST}/devices/pump-2`) }), 'wrong-audience')
  denied(await ask({ token: token(STRANGE_KEY, HOST, { policyName: 'device' }) }), 'wrong-signature')
  denied(await ask({ token: token(STRANGE_KEY, HOST, { policyName: '__proto__' }) }), 'policy-unknown')
  denied(await ask({ key: { deviceId: 'ghost' }, token: sign('device', HOST) }), 'unknown-identity')
})

let hierarchy: Awaited<ReturnType<typeof createHierarchy>>
let selfSigned: Issued

before(async () => {
  hierarchy = await createHierarchy('pump-1')
  selfSigned = await issue({ profile: DEVICE_CERTIFICATE, commonName: 'whatever', issuer: hierarchy.issuing })
})

const shown = (...chain: readonly Issued[]): PresentedCertificate =>
  certificateFacts(chain.map(({ certificate }) => certificate.der))

test('a thumbprint in either slot and of either length lets its certificate in, whatever the name in it', async () => {
  const { sha1Thumbprint, sha256Thumbprint } = selfSigned.certificate
  for (const slot of ['primaryThumbprint', 'secondaryThumbprint']) {
    for (const thumbprint of [sha1Thumbprint, sha256Thumbprint]) {
      const { ask } = await world({ kind: 'selfSigned', [slot]: thumbprint.toLowerCase() })
      const decision = allowed(await ask({ certificate: shown(selfSigned) }))
      assert.deepEqual(decision.basis, { kind: 'thumbprint', thumbprint })
      assert.equal(decision.expires, selfSigned.certificate.notAfter)
      assert.match(decision.authMethod, /"type":"x509"/)
      denied(await ask({ certificate: shown(hierarchy.device) }), 'thumbprint-unknown')
    }
  }
})

test('an expired certificate is refused, and one that is not valid yet, whatever its thumbprint', async () => {
  const { ask, clock } = await world({
    kind: 'selfSigned',
    primaryThumbprint: selfSigned.certificate.sha256Thumbprint,
  })
  clock.advance(selfSigned.certificate.notAfter - TEST_START)
  denied(await ask({ certificate: shown(selfSigned) }), 'certificate-expired')
  clock.advance(selfSigned.certificate.notBefore - selfSigned.certificate.notAfter - 5 * MINUTE_MS - 1)
  denied(await ask({ certificate: shown(selfSigned), address: '10.0.0.2' }), 'certificate-not-yet-valid')
})

test('a token is judged alone when there is one: a certificate does not mend it', async () => {
  const { ask } = await world({ kind: 'selfSigned', primaryThumbprint: selfSigned.certificate.sha256Thumbprint })
  denied(await ask({ certificate: shown(selfSigned), token: token(STRANGE_KEY) }), 'wrong-credential-kind')
})

async function withAuthority(anchor: Issued, name = 'plant') {
  const parts = await world({ kind: 'certificateAuthority' })
  const added = await parts.authorities.add(name, encodePem('CERTIFICATE', anchor.certificate.der), 'a')
  assert.ok(added.state.kind === 'pending')
  const proof = await issue({ profile: DEVICE_CERTIFICATE, commonName: added.state.nonce, issuer: anchor })
  const verify = () => parts.authorities.verify(name, encodePem('CERTIFICATE', proof.certificate.der), 'a')
  return { ...parts, verify }
}

test('a chain to a verified authority lets in the device that it names, and nobody else', async () => {
  const { ask, registry, verify } = await withAuthority(hierarchy.root)
  const certificate = shown(hierarchy.device, hierarchy.issuing)
  denied(await ask({ certificate }), 'certificate-untrusted')
  await verify()
  const decision = allowed(await ask({ certificate }))
  assert.deepEqual(decision.basis, {
    kind: 'authority',
    name: 'plant',
    thumbprint: hierarchy.root.certificate.sha256Thumbprint,
    path: linksOf([hierarchy.device.certificate, hierarchy.issuing.certificate, hierarchy.root.certificate]),
  })
  assert.ok(decision.expires !== undefined && decision.expires <= hierarchy.device.certificate.notAfter)
  await registry.create({ deviceId: 'pump-2', authentication: { kind: 'certificateAuthority' } }, 'a')
  denied(await ask({ key: { deviceId: 'pump-2' }, certificate }), 'certificate-name')
})

test('a leaf without its intermediates is refused, and the refusal does not stick to the leaf', async () => {
  const { ask, verify } = await withAuthority(hierarchy.root)
  await verify()
  denied(await ask({ certificate: shown(hierarchy.device) }), 'certificate-untrusted')
  allowed(await ask({ certificate: shown(hierarchy.device, hierarchy.issuing) }))
  // A resumed TLS session shows the leaf alone.
  allowed(await ask({ certificate: shown(hierarchy.device) }))
})

test('when an authority is removed, what it vouched for is refused from then on, remembered verdicts too', async () => {
  const { ask, verify, authorities, authenticator } = await withAuthority(hierarchy.root)
  await verify()
  const certificate = shown(hierarchy.device, hierarchy.issuing)
  const decision = allowed(await ask({ certificate }))
  const { cuts } = await authorities.remove('plant', 'a')
  assert.deepEqual(cuts, [
    { kind: 'authority', name: 'plant', thumbprint: hierarchy.root.certificate.sha256Thumbprint },
  ])
  assert.equal(authenticator.isCurrent(decision), false)
  denied(await ask({ certificate }), 'certificate-untrusted')
})

test('a remembered chain ends with the first certificate of its path', async () => {
  const { ask, verify, clock } = await withAuthority(hierarchy.root)
  await verify()
  const certificate = shown(hierarchy.device, hierarchy.issuing)
  const { expires } = allowed(await ask({ certificate }))
  clock.advance(Number(expires) - TEST_START + 1)
  denied(await ask({ certificate }), 'certificate-expired')
})

test('a forged chain, whose names fit and whose signatures do not, is refused', async () => {
  const { ask, verify } = await withAuthority(hierarchy.root)
  await verify()
  const forged = await createHierarchy('pump-1')
  denied(await ask({ certificate: shown(forged.device, forged.issuing) }), 'certificate-untrusted')
  denied(await ask({ certificate: shown(forged.device, forged.issuing, forged.root) }), 'certificate-untrusted')
})

test('a certificate does not let in a device that proves itself by keys', async () => {
  const { ask } = await world()
  denied(await ask({ certificate: shown(hierarchy.device) }), 'wrong-credential-kind')
})

test('a decision does not stand any more once anything was taken away after it was begun', async () => {
  const { ask, pump, registry, policies, authenticator } = await world()
  const credential = { token: token(keysOf(pump).primaryKey) }
  const first = allowed(await ask(credential))
  assert.equal(authenticator.isCurrent(first), true)
  await registry.create({ deviceId: 'other' }, 'a')
  assert.equal(authenticator.isCurrent(first), true)
  await registry.update(PUMP, { status: 'disabled' }, 'a')
  assert.equal(authenticator.isCurrent(first), false)
  await registry.update(PUMP, { status: 'enabled' }, 'a')
  const second = allowed(await ask(credential))
  await policies.regenerateKey('device', 'primary', 'a')
  assert.equal(authenticator.isCurrent(second), false)
})

test('a decision that a disabling overtook in the store is not current', async () => {
  const { pump, store, registry, clock, policies, authorities } = await world()
  // Another register on the same disk, with nothing in memory, so that the decision has to read.
  const cold = new Registry({ store, clock, random: countingRandom(1), events: () => undefined })
  const authenticator = new Authenticator({
    registry: cold,
    policies,
    authorities,
    clock,
    random: countingRandom(2),
    hostNames: [HOST],
  })
  const slow = authenticator.authenticate({ key: PUMP, address: 'a', token: token(keysOf(pump).primaryKey) })
  await cold.update(PUMP, { status: 'disabled' }, 'a')
  const decision = await slow
  assert.ok(decision.kind === 'denied' || !authenticator.isCurrent(decision))
  assert.equal((await registry.read(PUMP))?.status, 'enabled')
})

test('many failures as one device from one address are refused unseen for a while', async () => {
  const { ask, clock, pump } = await world()
  for (let failure = 0; failure < 11; failure += 1) denied(await ask({ token: token(STRANGE_KEY) }), 'wrong-signature')
  denied(await ask({ token: token(STRANGE_KEY) }), 'throttled')
  denied(await ask({ token: token(keysOf(pump).primaryKey) }), 'throttled')
  clock.advance(5_001)
  allowed(await ask({ token: token(keysOf(pump).primaryKey) }))
})

test('devices behind the address of a guesser get in, and the device that is guessed at from elsewhere', async () => {
  const { ask, pump, registry } = await world()
  const neighbour = await registry.create({ deviceId: 'pump-2' }, 'a')
  for (let failure = 0; failure < 100; failure += 1) await ask({ token: token(STRANGE_KEY) })
  const resource = `${HOST}/devices/pump-2`
  allowed(await ask({ key: { deviceId: 'pump-2' }, token: token(keysOf(neighbour).primaryKey, resource) }))
  allowed(await ask({ token: token(keysOf(pump).primaryKey), address: '10.0.0.2' }))
})

test('a device that came in before gets in again while a neighbour guesses in its name', async () => {
  const { ask, pump } = await world()
  allowed(await ask({ token: token(keysOf(pump).primaryKey) }))
  for (let failure = 0; failure < 100; failure += 1) await ask({ token: token(STRANGE_KEY) })
  allowed(await ask({ token: token(keysOf(pump).primaryKey) }))
})

test('a search for ids is refused unseen, and the known devices behind its address still get in', async () => {
  const { ask, pump } = await world()
  const codes = new Map<string, number>()
  for (let at = 0; at < 1_000; at += 1) {
    const deviceId = `ghost-${at}`
    const decision = await ask({ key: { deviceId }, token: token(STRANGE_KEY, `${HOST}/devices/${deviceId}`) })
    const code = decision.kind === 'denied' ? decision.code : 'allowed'
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  assert.deepEqual(
    [...codes],
    [
      ['unknown-identity', 51],
      ['throttled', 949],
    ],
  )
  allowed(await ask({ token: token(keysOf(pump).primaryKey) }))
})

test('the log is told why, and never sees a secret', async () => {
  const { ask, pump } = await world()
  const wrong = token(STRANGE_KEY)
  const decision = await ask({ token: wrong })
  const text = JSON.stringify(decision)
  assert.ok(!text.includes(STRANGE_KEY) && !text.includes(wrong) && !text.includes(keysOf(pump).primaryKey))
})

test('whatever bytes stand where a token should, the answer is a refusal', async () => {
  const { ask, pump } = await world()
  const good = token(keysOf(pump).primaryKey)
  for (let at = 0; at < good.length; at += 1) {
    for (const replacement of ['', '%', '\u0000', '\uD800', '&']) {
      if (replacement === good[at]) continue
      const decision = await ask({ token: good.slice(0, at) + replacement + good.slice(at + 1), address: `a${at}` })
      assert.equal(decision.kind, 'denied')
    }
  }
})
