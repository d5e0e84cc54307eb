import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { instantOf, timestampOf } from '@holdfast/base'
import { encodePublic } from '@holdfast/tpm'
import { measurementOf, type WrittenEvent } from '@holdfast/tpm/testing'
import { type AttestingDevice, Attestations, type Endorsement } from './attestations.ts'
import { AttestationError, type AttestationErrorCode } from './errors.ts'
import type { Evidence } from './judge-evidence.ts'
import { ACTIVATION_MS, CHALLENGE_MS } from './limits.ts'
import { AttestationPolicies } from './policies.ts'
import { type AttestationPolicy, DEFAULT_POLICY } from './policy.ts'
import { References } from './references.ts'
import {
  MemoryAttestationStore,
  softwareAttestationKey,
  softwareEndorsementKey,
  softwareEvidence,
} from './testing/index.ts'

const GOOD: readonly WrittenEvent[] = [
  { pcr: 4, type: 0xd, data: Buffer.from('kernel'), measured: Buffer.from('good') },
]
const EVIL: readonly WrittenEvent[] = [
  { pcr: 4, type: 0xd, data: Buffer.from('kernel'), measured: Buffer.from('evil') },
]
const PCRS = [4]
const DEVICE: AttestingDevice = { deviceId: 'd', generationId: 'g1' }
const RETIRED = 'retired'
const ek = softwareEndorsementKey()
const ak = softwareAttestationKey('ecc')
const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = String(signer.publicKey.export({ format: 'pem', type: 'spki' }))

const refused = (code: AttestationErrorCode) => (error: unknown) =>
  error instanceof AttestationError && error.code === code

interface StageOptions {
  readonly policy?: Partial<AttestationPolicy>
  readonly endorsement?: Endorsement
  readonly model?: string
}

async function stage({ policy = {}, endorsement, model }: StageOptions = {}) {
  const events: SecurityEvent[] = []
  const sink = (event: SecurityEvent): void => void events.push(event)
  const store = new MemoryAttestationStore(sink)
  store.devices.set(DEVICE.deviceId, DEVICE.generationId)
  store.devices.set('other', 'g1')
  const reconsidered: (string | undefined)[] = []
  let now = Date.UTC(2026, 10, 25)
  let drawn = 0
  const secrets: Uint8Array[] = []
  const random = (count: number): Uint8Array => {
    drawn += 1
    const bytes = new Uint8Array(count).fill(drawn)
    secrets.push(bytes)
    return bytes
  }
  const clock = { monotonic: () => instantOf(now), wall: () => timestampOf(now) }
  const shared = { store, clock }
  const held = new Map<string, string>()
  const open = async () => {
    const references = await References.open({
      ...shared,
      withdrawn: () => reconsidered.push(undefined),
      damaged: (what) => assert.fail(what),
    })
    const policies = await AttestationPolicies.open({
      ...shared,
      ofModel: () => undefined,
      changed: (deviceId) => reconsidered.push(deviceId),
    })
    const attestations = await Attestations.open({
      ...shared,
      acts: sink,
      events: sink,
      random,
      seeds: {
        random: (count) => new Uint8Array(count).fill(1),
        encryptOaep: () => new Uint8Array(256),
        agree: () => assert.fail('not with RSA'),
      },
      references,
      policies,
      modelOf: () => model,
      load: () => undefined,
      vouch: async () => endorsement ?? { kind: 'unproven', why: 'nobody asked' },
      reconsider: (deviceId) => reconsidered.push(deviceId),
      holders: {
        claim: async (key, { deviceId }) => {
          const name = Buffer.from(encodePublic(key)).toString('hex')
          const holder = held.get(name) ?? deviceId
          held.set(name, holder)
          return holder === deviceId ? 'good' : holder === RETIRED ? 'retired' : 'taken'
        },
        release: async (key, deviceId) => {
          const name = Buffer.from(encodePublic(key)).toString('hex')
          if (held.get(name) === deviceId) held.delete(name)
        },
      },
    })
    return { references, policies, attestations }
  }
  const opened = await open()
  await opened.policies.set(undefined, { ...DEFAULT_POLICY, pcrs: PCRS, maxAgeMs: 60_000, ...policy }, 'operator')
  await opened.references.addSigner('release', PEM, 'operator')
  const keys = { endorsementKey: encodePublic(ek.area), attestationKey: encodePublic(ak.area) }
  const addValues = (content: object): Promise<unknown> => {
    const values = { format: 'holdfast-reference-values/1', name: 'values', serial: 1, ...content }
    const bytes = Buffer.from(JSON.stringify(values))
    return opened.references.add(bytes, sign('sha256', bytes, signer.privateKey), 'operator')
  }
  const digest = (boot: readonly WrittenEvent[]): string =>
    Buffer.from(boot[0] === undefined ? [] : measurementOf(boot[0], 'sha256')).toString('hex')
  await addValues({ events: [{ pcr: 4, digests: { sha256: [digest(GOOD)] } }] })
  const enrol = async (device = DEVICE): Promise<void> => {
    await opened.attestations.enrol(device, keys)
    await opened.attestations.activate(device, secrets.at(-1) ?? assert.fail())
  }
  const evidence = (nonce: Uint8Array, boot = GOOD): Evidence => softwareEvidence({ ak, ek, nonce, pcrs: PCRS, boot })
  const attest = async (boot = GOOD): Promise<string> => {
    const { nonce } = await opened.attestations.challenge(DEVICE)
    return (await opened.attestations.submit(DEVICE, evidence(nonce, boot))).kind
  }
  return {
    ...opened,
    store,
    held,
    events,
    reconsidered,
    secrets,
    keys,
    open,
    enrol,
    evidence,
    attest,
    addValues,
    pass: (milliseconds: number) => {
      now += milliseconds
    },
    typed: (type: string) => events.filter((event) => event.type === type),
  }
}

