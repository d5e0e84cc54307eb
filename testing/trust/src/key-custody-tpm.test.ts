/** The key-encryption key in a TPM: swtpm at the other end, tpm2-tools for a second opinion. */

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type HomeWish, KeyCustody, KeyError, openBytes } from '@holdfast/keys'
import { MemoryFolder, testEnvironment } from '@holdfast/keys/testing'
import { SoftwareTpm } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { createPrimary, ECC_STORAGE_TEMPLATE, evictControl, flushContext, HIERARCHY } from '@holdfast/tpm'
import { tpmHomes, TpmTransport } from '@holdfast/tpm-device'

const skip = requireTool('swtpm') || requireTool('tpm2_unseal')
let root: string
let tpm: SoftwareTpm
before(async () => {
  if (skip !== false) return
  root = await mkdtemp(join(tmpdir(), 'holdfast-custody-'))
  tpm = await SoftwareTpm.start(join(root, 'one'))
})
after(async () => {
  if (skip !== false) return
  await tpm.stop()
  await rm(root, { recursive: true, force: true })
})

function open(folder: MemoryFolder, first?: HomeWish): Promise<KeyCustody> {
  const environment = testEnvironment()
  const kinds = { tpm: tpmHomes({ folder, environment }) }
  return KeyCustody.open({ folder, environment, kinds, ...(first && { first }) })
}

const wish = (at: SoftwareTpm, settings: Readonly<Record<string, string>> = {}): HomeWish => ({
  kind: 'tpm',
  settings: { tpm: `127.0.0.1:${at.port}`, ...settings },
})

const stateKey = (custody: KeyCustody): Buffer => Buffer.from(custody.ring.current('state').bytes)

function fileOf(folder: MemoryFolder, pattern: RegExp): { readonly name: string; readonly text: string } {
  const name = folder.names().find((candidate) => pattern.test(candidate)) ?? ''
  return { name, text: Buffer.from(folder.peek(name) ?? []).toString() }
}

test('a ring lives in the TPM, is rotated there, and leaves it again', { skip }, async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, wish(tpm))
  const state = stateKey(custody)
  await custody.close()
  const again = await open(folder)
  assert.deepEqual(stateKey(again), state)
  const before = fileOf(folder, /^kek-/).text
  await again.rotateKeyEncryptionKey()
  assert.notEqual(fileOf(folder, /^kek-/).text, before)
  await again.close()
  const last = await open(folder)
  assert.deepEqual(stateKey(last), state)
  await last.move({ kind: 'file', settings: {} })
  assert.deepEqual(folder.names(), ['homes.json', 'kek.json', 'ring.json'])
  await last.close()
})

test('tpm2-tools unseal the key, and it is the one that wraps the ring', { skip }, async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, wish(tpm))
  const { home } = custody
  await custody.close()
  const kek = JSON.parse(fileOf(folder, /^kek-/).text) as { keys: { id: string; public: string; private: string }[] }
  const [key] = kek.keys
  assert.ok(key !== undefined)
  const areas = Buffer.from(key.private, 'base64')
  const length = Buffer.alloc(2)
  length.writeUInt16BE(areas.length)
  await writeFile(join(tpm.folder, 'key.pub'), Buffer.from(key.public, 'base64'))
  await writeFile(join(tpm.folder, 'key.priv'), Buffer.concat([length, areas]))
  // The storage key of the standard's template, made to stay so that the tools can use it too.
  const transport = await TpmTransport.open({ kind: 'tcp', host: '127.0.0.1', port: tpm.port })
  const template = ECC_STORAGE_TEMPLATE
  const { handle } = await transport.execute(createPrimary({ hierarchy: HIERARCHY.owner, template }))
  await transport.execute(evictControl({ object: handle, persistent: 0x8100_0001 }))
  await transport.execute(flushContext(handle))
  await transport.close()
  await tpm.tools('tpm2_load -C 0x81000001 -u key.pub -r key.priv -c key.ctx', 'tpm2_unseal -c key.ctx -o key.bin')
  const ring = JSON.parse(fileOf(folder, /^ring/).text) as { id: string; root: string }
  const context = `holdfast kek 1|${home.id}|${key.id}|holdfast key ring 1|${ring.id}`
  const wrapped = Buffer.from(ring.root, 'base64').subarray(4)
  const opened = openBytes(await readFile(join(tpm.folder, 'key.bin')), wrapped, context)
  assert.equal(opened?.length, 32)
})

test('another TPM, and none, do not open it', { skip }, async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, wish(tpm))
  await custody.close()
  const other = await SoftwareTpm.start(join(root, 'two'))
  const { text } = fileOf(folder, /^homes/)
  folder.plant('homes.json', Buffer.from(text.replace(String(tpm.port), String(other.port))))
  await assert.rejects(
    open(folder),
    (error) => error instanceof KeyError && error.code === 'refused' && /another TPM/.test(error.message),
  )
  await other.stop()
  await assert.rejects(open(folder), (error) => error instanceof KeyError && error.code === 'unavailable')
})

test('sealed to registers it opens only while they are as they were', { skip }, async () => {
  const folder = new MemoryFolder()
  const custody = await open(folder, wish(tpm, { pcrs: '7,16' }))
  const state = stateKey(custody)
  await custody.close()
  const again = await open(folder)
  assert.deepEqual(stateKey(again), state)
  await again.close()
  await tpm.tools(`tpm2_pcrextend 16:sha256=${'ab'.repeat(32)}`)
  await assert.rejects(
    open(folder),
    (error) => error instanceof KeyError && error.code === 'refused' && /what was booted/.test(error.message),
  )
  await tpm.tools('tpm2_pcrreset 16')
  const back = await open(folder)
  assert.deepEqual(stateKey(back), state)
  await back.close()
})
