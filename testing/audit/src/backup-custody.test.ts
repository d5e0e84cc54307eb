/**
 * Backups of hubs whose keys live elsewhere: under a passphrase, in a TPM (swtpm), in a PKCS#11 token (SoftHSM). Restored into
 * an empty folder and started, the device's key and its messages are there; what is not, is said beforehand.
 */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requireSoftHsm, SoftHsm } from '@holdfast/pkcs11/testing'
import { HubApi, HubProcess, SoftwareTpm } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { type CliAnswer, holdfast, verifyLog } from './holdfast-cli.ts'

const root = mkdtempSync(join(tmpdir(), 'holdfast-backup-custody-'))
const identity = join(root, 'key.txt')
const withAge = requireTool('age')
const hubs: HubProcess[] = []
before(() => {
  if (withAge === false) execFileSync('age-keygen', ['-o', identity], { stdio: 'ignore' })
})
after(async () => {
  await Promise.all(hubs.map((hub) => hub.end('SIGKILL')))
  rmSync(root, { recursive: true, force: true })
})

/** A data folder whose configuration says where its keys live. */
function folderWith(name: string, keys: object): string {
  const data = join(root, name)
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'config.json'), JSON.stringify({ keys }))
  return data
}

async function start(data: string): Promise<HubProcess> {
  const hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  hubs.push(hub)
  await hub.ready
  return hub
}

async function provider(data: string): Promise<unknown> {
  const { body } = await new HubApi(data).call('GET', '/api/v1/key-provider')
  return Reflect.get(Object(body), 'provider')
}

interface Kept {
  readonly file: string
  /** What the commands told. */
  readonly told: string
  readonly deviceKey: string
  readonly logKey: string
}

/** A hub with a device, backed up and stopped. */
async function backedUp(data: string): Promise<Kept> {
  const hub = await start(data)
  const deviceKey = await new HubApi(data).createDevice('pump')
  const { key: logKey } = await verifyLog(data)
  const recipient = execFileSync('age-keygen', ['-y', identity], { encoding: 'utf8' }).trim()
  const file = `${data}.tar.age`
  const { exit, out, err } = await holdfast(data, 'backup', 'create', '--to', file, '--recipient', recipient)
  assert.equal(exit, 0, err)
  await hub.end('SIGTERM')
  return { file, told: out, deviceKey, logKey }
}

function restore({ file, logKey }: Kept, into: string): Promise<CliAnswer> {
  return holdfast(into, 'restore', file, '--data', into, '--identity', identity, '--log-key', logKey)
}

/** The restored hub has what was backed up, and its keys are in their home again, and not beside the data. */
async function isWhole(into: string, { deviceKey, logKey }: Kept, kind: string): Promise<void> {
  const hub = await start(into)
  assert.equal(await new HubApi(into).keyOf('pump'), deviceKey)
  assert.equal(await provider(into), kind)
  assert.equal(existsSync(join(into, 'keys/kek.json')), false, readdirSync(join(into, 'keys')).join(' '))
  assert.ok((await verifyLog(into, '--key', logKey)).isGood)
  await hub.end('SIGTERM')
}

test('keys under a passphrase: after a restore the first start puts them under it again; its file is to be there', {
  skip: withAge,
}, async () => {
  const passphraseFile = join(root, 'passphrase')
  const passphrase = randomBytes(24).toString('base64')
  writeFileSync(passphraseFile, passphrase, { mode: 0o600 })
  const data = folderWith('passphrase-hub', { provider: 'passphrase', passphraseFile })
  const kept = await backedUp(data)
  const into = join(root, 'passphrase-restored')
  const restored = await restore(kept, into)
  assert.equal(restored.exit, 0, restored.err)
  assert.match(restored.out, /kept in passphrase and is in a file now/)
  rmSync(passphraseFile)
  // Without it the hub serves its devices, and says what it lacks.
  const without = await start(into)
  assert.equal(await new HubApi(into).keyOf('pump'), kept.deviceKey)
  assert.equal(await provider(into), 'file')
  assert.match(JSON.stringify((await new HubApi(into).status()).notices), /passphrase/)
  await without.end('SIGTERM')
  writeFileSync(passphraseFile, passphrase, { mode: 0o600 })
  await isWhole(into, kept, 'passphrase')
})

test('keys in a TPM: the backup is restored beside another TPM, and the keys move into that', {
  skip: withAge || requireTool('swtpm'),
}, async () => {
  const first = await SoftwareTpm.start(join(root, 'tpm-one'))
  const second = await SoftwareTpm.start(join(root, 'tpm-two'))
  try {
    const data = folderWith('tpm-hub', { provider: 'tpm', tpm: `127.0.0.1:${first.port}` })
    const kept = await backedUp(data)
    await first.stop()
    const into = join(root, 'tpm-restored')
    const restored = await restore(kept, into)
    assert.equal(restored.exit, 0, restored.err)
    assert.match(restored.out, /kept in tpm and is in a file now/)
    writeFileSync(
      join(into, 'config.json'),
      JSON.stringify({ keys: { provider: 'tpm', tpm: `127.0.0.1:${second.port}` } }),
    )
    await isWhole(into, kept, 'tpm')
  } finally {
    await Promise.all([first.stop(), second.stop()])
  }
})

const withToken = withAge || requireSoftHsm()

test('keys in a token: data comes back; the key of the authority stays in the token, which is said before and after', {
  skip: withToken,
}, async () => {
  const hsm = SoftHsm.make()
  try {
    const pinFile = join(root, 'pin')
    writeFileSync(pinFile, hsm.pin, { mode: 0o600 })
    const keys = { provider: 'pkcs11', module: hsm.module, token: hsm.token, pinFile }
    const kept = await backedUp(folderWith('token-hub', keys))
    assert.match(kept.told, /not in it: keys of the authority that were made in the token/)
    const into = join(root, 'token-restored')
    const restored = await restore(kept, into)
    assert.equal(restored.exit, 0, restored.err)
    assert.match(restored.out, /not in it {2}the key of the authority ca\/issuing\.json: it is in the token pkcs11:/)
    await isWhole(into, kept, 'pkcs11')
    // On a machine without that token: the data is there, and what to do was said.
    const elsewhere = join(root, 'token-elsewhere')
    assert.equal((await restore(kept, elsewhere)).exit, 0)
    writeFileSync(join(elsewhere, 'config.json'), '{}')
    rmSync(pinFile)
    const hub = await start(elsewhere)
    assert.equal(await new HubApi(elsewhere).keyOf('pump'), kept.deviceKey)
    assert.equal(await provider(elsewhere), 'file')
    // The root's key is in the backup: a new root vouched for by it has an issuing authority of its own.
    const secret = join(root, 'root-passphrase')
    writeFileSync(secret, randomBytes(24).toString('base64'), { mode: 0o600 })
    const rolled = await holdfast(elsewhere, 'ca', 'rollover', 'begin', '--passphrase-file', secret)
    assert.equal(rolled.exit, 0, rolled.err)
    const ca = join(elsewhere, 'ca')
    const issuers = readdirSync(ca).filter((name) => /^issuing(?:-\d+)?\.json$/.test(name))
    assert.ok(
      issuers.some((name) => !readFileSync(join(ca, name), 'utf8').includes('pkcs11:')),
      issuers.join(' '),
    )
    await hub.end('SIGTERM')
  } finally {
    hsm.remove()
  }
})
