import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { NewEntry, Tombstone } from '@holdfast/supply'
import { device } from '../contract.ts'
import { openStateStore } from '../state-store.ts'
import { random, testKeys, withFile, withStore } from '../testing.ts'

const NOW = timestampOf(1_000_000)
const STAMP = { at: NOW, actor: 'operator/local' }

function entry(serial: string, change: Partial<NewEntry> = {}): NewEntry {
  const bytes = Uint8Array.from(Buffer.from(serial))
  return {
    manufacturer: 'acme',
    serial,
    model: 'pump-3',
    hardwareRevision: 'A',
    key: { kind: 'public-key', digest: createHash('sha256').update(bytes).digest('hex').toUpperCase(), bytes },
    keyStorage: 'software',
    manifest: 'M',
    importedTime: NOW,
    expires: timestampOf(NOW + 1_000),
    ...change,
  }
}

test('entries are judged one after the other, also those that come together', async () => {
  await withStore(async ({ supply: { port } }) => {
    const kinds = async (...entries: NewEntry[]) => (await port.importEntries(entries)).map(({ kind }) => kind)
    assert.deepEqual(await kinds(entry('a'), entry('a'), entry('b', { key: entry('a').key })), [
      'imported',
      'duplicate',
      'conflict',
    ])
    assert.deepEqual(await kinds(entry('a'), entry('a', { hardwareRevision: 'B' }), entry('c')), [
      'duplicate',
      'conflict',
      'imported',
    ])
    const coded = entry('d', { codeDigest: 'C' })
    assert.deepEqual(await kinds(coded, entry('e', { codeDigest: 'C' })), ['imported', 'conflict'])
    assert.deepEqual(await port.readEntryByCode('C'), { ...coded, state: 'manufactured' })
    assert.deepEqual(
      (await port.listEntries({ after: 'acme a', limit: 10 })).map(({ serial }) => serial),
      ['c', 'd'],
    )
  })
})

test('an entry is claimed once and by one, and two never under one id', async () => {
  await withStore(async ({ supply: { port } }) => {
    await port.importEntries([entry('a'), entry('b')])
    const claim = (serial: string) =>
      port.claimEntry({ manufacturer: 'acme', serial, owner: 'o', registrationId: 'r' }, STAMP)
    const [first, second] = await Promise.all([claim('a'), claim('a')])
    assert.equal(first.kind, 'claimed')
    assert.equal(second.kind === 'refused' ? second.code : '', 'already-claimed')
    const other = await claim('b')
    assert.equal(other.kind === 'refused' ? other.code : '', 'id-taken')
    assert.equal((await port.readBinding('r'))?.serial, 'a')
    assert.equal(await port.deleteOwner('o'), 'in-use')
  })
})

test('what nobody claims in time expires, and begins anew when its manufacturer names it again', async () => {
  await withStore(async ({ supply: { port } }) => {
    await port.importEntries([entry('a'), entry('b')])
    await port.claimEntry({ manufacturer: 'acme', serial: 'b', owner: 'o', registrationId: 'b' }, STAMP)
    const late = { at: timestampOf(NOW + 1_000), actor: 'hub' }
    assert.deepEqual(await port.expireEntries(STAMP, 10), [])
    assert.deepEqual(
      (await port.expireEntries(late, 10)).map(({ serial }) => serial),
      ['a'],
    )
    assert.deepEqual(
      (await port.listHistory('supply/acme/a', { after: 0, limit: 10 })).map(({ move }) => move),
      ['expire'],
    )
    const [again] = await port.importEntries([entry('a', { expires: timestampOf(NOW + 9_000), manifest: 'N' })])
    assert.equal(again?.kind, 'imported')
    assert.equal((await port.readEntry('acme', 'a'))?.manifest, 'N')
  })
})

