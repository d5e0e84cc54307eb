import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdmissionGates, type ConnectionFacts } from '@holdfast/admission'
import { MemoryAdmissionStore } from '@holdfast/admission/testing'
import type { SecurityEvent } from '@holdfast/audit'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import { DEFAULT_SCALE, SILENCE_MS } from '@holdfast/masquerade'
import { MemoryDossierStore } from '@holdfast/masquerade/testing'
import { MemoryTwinStore } from '@holdfast/twins/testing'
import { Twins } from '@holdfast/twins'
import { MasqueradeOffice } from './masquerade-office.ts'

const KEY = { deviceId: 'd' }

async function world() {
  const clock = new ManualClock()
  const random = countingRandom()
  const events: SecurityEvent[] = []
  const sink = (event: SecurityEvent): void => void events.push(event)
  const faults: unknown[] = []
  const gates = new AdmissionGates()
  const dossiers = new MemoryDossierStore(sink)
  const twinStore = new MemoryTwinStore(sink)
  twinStore.create(KEY, { at: clock.wall(), etag: 'e' })
  const twins = new Twins({ store: twinStore, clock, random, desiredChanged: () => undefined })
  const office = await MasqueradeOffice.open({
    store: Object.assign(new MemoryAdmissionStore(sink), {
      listDossiers: dossiers.listDossiers.bind(dossiers),
      readDossier: dossiers.readDossier.bind(dossiers),
      writeDossiers: dossiers.writeDossiers.bind(dossiers),
    }),
    clock,
    random,
    scale: DEFAULT_SCALE,
    throttledEvents: sink,
    gates,
    twins,
    models: { policyOf: () => undefined, load: () => undefined },
    fault: (error) => void faults.push(error),
  })
  const facts = (): ConnectionFacts => ({
    key: KEY,
    generationId: 'g',
    basis: { kind: 'device-key', slot: 'primary' },
    lane: 'full',
    address: '192.0.2.1',
    transport: 'mqtt',
    tlsVersion: 'TLSv1.3',
    tlsFingerprint: 'f',
    at: clock.wall(),
  })
  /** A connection that is let in, in place of `former`. */
  const connect = async (former?: ConnectionFacts): Promise<ConnectionFacts> => {
    const now = facts()
    const verdict = await gates.judge(now)
    assert.equal(verdict.kind, 'admitted')
    if (former !== undefined) for (const gate of gates.gates) gate.ended?.(former, 'taken-over')
    for (const gate of gates.gates) gate.admitted?.(now)
    return now
  }
  const desired = async (): Promise<unknown> => JSON.parse((await twins.read(KEY)).desired.properties)
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  return { office, twins, gates, dossiers, events, faults, clock, connect, desired, settled, facts }
}

test('a device that asks for a nonce is offered one; its answers are on their way to the disk when they are vetted', async () => {
  const { office, dossiers, connect, desired, settled, faults } = await world()
  await connect()
  assert.equal(office.vet(KEY, '{"speed":7}'), undefined)
  assert.equal(office.vet(KEY, '{"holdfast":{"nonce":""}}'), undefined)
  await settled()
  const { holdfast } = (await desired()) as { holdfast: { nonce: string } }
  assert.match(holdfast.nonce, /^[A-Za-z0-9_-]{22}$/)
  const patch = (shown: string, next: string): string => JSON.stringify({ holdfast: { nonce: { shown, next } } })
  assert.equal(office.vet(KEY, patch('', 'other'))?.code, 'PreconditionFailed')
  assert.equal(office.vet(KEY, patch('', holdfast.nonce)), undefined)
  assert.match(dossiers.records.get('d') ?? '', new RegExp(`"accepted":"${holdfast.nonce}"`))
  await settled()
  assert.deepEqual(await desired(), { holdfast: {} }, 'what is a secret now is not left to be read')
  assert.equal(office.vet(KEY, patch(holdfast.nonce, holdfast.nonce)), undefined)
  assert.deepEqual(faults, [])
  await office.end()
})