test('who never attested is narrowed where that is required, and not elsewhere', async () => {
  const strict = await stage()
  assert.deepEqual(strict.attestations.decide(DEVICE), {
    kind: 'narrow',
    code: 'attestation-missing',
    detail: 'it has never shown how it booted',
  })
  const lenient = await stage({ policy: { required: false } })
  assert.equal(lenient.attestations.decide(DEVICE).kind, 'pass')
  await strict.policies.set(undefined, undefined, 'operator')
  assert.equal(strict.attestations.decide(DEVICE).kind, 'pass')
})

test('a verdict is told, kept, and changes what is decided', async () => {
  const { attestations, enrol, attest, typed, reconsidered } = await stage()
  await enrol()
  assert.equal(await attest(), 'trusted')
  assert.equal(attestations.decide(DEVICE).kind, 'pass')
  reconsidered.length = 0
  assert.equal(await attest(EVIL), 'failed')
  assert.deepEqual(reconsidered, ['d'])
  const verdict = attestations.decide(DEVICE)
  assert.equal(verdict.kind === 'narrow' ? verdict.code : '', 'attestation-failed')
  assert.deepEqual(typed('attestation.failed')[0]?.detail, {
    resetCount: 7,
    firmware: '2019102300163636',
    clockSafe: true,
    reference: 'values/1',
    reason: 'event-different',
    reasons: 1,
    pcr: 4,
    event: 1,
  })
  assert.equal(await attest(), 'trusted')
  assert.equal(typed('attestation.verified').length, 2)
})

test('where failures are only observed, they are told and narrow nobody', async () => {
  const { attestations, enrol, attest, typed } = await stage({ policy: { onFailure: 'observe' } })
  await enrol()
  assert.equal(await attest(EVIL), 'failed')
  assert.equal(attestations.decide(DEVICE).kind, 'pass')
  assert.equal(typed('attestation.failed').length, 1)
})

test('a quote gets stale by the clock, is told once, and a clock turned back makes none last longer', async () => {
  const { attestations, enrol, attest, pass, typed, reconsidered } = await stage()
  await enrol()
  await attest()
  pass(59_000)
  attestations.tick()
  assert.equal(attestations.standing(DEVICE).kind, 'trusted')
  reconsidered.length = 0
  pass(1_000)
  attestations.tick()
  attestations.tick()
  assert.deepEqual(reconsidered, ['d'])
  assert.equal(typed('attestation.stale').length, 1)
  const verdict = attestations.decide(DEVICE)
  assert.equal(verdict.kind === 'narrow' ? verdict.code : '', 'attestation-stale')
  await attest()
  pass(-3_600_000)
  assert.equal(attestations.standing(DEVICE).kind, 'stale')
})

test('a policy that asks for more often is kept from now on', async () => {
  const { attestations, policies, enrol, attest, pass, typed } = await stage()
  await enrol()
  await attest()
  await policies.set('d', { ...DEFAULT_POLICY, pcrs: PCRS, maxAgeMs: 5_000 }, 'operator')
  attestations.reschedule('d')
  pass(6_000)
  attestations.tick()
  assert.equal(typed('attestation.stale').length, 1)
})

