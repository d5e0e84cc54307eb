import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { endorsementPrimaryName, qualifiedName } from '@holdfast/tpm'
import { measurementOf, type WrittenEvent, writeEventLog } from '@holdfast/tpm/testing'
import { type Evidence, type EvidenceContext, type Judgement, judgeEvidence } from './judge-evidence.ts'
import { REASONS_MAX } from './limits.ts'
import { DEFAULT_POLICY } from './policy.ts'
import { type ReferenceValues, verifyReferenceValues } from './reference-values.ts'
import {
  BOOT_STATE,
  signed,
  softwareAttestationKey,
  softwareEndorsementKey,
  softwareEvidence,
} from './testing/index.ts'

const ek = softwareEndorsementKey()
const ak = softwareAttestationKey()
const nonce = Buffer.alloc(32, 9)
const signer = generateKeyPairSync('ed25519')

const text = (words: string): Uint8Array => Buffer.from(words)
const FIRMWARE: WrittenEvent = { pcr: 0, type: 8, data: text('2.4.1') }
const LOADER: WrittenEvent = { pcr: 4, type: 0xd, data: text('loader'), measured: text('loader 1') }
const KERNEL: WrittenEvent = { pcr: 4, type: 0xd, data: text('kernel'), measured: text('kernel 1') }
const EVIL: WrittenEvent = { pcr: 4, type: 0xd, data: text('kernel'), measured: text('evil') }
const GOOD = [FIRMWARE, LOADER, KERNEL]
const PCRS = [0, 4]

const digestOf = (event: WrittenEvent): string => Buffer.from(measurementOf(event, 'sha256')).toString('hex')

function document(content: object): ReferenceValues {
  const bytes = Buffer.from(JSON.stringify({ format: 'holdfast-reference-values/1', name: 'a', serial: 1, ...content }))
  return verifyReferenceValues(bytes, sign(null, bytes, signer.privateKey), signer.publicKey)
}
const eventsOf = (boot: readonly WrittenEvent[], more: object = {}): ReferenceValues =>
  document({ events: boot.map((event) => ({ pcr: event.pcr, digests: { sha256: [digestOf(event)] } })), ...more })

function context(change: Partial<EvidenceContext> = {}): EvidenceContext {
  return {
    key: { area: ak.area, key: ak.publicKey },
    qualifiedNames: [qualifiedName(endorsementPrimaryName(ek.area), ak.area)],
    nonce,
    policy: { ...DEFAULT_POLICY, pcrs: PCRS },
    references: [eventsOf(GOOD)],
    denied: new Map(),
    ...change,
  }
}
const boot = (events: readonly WrittenEvent[] = GOOD, change: object = {}): Evidence =>
  softwareEvidence({ ak, ek, nonce, pcrs: PCRS, boot: events, ...change })
const codes = ({ reasons }: Judgement): readonly string[] => reasons.map(({ code }) => code)

test('a boot that fits is trusted, with the values it fits and what the TPM said', () => {
  const judgement = judgeEvidence(boot(), context())
  assert.deepEqual(judgement, {
    kind: 'trusted',
    reasons: [],
    reasonsOmitted: 0,
    reference: { name: 'a', serial: 1 },
    state: BOOT_STATE,
  })
})

test('an elliptic key serves as well', () => {
  const ecc = softwareAttestationKey('ecc')
  const judgement = judgeEvidence(
    boot(GOOD, { ak: ecc }),
    context({
      key: { area: ecc.area, key: ecc.publicKey },
      qualifiedNames: [qualifiedName(endorsementPrimaryName(ek.area), ecc.area)],
    }),
  )
  assert.equal(judgement.kind, 'trusted')
})

