/** Stored telemetry is in the audit log: shown with a hub that is killed, and with digests made by Python from the file alone. */

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { Device, freePort, HubApi, HubProcess, NumberedMessages } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast } from './holdfast-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-digests-'))
const data = join(folder, 'hub')
const skip = requireTool('python3') || requireTool('curl')
let hub: HubProcess | undefined
after(async () => {
  await hub?.end('SIGKILL')
  rmSync(folder, { recursive: true })
})

/** Of each segment in use: partition, first and last sequence number, digest. */
const SEGMENTS = `
import sqlite3, hashlib, json, sys
db = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True)
found = []
for segment, partition, first, end in db.execute('SELECT id, partition, first_sequence, next_sequence FROM segment WHERE state = 1').fetchall():
    pages = db.execute('SELECT sealed FROM page WHERE segment = ? ORDER BY id', (segment,)).fetchall()
    digest = hashlib.sha256(b''.join(hashlib.sha256(sealed).digest() for (sealed,) in pages)).hexdigest()
    found.append('%d %d-%d %s' % (partition, first, end - 1, digest))
print(json.dumps(found))
`

/** Changes one byte of one page. */
const FLIP = `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
page, sealed = db.execute('SELECT id, sealed FROM page ORDER BY id DESC LIMIT 1').fetchone()
changed = bytearray(sealed)
changed[len(changed) // 2] ^= 1
db.execute('UPDATE page SET sealed = ? WHERE id = ?', (bytes(changed), page))
db.commit()
`

interface EventJson {
  readonly type: string
  readonly subject: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** What the log says was paged, as `SEGMENTS` has it. */
async function paged(): Promise<readonly string[]> {
  const given = ['-sSf', '--unix-socket', join(data, 'hub.sock'), 'http://localhost/api/v1/events?limit=1000']
  const { stdout } = await promisify(execFile)('curl', given, { maxBuffer: 16 * 1024 * 1024 })
  return stdout
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as EventJson]))
    .filter(({ type }) => type === 'telemetry.paged')
    .map(({ subject, detail }) => {
      const { firstSequence, lastSequence, sha256 } = detail
      return `${subject.slice('partition/'.length)} ${String(firstSequence)}-${String(lastSequence)} ${String(sha256)}`
    })
}

async function until<T>(ask: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries++) {
    const value = await ask()
    if (isSo(value)) return value
    if (tries > 100) assert.fail(`not in time: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function start(): Promise<HubProcess> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  await hub.ready
  return hub
}

test('what is paged is in the log, once or twice and never not at all, whenever the hub is killed', {
  skip,
}, async () => {
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'config.json'), JSON.stringify({ regroupMinutes: 0.01 }))
  hub = await start()
  const api = new HubApi(data)
  const key = await api.createDevice('pump')
  for (let round = 0; round < 3; round++) {
    const { caFile, hostname, mqttPort } = await hub.ready
    const numbered = new NumberedMessages(1, 'pump')
    const device = new Device({
      id: 'pump',
      key,
      server: { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') },
      inflightMax: 50,
      gapMs: 0,
      message: (number) => numbered.message(number),
    })
    const before = (await paged()).length
    device.start()
    await until(
      async () => device.acknowledged.size,
      (count) => count > 200,
    )
    await until(
      () => paged(),
      (told) => told.length > before,
    )
    // In the middle of sending, of regrouping and of telling.
    await hub.end('SIGKILL')
    device.stop()
    hub = await start()
  }
  const segments = JSON.parse(
    execFileSync('python3', ['-c', SEGMENTS, join(data, 'history.db')], { encoding: 'utf8' }),
  ) as readonly string[]
  assert.ok(segments.length > 0)
  const told = await until(
    () => paged(),
    (all) => segments.every((segment) => all.includes(segment)),
  )
  // At least once: of what was told a kill repeats a little.
  assert.ok(told.length >= new Set(told).size)
  assert.ok(told.length <= 2 * new Set(told).size)
  const good = await holdfast(data, 'messages', 'verify')
  assert.equal(good.exit, 0, good.err)
  assert.deepEqual(await hub.end('SIGTERM'), { code: 0, signal: null })

  execFileSync('python3', ['-c', FLIP, join(data, 'history.db')])
  hub = await start()
  const bad = await holdfast(data, 'messages', 'verify')
  assert.equal(bad.exit, 1)
  assert.match(bad.out, /^altered: partition \d+, sequence \d+ to \d+: page \d+ is not what was written$/m)
  await hub.end('SIGTERM')
})