test('a challenge is of one device and generation, for one answer, for two minutes', async () => {
  const { attestations, enrol, evidence, pass } = await stage()
  await enrol()
  const first = await attestations.challenge(DEVICE)
  const second = await attestations.challenge(DEVICE)
  // The newer one has taken the place of the first.
  const judged = await attestations.submit(DEVICE, evidence(first.nonce))
  assert.deepEqual([judged.kind, judged.reasons[0]?.code], ['failed', 'wrong-nonce'])
  await assert.rejects(attestations.submit(DEVICE, evidence(second.nonce)), refused('no-challenge'))
  const third = await attestations.challenge(DEVICE)
  pass(CHALLENGE_MS)
  await assert.rejects(attestations.submit(DEVICE, evidence(third.nonce)), refused('no-challenge'))
  const fourth = await attestations.challenge(DEVICE)
  await assert.rejects(
    attestations.submit({ deviceId: 'd', generationId: 'g2' }, evidence(fourth.nonce)),
    refused('no-challenge'),
  )
})

test('an activation is of one device, for one try, for five minutes', async () => {
  const { attestations, keys, secrets, pass } = await stage()
  await assert.rejects(attestations.activate(DEVICE, new Uint8Array(32)), refused('no-activation'))
  await attestations.enrol(DEVICE, keys)
  const secret = secrets.at(-1) ?? assert.fail()
  await assert.rejects(
    attestations.activate({ deviceId: 'other', generationId: 'g1' }, secret),
    refused('no-activation'),
  )
  await assert.rejects(attestations.activate(DEVICE, secret.subarray(1)), refused('wrong-secret'))
  await assert.rejects(attestations.activate(DEVICE, secret), refused('no-activation'))
  await attestations.enrol(DEVICE, keys)
  pass(ACTIVATION_MS)
  await assert.rejects(attestations.activate(DEVICE, secrets.at(-1) ?? secret), refused('no-activation'))
})

test('keys that are none are refused by what they lack', async () => {
  const { attestations, keys, typed } = await stage()
  const all = ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'] as const
  for (const name of all) {
    const weak = softwareAttestationKey(
      'ecc',
      all.filter((other) => other !== name),
    )
    const attestationKey = encodePublic(weak.area)
    await assert.rejects(attestations.enrol(DEVICE, { ...keys, attestationKey }), refused('bad-attestation-key'), name)
  }
  const both = softwareAttestationKey('ecc', [...all, 'decrypt'])
  await assert.rejects(
    attestations.enrol(DEVICE, { ...keys, attestationKey: encodePublic(both.area) }),
    refused('bad-attestation-key'),
  )
  await assert.rejects(
    attestations.enrol(DEVICE, { ...keys, endorsementKey: encodePublic(ak.area) }),
    refused('bad-endorsement-key'),
  )
  await assert.rejects(
    attestations.enrol(DEVICE, { ...keys, endorsementKey: Buffer.from('00', 'hex') }),
    refused('invalid'),
  )
  assert.equal(typed('attestation.refused').length, all.length + 3)
})

test('where the policy asks for a manufacturer, a TPM that nobody vouches for is refused', async () => {
  const unproven = await stage({ policy: { endorsementCertificate: true } })
  await assert.rejects(unproven.attestations.enrol(DEVICE, unproven.keys), refused('endorsement-unproven'))
  const vouched = await stage({
    policy: { endorsementCertificate: true },
    endorsement: { kind: 'vouched', manufacturer: 'ACME TPM' },
  })
  await vouched.enrol()
  assert.equal((await vouched.attestations.read(DEVICE))?.manufacturer, 'ACME TPM')
})

test('a policy that asks for a manufacturer later takes no more quotes of keys that were certified without', async () => {
  const { attestations, policies, enrol, attest, typed } = await stage()
  await enrol()
  assert.equal(await attest(), 'trusted')
  await policies.set(undefined, { ...DEFAULT_POLICY, pcrs: PCRS, endorsementCertificate: true }, 'operator')
  await assert.rejects(attestations.challenge(DEVICE), refused('endorsement-unproven'))
  assert.equal(typed('attestation.refused').at(-1)?.detail.code, 'endorsement-unproven')
})

test('one TPM is of one device; a device keeps its TPM until its operator forgets it', async () => {
  const { attestations, enrol, keys, attest } = await stage()
  await enrol()
  await assert.rejects(enrol({ deviceId: 'other', generationId: 'g1' }), refused('endorsement-key-taken'))
  const endorsementKey = encodePublic(softwareEndorsementKey().area)
  await assert.rejects(attestations.enrol(DEVICE, { ...keys, endorsementKey }), refused('endorsement-key-changed'))
  await attest(EVIL)
  // A new key in the same TPM does not undo what was found.
  await enrol()
  assert.equal(attestations.standing(DEVICE).kind, 'failed')
  assert.equal(await attestations.forget('d', 'operator'), true)
  assert.equal(await attestations.forget('d', 'operator'), false)
  assert.equal(attestations.standing(DEVICE).kind, 'none')
  await enrol({ deviceId: 'other', generationId: 'g1' })
})

