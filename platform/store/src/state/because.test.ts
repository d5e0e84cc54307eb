/**
 * Every write of `state.db` either brings the events of the act with it, or stands here with the reason why it is no act.
 * The list is the thread's own: a new method that is in neither fails.
 */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RecordedEvent, SecurityEvent } from '@holdfast/audit'
import { timestampOf } from '@holdfast/base'
import { authority, device, group, registration } from './contract.ts'
import { stateDispatch } from './state-dispatch.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { random, testKeys, withFile } from './testing.ts'

/** They change nothing that anybody else could see. */
const READS = /^(?:read|list|count|find|query|has|are|check)[A-Z]|^(?:auditHead|uploadTotals|sealEpochs|copyTo)$/

/** `countUse` counts up, for all its name. */
const WRITES_ALL_THE_SAME = new Set(['countUse'])

/** Its events are of what it finds, and so the store's own making. */
const BY_ITSELF = new Set(['expireEntries'])

/** Writes without events of their own, and why. */
const QUIET: Readonly<Record<string, string>> = {
  open: 'the file, not what is in it',
  close: 'the file, not what is in it',
  recordEvents: 'it is the events themselves',
  replaceKeys: 'keys in memory; the ring tells of its rotation',
  reseal: 'the same secrets under another key; the ring tells of its rotation',
  scrub: 'what was deleted before, and told then',
  writeAuditCheckpoint: 'the log about itself',
  cosignAuditCheckpoint: 'the log about itself; a witness is told of by whoever asks it',
  writeSession: "a device's subscriptions; its session is told of by the desk",
  deleteSession: "a device's subscriptions; its session is told of by the desk",
  writePresence: 'connected or not; sessions are told of by the desk',
  writeMoveEvidence: 'which root devices were seen to trust: counted, not done',
  clearMoveEvidence: 'follows a roll-over, which is told',
  releaseKey: 'follows the deletion or forgetting of who held it, which is told',
  changeCommands: 'deliveries and completions of commands whose sending was told: telemetry of the queue',
  batchFeedback: 'moves outcomes into a queue',
  enqueueServiceMessage: 'what the hub tells services; an overflow is told',
  removeServiceMessage: 'a service took what it was told',
  abandonServiceMessage: 'a service gave back what it was told',
  expireServiceMessages: 'a sweep of what nobody took in time',
  commitUpload: "the file's bytes are there; completeUpload tells of it",
  uploadKey: 'made once, of random bytes',
  supplyKey: 'made once, of random bytes',
  deleteIssuedBefore: 'a sweep of certificates that ended long ago',
  importEntries: 'a step of an import; writeManifest tells of it in its last',
  acceptTransfer: 'the first step of a transfer; changeLife tells of it in its last',
  moveSink: 'a cursor over events that are kept',
  countUse: 'sums of use; the calls themselves are told where they are acts',
  reserveAnswer: 'an answer of an act that tells of itself',
  keepAnswer: 'an answer of an act that tells of itself',
  releaseAnswer: 'an answer of an act that tells of itself',
}

const HERE = import.meta.dirname
const SOURCES = globSync('**/*.ts', { cwd: HERE, exclude: ['**/*.test.ts'] })
  .filter((file) => !/(?:^|\/)(?:state-store|state-dispatch|contract|testing)\.ts$/.test(file))
  .map((file) => readFileSync(join(HERE, file), 'utf8'))
const JOINTS = ['state-store.ts', 'state-dispatch.ts', 'supply/supply.ts'].map((file) =>
  readFileSync(join(HERE, file), 'utf8'),
)

async function served(): Promise<readonly string[]> {
  let names: readonly string[] = []
  await withFile(async (file) => {
    const thread = stateDispatch(random, () => undefined) as Record<string, (given?: unknown) => Promise<void>>
    await thread.open?.({ file, keys: testKeys(1) })
    names = Object.keys(thread)
    await thread.close?.()
  })
  return names
}

