import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { Dossiers } from './dossiers.ts'
import { MemoryDossierStore } from './testing/memory-dossiers.ts'

const NOW = timestampOf(1_000)

test('what was found lasts over a restart; what the disk does not take is tried again', async () => {
  const store = new MemoryDossierStore()
  const faults: unknown[] = []
  const parts = { store, fault: (error: unknown) => void faults.push(error) }
  const dossiers = await Dossiers.open(parts)
  const key = { deviceId: 'd' }
  const dossier = await dossiers.load(key)
  dossier.counted(5, NOW)
  dossier.counted(4, NOW)
  dossiers.changed(key, dossier)
  store.isFull = true
  await dossiers.flush()
  assert.equal(faults.length, 1)
  store.isFull = false
  await dossiers.flush()
  const again = await (await Dossiers.open(parts)).load(key)
  assert.deepEqual(again.findings, dossier.findings)
  assert.equal(again.findings.length, 1)
})

test('who has none costs no reading, and what is gone leaves nothing', async () => {
  const store = new MemoryDossierStore()
  const dossiers = await Dossiers.open({ store, fault: () => undefined })
  const key = { deviceId: 'd' }
  const dossier = await dossiers.load(key)
  assert.equal(store.reads, 0)
  dossiers.opened(key, dossier)
  const module = { deviceId: 'd', moduleId: 'm' }
  dossiers.opened(module, await dossiers.load(module))
  const other = { deviceId: 'd', moduleId: 'other' }
  const found = await dossiers.load(other)
  dossiers.changed(other, found)
  dossiers.deleted(other)
  assert.equal(dossiers.find(other), undefined)
  assert.equal(dossiers.find(key), dossier, 'of a module, it alone')
  dossiers.changed(other, found)
  dossiers.opened({ deviceId: 'd2' }, await dossiers.load({ deviceId: 'd2' }))
  dossiers.deleted(key)
  assert.equal(dossiers.find(key), undefined)
  for (const one of [module, other]) assert.equal(dossiers.find(one), undefined)
  assert.ok(dossiers.find({ deviceId: 'd2' }) !== undefined)
  assert.notEqual(await dossiers.load(key), dossier)
})