test('a life follows its identity, and ends with it', async () => {
  await withStore(async (store) => {
    const { port } = store.supply
    const identity = device('d')
    const facts = { model: 'pump-3', owner: 'o', manufacturer: 'acme', serial: 'a' }
    await port.importEntries([entry('a')])
    await port.claimEntry({ manufacturer: 'acme', serial: 'a', owner: 'o', registrationId: 'd' }, STAMP)
    await port.changeLife('d', { kind: 'provisioning', facts }, STAMP)
    await store.writeIdentity(identity, { kind: 'absent' })
    const { generationId } = identity
    await port.changeLife('d', { kind: 'provisioned', generationId, needsCommissioning: true }, STAMP)
    assert.deepEqual(await port.readLife('d'), {
      deviceId: 'd',
      generationId,
      state: 'provisioned',
      since: NOW,
      ...facts,
    })
    assert.equal((await port.readEntry('acme', 'a'))?.state, 'provisioned')
    const refused = await port.changeLife('d', { kind: 'release', generationId, reason: '' }, STAMP)
    assert.equal(refused.kind, 'refused')
    await store.deleteIdentity({ deviceId: 'd' }, { kind: 'any' })
    assert.equal(await port.readLife('d'), undefined)
    assert.equal((await port.listHistory('device/d', { after: 0, limit: 10 })).length, 1)
  })
})

test('evidence is only added to, also by who opens the file', async () => {
  await withFile(async (file) => {
    const store = await openStateStore({ file, keys: testKeys(1), random })
    const { port } = store.supply
    const tombstone: Tombstone = {
      deviceId: 'd',
      generationId: '',
      reason: 'lost',
      manufacturer: 'acme',
      serial: 'a',
      keys: [{ kind: 'public-key', digest: entry('a').key.digest }],
      ...STAMP,
    }
    await port.importEntries([entry('a')])
    assert.equal((await port.retireDevice(tombstone)).kind, 'changed')
    assert.deepEqual(await port.listTombstones({ after: 0, limit: 10 }), [{ sequence: 1, ...tombstone }])
    assert.equal(await port.areRetired(tombstone.keys), true)
    assert.equal(await port.areRetired([{ kind: 'certificate', digest: entry('a').key.digest }]), false)
    const [outcome] = await port.importEntries([entry('z', { key: entry('a').key })])
    assert.equal(outcome?.kind, 'conflict')
    await store.close()
    const other = new DatabaseSync(file)
    for (const table of ['life_history', 'tombstone', 'tombstone_key']) {
      assert.throws(() => other.exec(`DELETE FROM ${table}`), /only added to/)
    }
    assert.throws(() => other.exec(`UPDATE tombstone SET reason = 'x'`), /only added to/)
    other.close()
  })
})