test('a method of the thread reads, brings events, or says why it has none', async () => {
  const names = await served()
  assert.ok(names.length > 100, 'the list is the whole list')
  const open: string[] = []
  for (const name of names) {
    const isRead = READS.test(name) && !WRITES_ALL_THE_SAME.has(name)
    if (isRead || BY_ITSELF.has(name) || Object.hasOwn(QUIET, name)) continue
    const method = new RegExp(`^  (?:async )?#?${name}\\((?:[\\s\\S](?!^  (?:\\w| ?/\\*)))*?^  \\}$`, 'gm')
    const bodies = SOURCES.flatMap((text) => [...text.matchAll(method)].map(([body]) => body))
    // Kept (`keep(because)`, `completed(because, …)`), or handed on to what keeps it.
    if (!bodies.some((body) => /\bbecause\?: /.test(body) && /[(,] ?because\b(?!\?)/.test(body))) open.push(name)
    else if (!isHandedOn(name)) open.push(`${name} (not handed on)`)
  }
  assert.deepEqual(open, [])
  const gone = Object.keys(QUIET).filter((name) => !names.includes(name) && name !== 'open')
  assert.deepEqual(gone, [], 'reasons for what is not there any more')
})

/** Between the thread and the table nobody drops it. */
function isHandedOn(name: string): boolean {
  const call = new RegExp(`\\.#?${name}\\(((?:[^()]|\\([^()]*\\))*)\\)`, 'g')
  const calls = JOINTS.flatMap((text) => [...text.matchAll(call)].map(([, given]) => given ?? ''))
  return calls.every((given) => /\bbecause\b|\.\.\.given/.test(given))
}

/** A write that does what was asked, and one that does not; each on what those before it left. */
const absent = { kind: 'absent' } as const
const any = { kind: 'any' } as const
const root = { name: 'r', certificate: new Uint8Array(3), addedTime: timestampOf(1) }
const signer = { name: 's', publicKey: 'PEM', addedTime: timestampOf(1) }
const values = { ...root, document: new Uint8Array(3), signature: new Uint8Array(3), signer: 's' }
const reference = { name: 'v', signer: 's', document: values.document, signature: values.signature }
const ACTS: readonly (readonly [name: string, act: (store: StateStore, because: SecurityEvent) => Promise<unknown>])[] =
  [
    ['writeIdentity', (store, because) => store.writeIdentity(device('d'), absent, because)],
    ['writeEnrollment', (store, because) => store.writeEnrollment(group('g'), absent, because)],
    ['writeAuthority', (store, because) => store.writeAuthority(authority('a'), absent, because)],
    ['writeRegistration', (store, because) => store.writeRegistration(registration('r'), because)],
    ['writeSetting', (store, because) => store.writeSetting('name', 'value', because)],
    ['writeEndorsementRoot', (store, because) => store.writeEndorsementRoot(root, because)],
    ['writeReferenceSigner', (store, because) => store.writeReferenceSigner(signer, because)],
    [
      'writeReferenceValues',
      (store, because) => store.writeReferenceValues({ ...reference, addedTime: timestampOf(1) }, because),
    ],
    [
      'writeQuarantined',
      (store, because) =>
        store.trust.writeQuarantined({ deviceId: 'd', reason: 'x', at: timestampOf(1), actor: 'hub' }, because),
    ],
    ['writeConnectionPolicy', (store, because) => store.trust.writeConnectionPolicy('d', '{}', because)],
    ['writeDossiers', (store, because) => store.trust.writeDossiers([{ deviceId: 'd', record: '{}' }], because)],
    ['deleteReferenceValues', (store, because) => store.deleteReferenceValues('v', because)],
    ['deleteReferenceSigner', (store, because) => store.deleteReferenceSigner('s', because)],
    ['deleteEndorsementRoot', (store, because) => store.deleteEndorsementRoot('r', because)],
    ['deleteQuarantined', (store, because) => store.trust.deleteQuarantined({ deviceId: 'd' }, because)],
    ['deleteConnectionPolicy', (store, because) => store.trust.deleteConnectionPolicy('d', because)],
    ['deleteRegistration', (store, because) => store.deleteRegistration('r', any, because)],
    ['deleteEnrollment', (store, because) => store.deleteEnrollment('group', 'g', any, because)],
    ['deleteAuthority', (store, because) => store.deleteAuthority('a', because)],
    ['deleteIdentity', (store, because) => store.deleteIdentity({ deviceId: 'd' }, any, because)],
  ]

/** They are no fault a second time: they put what is asked for in the place of what was. */
const IDEMPOTENT =
  /^write(?:Registration|Setting|EndorsementRoot|ReferenceValues|Quarantined|ConnectionPolicy|Dossiers)$/

test('a write that does what was asked keeps its event; what is not there to be changed is told by nobody', async () => {
  await withFile(async (file) => {
    const told: RecordedEvent[] = []
    const hear = (events: readonly RecordedEvent[]): void => void told.push(...events)
    const store = await openStateStore({ file, keys: testKeys(1), random, told: hear })
    try {
      for (const [name, act] of ACTS) {
        const probe = {
          type: 'hub.stopped',
          at: timestampOf(1),
          subject: `probe/${name}`,
          actor: 'hub',
          detail: {},
        } as const
        await act(store, probe)
        assert.deepEqual(
          told.splice(0).map(({ subject }) => subject),
          [probe.subject],
          name,
        )
        // Of what was held in memory alone the end is told all the same: see the port.
        if (IDEMPOTENT.test(name) || name === 'deleteQuarantined') continue
        await act(store, probe).catch(() => undefined)
        assert.deepEqual(told, [], `${name} a second time`)
      }
    } finally {
      await store.close()
    }
  })
})
