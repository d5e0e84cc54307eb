/** Custody of a running hub's keys, seen from outside: moved between homes, interrupted by SIGKILL, shredded. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireSoftHsm, SoftHsm } from '@holdfast/pkcs11/testing'
import { HubApi, HubProcess } from '@holdfast/testing-hub'

const withToken = requireSoftHsm()
let hsm: SoftHsm | undefined
before(() => {
  if (withToken === false) hsm = SoftHsm.make()
})
after(() => hsm?.remove())

interface Place {
  readonly root: string
  readonly data: string
  readonly passphraseFile: string
  readonly api: HubApi
  start(...options: readonly string[]): HubProcess
}

async function inPlace(use: (place: Place) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-custody-'))
  const data = join(root, 'data')
  const passphraseFile = join(root, 'passphrase')
  writeFileSync(passphraseFile, randomBytes(24).toString('base64'), { mode: 0o600 })
  const started: HubProcess[] = []
  const start = (...options: readonly string[]): HubProcess => {
    const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0, options })
    started.push(hub)
    return hub
  }
  try {
    await use({ root, data, passphraseFile, api: new HubApi(data), start })
  } finally {
    for (const hub of started) if (!hub.hasExited) await hub.end('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  }
}

const keyFiles = (data: string): readonly string[] =>
  readdirSync(join(data, 'keys'))
    .filter((name) => !name.endsWith('.new'))
    .sort()

async function provider(api: HubApi): Promise<string> {
  const { body } = await api.call('GET', '/api/v1/key-provider')
  const kind: unknown = Reflect.get(Object(body), 'provider')
  return typeof kind === 'string' ? kind : ''
}

test('keys move to a passphrase while devices are served; without it the hub does not start, and says what it needs', async () => {
  await inPlace(async ({ data, passphraseFile, api, start }) => {
    let hub = start()
    await hub.ready
    const key = await api.createDevice('pump')
    const notices = async (): Promise<readonly string[]> => (await api.status()).notices.map(({ code }) => code)
    assert.ok((await notices()).includes('keys-beside-data'))
    assert.match(hub.text, /notice: the key-encryption key lies in a file beside the data/)
    const secret = Buffer.from(readFileSync(passphraseFile)).toString('base64')
    assert.equal((await api.call('POST', '/api/v1/key-provider', { provider: 'passphrase', secret })).status, 200)
    assert.ok(!(await notices()).includes('keys-beside-data'))
    assert.equal(await api.keyOf('pump'), key)
    assert.ok(!keyFiles(data).includes('kek.json'))
    await hub.end('SIGTERM')
    hub = start()
    assert.equal((await hub.exit).code, 1)
    assert.match(hub.text, /--passphrase-file.*holdfast-passphrase.*systemd.*terminal/)
    writeFileSync(join(data, '../wrong'), 'not the passphrase', { mode: 0o600 })
    hub = start('--passphrase-file', join(data, '../wrong'))
    assert.equal((await hub.exit).code, 1)
    assert.match(hub.text, /the passphrase is not the one/)
    assert.ok(!hub.text.includes('not the passphrase'))
    hub = start('--passphrase-file', passphraseFile)
    await hub.ready
    assert.equal(await api.keyOf('pump'), key)
  })
})

test('a hub that is killed while its keys move has them all at the next start, and one home', async () => {
  await inPlace(async ({ data, passphraseFile, api, start }) => {
    let hub = start('--passphrase-file', passphraseFile)
    await hub.ready
    const key = await api.createDevice('pump')
    for (const milliseconds of [20, 120, 350]) {
      const target =
        (await provider(api)) === 'file' ? { provider: 'passphrase', passphraseFile } : { provider: 'file' }
      // It may be answered, or die with the hub.
      const moving = api.call('POST', '/api/v1/key-provider', target).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, milliseconds))
      await hub.end('SIGKILL')
      await moving
      hub = start('--passphrase-file', passphraseFile)
      await hub.ready
      assert.equal(await api.keyOf('pump'), key, `killed after ${milliseconds} ms`)
      assert.equal(keyFiles(data).filter((name) => name.startsWith('kek')).length, 1, `killed after ${milliseconds} ms`)
    }
  })
})

test('keys in a token: the hub outlives the process of the token, and starts with the PIN from its file', {
  skip: withToken,
}, async () => {
  assert.ok(hsm !== undefined)
  const { module, token, pin } = hsm
  await inPlace(async ({ root, data, api, start }) => {
    const pinFile = join(root, 'pin')
    writeFileSync(pinFile, pin, { mode: 0o600 })
    // Chosen by the configuration, at the first start: no key-encryption key was ever in a file.
    const config = join(root, 'config.json')
    writeFileSync(config, JSON.stringify({ keys: { provider: 'pkcs11', module, token, pinFile } }))
    let hub = start('--config', config)
    await hub.ready
    const key = await api.createDevice('pump')
    assert.equal(await provider(api), 'pkcs11')
    assert.ok(!keyFiles(data).includes('kek.json'))
    const child = readdirSync('/proc').find((name) => {
      try {
        const isOurs = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(hub.pid)
        return isOurs && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('token-child')
      } catch {
        return false
      }
    })
    process.kill(Number(child), 'SIGSEGV')
    await new Promise((resolve) => setTimeout(resolve, 600))
    assert.equal(await api.keyOf('pump'), key, 'the hub goes on')
    assert.equal((await api.call('POST', '/api/v1/key-provider/rotate')).status, 200, 'and has the token again')
    const refused = await api.call('POST', '/api/v1/key-provider', { provider: 'file' })
    assert.equal(refused.status, 409, 'a command does not argue with the configuration')
    await hub.end('SIGTERM')
    hub = start('--config', config)
    await hub.ready
    assert.equal(await api.keyOf('pump'), key)
    await hub.end('SIGTERM')
    // The configuration changes its mind: the keys move at the start.
    writeFileSync(config, JSON.stringify({ keys: { provider: 'file' } }))
    hub = start('--config', config)
    await hub.ready
    assert.equal(await provider(api), 'file')
    assert.equal(await api.keyOf('pump'), key)
    assert.doesNotMatch((await hsm?.tool('--list-objects')) ?? '', /holdfast kek/)
  })
})

test('of a shredded device nothing is left, and the keys of now open no older copy of the database', async () => {
  await inPlace(async ({ root, data, api, start }) => {
    let hub = start()
    await hub.ready
    const gone = 'sensor-that-goes-for-good'
    await api.createDevice(gone)
    const kept = await api.createDevice('stays')
    const sent = await api.call('POST', `/api/v1/devices/${gone}/messages`, { body: 'for its eyes only' })
    assert.equal(sent.status, 201)
    await hub.end('SIGTERM')
    const copy = join(root, 'copy')
    cpSync(data, copy, { recursive: true })
    assert.ok(readFileSync(join(copy, 'state.db')).includes(gone), 'before, it is there to be found')
    hub = start()
    await hub.ready
    assert.equal((await api.call('POST', '/api/v1/devices/none/shred', {})).status, 404)
    const done = await api.call('POST', `/api/v1/devices/${gone}/shred`, {})
    assert.equal(done.status, 200, JSON.stringify(done.body))
    assert.equal((await api.call('GET', `/api/v1/devices/${gone}`)).status, 404)
    assert.equal(await api.keyOf('stays'), kept)
    // Again, to finish what an interruption might have left.
    assert.equal((await api.call('POST', `/api/v1/devices/${gone}/shred`, { finish: true })).status, 200)
    // The log of acts goes on in the same files: what they hold of the device is in sealed bodies.
    for (const name of ['state.db', 'state.db-wal']) {
      assert.ok(!readFileSync(join(data, name)).includes(gone), `${name} names the device`)
    }
    assert.ok(hub.lines.some(({ event }) => event === 'identity.shredded'))
    await hub.end('SIGTERM')
    hub = start()
    await hub.ready
    assert.equal(await api.keyOf('stays'), kept)
    await hub.end('SIGTERM')
    // The database of before with the keys of now.
    const mixed = join(root, 'mixed')
    cpSync(data, mixed, { recursive: true })
    cpSync(join(copy, 'state.db'), join(mixed, 'state.db'))
    const old = HubProcess.launch({ data: mixed, mqttPort: 0, httpsPort: 0 })
    assert.equal((await old.exit).code, 1)
    assert.match(old.text, /sealed with state keys the key ring does not hold/)
  })
})