test('a TPM that proves another device by another door, or a retired one, attests for nobody', async () => {
  const { held, store, attestations, enrol, secrets, keys } = await stage()
  const name = Buffer.from(keys.endorsementKey).toString('hex')
  // Whoever only knows the key, which is public, keeps it from nobody.
  await attestations.enrol({ deviceId: 'other', generationId: 'g1' }, keys)
  const wrong = Buffer.alloc(secrets.at(-1)?.length ?? 0)
  await assert.rejects(attestations.activate({ deviceId: 'other', generationId: 'g1' }, wrong), refused('wrong-secret'))
  assert.equal(held.size, 0)
  for (const holder of ['provisioned', RETIRED]) {
    held.set(name, holder)
    await assert.rejects(enrol(), refused('endorsement-key-taken'))
    assert.equal(await store.readAttestation('d'), undefined)
  }
  held.clear()
  await enrol()
  assert.equal(held.get(name), 'd')
  await attestations.forget('d', 'operator')
  assert.equal(held.size, 0, 'it is free for the device that it was moved to')
})

test('what is made anew of the same id inherits nothing, even while a request of the old one is under way', async () => {
  const { attestations, store, enrol, attest, evidence } = await stage()
  await enrol()
  await attest()
  const { nonce } = await attestations.challenge(DEVICE)
  store.devices.set('d', 'g2')
  await assert.rejects(attestations.submit(DEVICE, evidence(nonce)), refused('device-missing'))
  const successor = { deviceId: 'd', generationId: 'g2' }
  assert.equal(attestations.standing(successor).kind, 'none')
  await assert.rejects(attestations.challenge(successor), refused('no-attestation-key'))
})

test('trust outlasts a restart, and ends with what it rests on', async () => {
  const { enrol, attest, open, references, attestations, reconsidered, addValues } = await stage()
  await enrol()
  await attest()
  const again = await open()
  assert.equal(again.attestations.standing(DEVICE).kind, 'trusted')
  assert.deepEqual(
    (await again.attestations.list({ limit: 10 })).map(({ deviceId, reference }) => [deviceId, reference]),
    [['d', 'values']],
  )
  // A newer release of the same values does not end it; its removal does, and that of its signer.
  await addValues({ serial: 2, events: [{ pcr: 4, digests: { sha256: ['ab'.repeat(32)] } }] })
  assert.equal(attestations.standing(DEVICE).kind, 'trusted')
  reconsidered.length = 0
  await references.removeSigner('release', 'operator')
  assert.deepEqual(reconsidered, [undefined])
  const standing = attestations.standing(DEVICE)
  assert.equal(standing.kind === 'stale' ? standing.reason : '', 'reference-withdrawn')
})

test('values of another model, or past their time, are not in force', async () => {
  const mine = await stage({ model: 'gateway' })
  await mine.enrol()
  await mine.addValues({ serial: 2, models: ['pump'], events: [{ pcr: 4, digests: { sha256: ['ab'.repeat(32)] } }] })
  assert.equal(await mine.attest(), 'failed')
  const timed = await stage()
  await timed.enrol()
  await timed.addValues({ name: 'timed', notAfter: '2026-11-25T00:00:10Z', events: [{ pcr: 4, digests: {} }] })
  assert.equal(timed.references.isInForce('timed'), true)
  timed.pass(11_000)
  assert.equal(timed.references.isInForce('timed'), false)
  assert.equal(timed.references.forModel(undefined).length, 1)
})

test('documents follow each other, and belong to who signed them', async () => {
  const { references, addValues } = await stage()
  await assert.rejects(addValues({ serial: 1, denied: [{ digest: 'ab'.repeat(32) }] }), refused('outdated'))
  const other = generateKeyPairSync('ed25519')
  await references.addSigner('other', String(other.publicKey.export({ format: 'pem', type: 'spki' })), 'operator')
  const bytes = Buffer.from(
    JSON.stringify({
      format: 'holdfast-reference-values/1',
      name: 'values',
      serial: 9,
      denied: [{ digest: 'ab'.repeat(32), reason: 'x' }],
    }),
  )
  await assert.rejects(references.add(bytes, sign(null, bytes, other.privateKey), 'operator'), refused('exists'))
  await assert.rejects(references.add(bytes, Buffer.alloc(64), 'operator'), refused('bad-signature'))
  await assert.rejects(references.addSigner('other', PEM, 'operator'), refused('exists'))
  await assert.rejects(references.remove('nothing', 'operator'), refused('missing'))
})