test("what a retired device and its modules proved themselves by is nobody's any more", async () => {
  await withStore(async (store) => {
    const { port } = store.supply
    for (const one of [device('d'), device('d', { moduleId: 'm' }), device('e')]) {
      await store.writeIdentity(one, { kind: 'absent' })
    }
    const claim = (spkiSha256: string, deviceId: string, more: object = {}) =>
      store.claimKey({ spkiSha256, key: { deviceId }, at: NOW, ...more })
    await claim('K', 'd')
    await claim('L', 'd', { key: { deviceId: 'd', moduleId: 'm' } })
    await claim('F', 'd')
    await store.releaseKey({ spkiSha256: 'F', key: { deviceId: 'd' }, at: NOW })
    await claim('E', 'e')
    const { generationId } = device('d')
    const keys = [{ kind: 'certificate', digest: 'C' } as const, { kind: 'public-key', digest: 'K' } as const]
    await port.retireDevice({ deviceId: 'd', generationId, reason: 'lost', keys, ...STAMP })
    const retired = { kind: 'retired', holder: { deviceId: 'd' } }
    assert.deepEqual(await claim('K', 'd'), retired, 'before the identity is deleted')
    await store.deleteIdentity({ deviceId: 'd' }, { kind: 'any' })
    const again = () => port.retireDevice({ deviceId: 'd', generationId, reason: 'lost', keys, ...STAMP })
    assert.equal((await again()).kind, 'refused', 'one that comes second leaves no second tombstone')
    await store.writeIdentity(device('d', { generationId: 'g2' }), { kind: 'absent' })
    await claim('S', 'd')
    assert.equal((await again()).kind, 'refused')
    assert.deepEqual(await claim('S', 'd'), { kind: 'own' }, 'nor does it bury what its successor has')
    assert.equal((await port.listTombstones({ after: 0, limit: 10 })).length, 1)
    for (const one of ['K', 'L']) {
      assert.deepEqual(await claim(one, 'e'), retired)
      assert.deepEqual(await claim(one, 'd'), retired, 'nor the successor of its id')
    }
    assert.deepEqual(await claim('N', 'e', { certificates: ['B', 'C'] }), retired, 'known by its certificate alone')
    assert.deepEqual(await claim('C', 'e'), { kind: 'new' }, 'a digest of another kind is another key')
    assert.deepEqual(await claim('E', 'e'), { kind: 'own' })
    assert.deepEqual(await claim('F', 'e'), { kind: 'used-before', holder: { deviceId: 'd' } })
    assert.equal(await port.areRetired([{ kind: 'public-key', digest: 'L' }]), true, 'at provisioning, too')
  })
})

test('an offer is replaced while it waits, and fixed once it is accepted', async () => {
  await withStore(async ({ supply: { port } }) => {
    const offer = {
      deviceId: 'd',
      generationId: 'g',
      to: 'o',
      codeDigest: 'C1',
      offeredTime: NOW,
      expires: timestampOf(NOW + 1),
      clearsTags: true,
      state: 'offered',
    } as const
    assert.equal(await port.offerTransfer(offer, STAMP), 'offered')
    assert.equal(await port.offerTransfer({ ...offer, codeDigest: 'C2' }, STAMP), 'offered')
    assert.equal(await port.acceptTransfer('d', 'C1'), false)
    assert.equal(await port.acceptTransfer('d', 'C2'), true)
    assert.equal(await port.acceptTransfer('d', 'C2'), false)
    assert.equal(await port.offerTransfer(offer, STAMP), 'busy')
    assert.deepEqual(
      (await port.listAcceptedTransfers(10)).map(({ codeDigest }) => codeDigest),
      ['C2'],
    )
    await port.endTransfer('d', STAMP)
    assert.equal(await port.readTransfer({ deviceId: 'd' }), undefined)
  })
})

test('a model that a device or an entry is of stays', async () => {
  await withStore(async ({ models, supply: { port } }) => {
    const model = {
      id: 'pump-3',
      manufacturer: 'acme',
      tier: 'constrained',
      hardwareRevisions: ['A'],
      requirements: {},
      policies: {},
      etag: '1',
      createdTime: NOW,
      updatedTime: NOW,
    } as const
    assert.equal(await models.writeModel(model, { kind: 'absent' }), 'written')
    assert.equal(await models.writeModel(model, { kind: 'absent' }), 'conflict')
    await port.importEntries([entry('a')])
    assert.equal(await models.deleteModel('pump-3', '1'), 'in-use')
    await port.expireEntries({ at: timestampOf(NOW + 2_000), actor: 'hub' }, 10)
    assert.equal(await models.deleteModel('pump-3', '2'), 'conflict')
    assert.deepEqual(await models.listModels(), [model])
    assert.equal(await models.deleteModel('pump-3', '1'), 'deleted')
  })
})

test('the key of codes is made once', async () => {
  await withStore(async ({ supply: { port } }) => {
    assert.equal(await port.supplyKey('AAAA'), 'AAAA')
    assert.equal(await port.supplyKey('BBBB'), 'AAAA')
  })
})