test('only what the certified key signed is read at all', () => {
  const other = softwareAttestationKey()
  assert.deepEqual(codes(judgeEvidence(boot(GOOD, { ak: other }), context())), ['bad-signature'])
  const good = boot()
  for (let at = 0; at < good.attest.length; at += 1) {
    const attest = Uint8Array.from(good.attest)
    attest[at] = (attest[at] ?? 0) ^ 0x10
    assert.deepEqual(codes(judgeEvidence({ ...good, attest }, context())), ['bad-signature'], `byte ${at}`)
  }
  const junk = text('\xffTCG and no more')
  assert.deepEqual(codes(judgeEvidence({ ...good, attest: junk, signature: signed(ak, junk) }, context())), [
    'malformed-quote',
  ])
  assert.deepEqual(codes(judgeEvidence({ ...good, signature: text('nonsense') }, context())), ['malformed-quote'])
})

test('the nonce, the PCRs, their values and the place of the key must be those asked for', () => {
  assert.deepEqual(codes(judgeEvidence(boot(GOOD, { nonce: Buffer.alloc(32) }), context())), ['wrong-nonce'])
  assert.deepEqual(codes(judgeEvidence(boot(GOOD, { nonce: Buffer.alloc(31, 9) }), context())), ['wrong-nonce'])
  for (const pcrs of [[0], [4], [0, 4, 7], [0, 7]]) {
    assert.deepEqual(codes(judgeEvidence(boot(GOOD, { pcrs }), context())), ['wrong-selection'], pcrs.join())
  }
  assert.deepEqual(codes(judgeEvidence(boot(GOOD, { bank: 'sha384' }), context())), ['wrong-selection'])
  const values = boot([FIRMWARE]).values
  assert.deepEqual(codes(judgeEvidence({ ...boot(), values }, context())), ['wrong-values'])
  assert.deepEqual(codes(judgeEvidence({ ...boot(), values: new Map() }, context())), ['wrong-values'])
  const elsewhere = endorsementPrimaryName(ak.area)
  assert.deepEqual(codes(judgeEvidence(boot(GOOD, { qualifiedSigner: elsewhere }), context())), ['wrong-hierarchy'])
})

test('counts and clock of a TPM only rise; a reset may bring its clock down', () => {
  const before = BOOT_STATE
  const judge = (state: object): readonly string[] =>
    codes(judgeEvidence(boot(GOOD, { state: { ...BOOT_STATE, ...state } }), context({ before })))
  assert.deepEqual(judge({}), [])
  assert.deepEqual(judge({ resetCount: 6, clock: 9_999n }), ['counters-backwards'])
  assert.deepEqual(judge({ clock: 999n }), ['counters-backwards'])
  assert.deepEqual(judge({ resetCount: 8, clock: 1n }), [])
  assert.deepEqual(judge({ restartCount: 1, clock: 1n }), [])
  assert.deepEqual(judge({ firmwareVersion: 1n }), ['firmware-backwards'])
  assert.deepEqual(judge({ firmwareVersion: BOOT_STATE.firmwareVersion + 1n }), [])
})

test('where reference values name firmware of the TPM, another is none', () => {
  const old = '0000000000000001'
  const references = [eventsOf(GOOD, { tpmFirmware: [old] })]
  const reasons = judgeEvidence(boot(), context({ references })).reasons
  assert.deepEqual(reasons, [{ code: 'firmware-unknown', found: '2019102300163636', expected: [old] }])
  // And an older one that they name is good.
  const state = { ...BOOT_STATE, firmwareVersion: 1n }
  assert.equal(judgeEvidence(boot(GOOD, { state }), context({ references, before: BOOT_STATE })).kind, 'trusted')
})