test('any patch is vetted without harm', async () => {
  const { office, connect, faults, events } = await world()
  const hostile = ['null', '[]', '7', '{"nonce":[]}', '{"nonce":{"shown":1}}', '{"counter":-1}', '{"counter":1e300}']
  for (const member of hostile)
    assert.equal(office.vet(KEY, `{"holdfast":${member}}`), undefined, 'nobody is connected')
  await connect()
  for (const member of hostile) assert.equal(office.vet(KEY, `{"holdfast":${member}}`), undefined, member)
  assert.equal(office.vet({ deviceId: 'nobody' }, '{"holdfast":{"counter":1}}'), undefined)
  assert.deepEqual(faults, [])
  assert.ok(!events.some(({ type }) => type === 'identity.suspected'))
  await office.end()
})

test('of a disk that takes nothing no nonce is offered, and nobody is blamed for silence', async () => {
  const { office, dossiers, connect, desired, settled, faults } = await world()
  await connect()
  dossiers.isFull = true
  office.vet(KEY, '{"holdfast":{"nonce":""}}')
  await settled()
  assert.deepEqual(await desired(), {})
  assert.equal(faults.length, 1)
  await office.end()
})

test('a device is not blamed for a nonce that a back end took out of its twin; it is offered again', async () => {
  const { office, twins, clock, connect, desired, settled, events } = await world()
  const live = await connect()
  office.vet(KEY, '{"holdfast":{"nonce":""}}')
  await settled()
  const offered = async (): Promise<string> => ((await desired()) as { holdfast: { nonce: string } }).holdfast.nonce
  const first = await offered()
  for (const shown of ['', first]) office.vet(KEY, JSON.stringify({ holdfast: { nonce: { shown, next: first } } }))
  await connect(live)
  await settled()
  const second = await offered()
  await twins.write(KEY, { desired: { kind: 'replace', properties: '{"speed":7}' } }, 'policy/service')
  clock.advance(SILENCE_MS + 1)
  await office.tick()
  await settled()
  assert.equal(await offered(), second)
  assert.ok(!events.some(({ type }) => type === 'identity.suspected'))
  clock.advance(SILENCE_MS + 1)
  await office.tick()
  assert.equal(events.find(({ type }) => type === 'identity.suspected')?.detail.finding, 'nonce-silent')
  await office.end()
})

test('a proof puts it into quarantine by itself; release clears what was found', async () => {
  const { office, gates, connect, desired, settled, events, facts } = await world()
  let live = await connect()
  office.vet(KEY, '{"holdfast":{"nonce":""}}')
  await settled()
  const offered = async (): Promise<string> => ((await desired()) as { holdfast: { nonce: string } }).holdfast.nonce
  const first = await offered()
  for (const shown of ['', first]) office.vet(KEY, JSON.stringify({ holdfast: { nonce: { shown, next: first } } }))
  live = await connect(live)
  await settled()
  const second = await offered()
  assert.notEqual(second, first)
  office.vet(KEY, JSON.stringify({ holdfast: { nonce: { shown: 'stolen', next: second } } }))
  await settled()
  assert.equal(office.quarantine.find(KEY)?.actor, 'hub')
  const found = events.find(({ type }) => type === 'identity.suspected')
  assert.equal(found?.detail.verdict, 'proven')
  assert.equal(found?.actor, 'address/192.0.2.1')
  const held = await gates.judge(facts())
  assert.deepEqual(held.kind === 'admitted' ? [held.lane, held.mayRenew] : held.kind, ['remediation', false])
  assert.equal(await office.release(KEY, 'operator/local'), true)
  assert.equal(await office.release(KEY, 'operator/local'), false)
  const free = await gates.judge(facts())
  assert.equal(free.kind === 'admitted' ? free.lane : free.kind, 'full')
  assert.equal((await office.show(KEY)).judgement.verdict, 'clear')
  await office.end()
})
