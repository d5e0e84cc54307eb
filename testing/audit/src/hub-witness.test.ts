/** A hub and its witnesses, each a process: what is cosigned, what a copy of the hub's folder comes to, and what is told. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freePort, HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast, verifyLog } from './holdfast-cli.ts'
import { requirePython, verifyIndependently } from './independent-verifier.ts'
import { WitnessProcess, type WitnessReady } from './witness-process.ts'

const skip = requirePython() || requireTool('curl')
const folder = await mkdtemp(join(tmpdir(), 'hub-witness-'))
after(() => rm(folder, { recursive: true, force: true }))

/** How long the hub may take to bring a checkpoint, in milliseconds: it does so every ten seconds. */
const BROUGHT_MS = 60_000

interface Shown {
  readonly name: string
  readonly state: string
  readonly reason?: string
  readonly cosignedSize?: number
  readonly behind: number
}

async function start(data: string): Promise<{ hub: HubProcess; ready: Ready; api: HubApi }> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  return { hub, ready: await hub.ready, api: new HubApi(data) }
}

async function makeDevice(api: HubApi, deviceId: string): Promise<void> {
  assert.equal((await api.call('POST', '/api/v1/devices', { deviceId, auth: 'sas' })).status, 201)
}

async function addWitness(data: string, name: string, { ready }: WitnessProcess): Promise<void> {
  const { exit, err } = await holdfast(data, 'audit', 'witness', 'add', name, ...witnessArguments(ready), '--private')
  assert.equal(exit, 0, err)
}

function witnessArguments({ url, vkey, caFile }: WitnessReady): readonly string[] {
  return ['--witness', url, '--witness-key', vkey, '--witness-ca', caFile]
}

async function witnessesOf(data: string): Promise<readonly Shown[]> {
  const { out } = await holdfast(data, 'audit', 'witness', 'list', '--json')
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown)
}

async function until<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const end = Date.now() + BROUGHT_MS
  for (;;) {
    const value = await ask()
    if (isSo(value)) return value
    if (Date.now() > end) assert.fail(`not in time: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function curl(caFile: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('curl', ['-sSf', '--cacert', caFile, url], (error, out) => {
      if (error === null) resolve(out)
      else reject(new Error('curl failed', { cause: error }))
    })
  })
}

test('checkpoints are cosigned, served so, and a copy of the folder that goes on is found out', { skip }, async () => {
  const data = join(folder, 'hub')
  const first = await start(data)
  const key = (await holdfast(data, 'audit', 'key')).out.trim()
  const witness = await WitnessProcess.start(join(folder, 'witness'), [key])
  await makeDevice(first.api, 'pump-1')
  await addWitness(data, 'vault', witness)
  const [shown] = await until(
    () => witnessesOf(data),
    ([one]) => one?.state === 'current',
  )
  assert.ok((shown?.cosignedSize ?? 0) > 0)

  // Served to everybody, and verified by who shares nothing with us.
  const url = `https://localhost:${first.ready.httpsPort}/tlog`
  await until(
    () => curl(first.ready.caFile, `${url}/checkpoint`),
    (text) => text.includes('\n— localhost '),
  )
  const trusted = ['--ca', first.ready.caFile, '--key', key, '--witness-key', witness.ready.vkey]
  const theirs = await verifyIndependently('tlog', url, ...trusted)
  assert.equal(theirs.good, true, theirs.refused ?? '')
  assert.ok(theirs.types?.includes('identity.created'))
  assert.ok(theirs.types?.includes('witness.added'))

  const asked = ['--key', key, ...witnessArguments(witness.ready)]
  const verdict = await verifyLog(data, ...asked)
  assert.deepEqual(verdict.findings, [])
  assert.equal(verdict.cosignatures[0]?.witness, 'localhost')

  // The folder is copied while it stands still; then both go on.
  await first.hub.end('SIGTERM')
  const copy = join(folder, 'copy')
  await cp(data, copy, { recursive: true })
  const again = await start(data)
  await makeDevice(again.api, 'pump-2')
  const before = shown?.cosignedSize ?? 0
  await until(
    () => witnessesOf(data),
    ([one]) => one?.state === 'current' && (one.cosignedSize ?? 0) > before && one.behind === 0,
  )
  await again.hub.end('SIGTERM')

  const second = await start(copy)
  for (let at = 0; at < 20; at += 1) await makeDevice(second.api, `other-${at}`)
  const [forked] = await until(
    () => witnessesOf(copy),
    ([one]) => one?.state === 'forked',
  )
  assert.ok((forked?.reason ?? '').length > 0)
  const { body } = await second.api.ready()
  assert.match(JSON.stringify(body), /audit-forked/)
  const broken = await verifyLog(copy, ...asked)
  assert.equal(broken.findings[0]?.kind, 'forked', JSON.stringify(broken.findings))
  assert.match(broken.findings[0].text, /witness localhost/)
  const told = await holdfast(copy, 'audit', 'verify', ...asked)
  assert.equal(told.exit, 1)
  assert.match(told.err, /^holdfast: the log does not hold: [^\n]+\n$/)
  await second.hub.end('SIGTERM')
  await witness.stop()
})

test('two witnesses that were shown two histories are told apart by name', { skip }, async () => {
  const data = join(folder, 'two')
  const first = await start(data)
  const key = (await holdfast(data, 'audit', 'key')).out.trim()
  await first.hub.end('SIGTERM')
  const copy = join(folder, 'two-copy')
  await cp(data, copy, { recursive: true })
  const shown: { readonly witness: WitnessProcess; readonly size: number }[] = []
  for (const [at, one] of [data, copy].entries()) {
    const { hub, api } = await start(one)
    const witness = await WitnessProcess.start(join(folder, `witness-${at}`), [key])
    await makeDevice(api, `pump-${at}`)
    await addWitness(one, 'vault', witness)
    const [state] = await until(
      () => witnessesOf(one),
      ([last]) => last?.state === 'current' && last.behind === 0,
    )
    shown.push({ witness, size: state?.cosignedSize ?? 0 })
    await hub.end('SIGTERM')
  }
  const { hub } = await start(data)
  const asked = shown.flatMap(({ witness: { ready } }) => witnessArguments(ready))
  const { findings } = await verifyLog(data, '--key', key, ...asked)
  assert.equal(findings[0]?.kind, 'forked', JSON.stringify(findings))
  await hub.end('SIGTERM')
  for (const { witness } of shown) await witness.stop()
})