test('a log that was cut, reordered or added to does not replay, and each difference is named', () => {
  const lie = (events: readonly WrittenEvent[]): Judgement =>
    judgeEvidence({ ...boot(), eventLog: writeEventLog(['sha256'], events) }, context())
  assert.deepEqual(codes(lie([FIRMWARE, LOADER])), ['event-log-does-not-replay', 'event-missing'])
  assert.deepEqual(codes(lie([FIRMWARE, KERNEL, LOADER])), [
    'event-log-does-not-replay',
    'event-missing',
    'event-unexpected',
  ])
  assert.deepEqual(codes(lie([...GOOD, EVIL])), ['event-log-does-not-replay', 'event-unexpected'])
  assert.deepEqual(codes(lie([...GOOD, { ...EVIL, pcr: 9 }])), [], 'of a PCR that nobody asks for anything may be said')
  assert.deepEqual(codes(judgeEvidence({ ...boot(), eventLog: text('no log') }, context())), ['event-log-malformed'])
  const sha1 = writeEventLog(['sha1'], GOOD)
  assert.deepEqual(codes(judgeEvidence({ ...boot(), eventLog: sha1 }, context())), ['event-log-bank'])
})

test('a boot fits one document as a whole: parts of two releases are neither', () => {
  const newer: WrittenEvent[] = [LOADER, KERNEL].map((event) => ({
    ...event,
    measured: text(`new ${String(event.data)}`),
  }))
  const references = [eventsOf(GOOD), eventsOf([FIRMWARE, ...newer], { name: 'b' })]
  assert.equal(judgeEvidence(boot([FIRMWARE, ...newer]), context({ references })).reference?.name, 'b')
  const mixed = [FIRMWARE, LOADER, newer[1] ?? EVIL]
  const judgement = judgeEvidence(boot(mixed), context({ references }))
  assert.deepEqual(codes(judgement), ['event-different'])
})

test('values of PCRs may be given instead of events, and need no log', () => {
  const values = boot().values.get('sha256') ?? new Map<number, Uint8Array>()
  const hex = (pcr: number): string => Buffer.from(values.get(pcr) ?? []).toString('hex')
  const references = [document({ pcrs: { sha256: { 0: [hex(0)], 4: ['ab'.repeat(32), hex(4)] } } })]
  const { eventLog, ...bare } = boot()
  assert.ok(eventLog !== undefined)
  assert.equal(judgeEvidence(bare, context({ references })).kind, 'trusted')
  assert.deepEqual(codes(judgeEvidence(boot([FIRMWARE, LOADER, EVIL]), context({ references }))), ['value-unexpected'])
  assert.deepEqual(codes(judgeEvidence(bare, context())), ['event-log-missing', 'event-log-missing'])
})

test('what no document speaks of is not good by that', () => {
  assert.deepEqual(codes(judgeEvidence(boot(), context({ references: [] }))), ['no-reference'])
  assert.deepEqual(
    codes(judgeEvidence(boot(), context({ references: [document({ denied: [{ digest: 'ab'.repeat(32) }] })] }))),
    ['no-reference'],
  )
  assert.deepEqual(codes(judgeEvidence(boot(), context({ references: [eventsOf([LOADER, KERNEL])] }))), [
    'pcr-without-reference',
  ])
})

test('a denied digest fails every boot, as an event or as a value', () => {
  const denied = new Map([[digestOf(KERNEL), 'CVE']])
  const judgement = judgeEvidence(boot(), context({ denied }))
  assert.deepEqual(judgement.reasons, [
    { code: 'event-denied', pcr: 4, event: 3, eventType: 'EV_IPL', found: digestOf(KERNEL), remark: 'CVE' },
  ])
  const value = Buffer.from(boot().values.get('sha256')?.get(4) ?? []).toString('hex')
  assert.deepEqual(codes(judgeEvidence(boot(), context({ denied: new Map([[value, '']]) }))), ['value-denied'])
})

test('reasons are bounded, and what is left out is counted', () => {
  const many = Array.from({ length: 100 }, (_, at) => ({ ...EVIL, measured: text(String(at)) }))
  const judgement = judgeEvidence(boot([FIRMWARE, ...many]), context())
  assert.equal(judgement.reasons.length, REASONS_MAX)
  assert.equal(judgement.reasons.length + judgement.reasonsOmitted, 100)
})
