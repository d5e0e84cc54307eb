import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Device, freePort, HubApi, HubProcess, NumberedMessages, type Sender, Witness } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { until } from './stage.ts'

const DISK_MIB = 24
const DEVICES = 4

/** Mounting takes root; where we are not, the test is skipped by name, and under CI that is a failure. */
function requireRoot(): string | false {
  if (process.getuid?.() === 0) return requireTool('mount')
  const reason = 'mounting a small file system takes root'
  if (process.env['CI'] === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}

test('a full disk: publishing stops and the hub says so; nothing acknowledged is lost; it resumes when there is room', {
  skip: requireRoot(),
}, async (context) => {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=700`, 'holdfast-test', data])
  context.after(() => {
    execFileSync('umount', ['-l', data])
    rmdirSync(data)
  })
  const start = { data, mqttPort: await freePort(), httpsPort: await freePort() }
  let hub = HubProcess.launch(start)
  context.after(() => hub.end('SIGKILL'))
  const { hostname, mqttPort, caFile } = await hub.ready
  const api = new HubApi(data)
  const server = { port: mqttPort, hostname, authority: readFileSync(caFile, 'utf8') }
  const senders: Sender[] = []
  const devices: Device[] = []
  context.after(() => {
    for (const device of devices) device.stop()
  })
  for (let index = 0; index < DEVICES; index++) {
    const id = `device-${index}`
    const messages = new NumberedMessages(4, id)
    const key = await api.createDevice(id)
    const device = new Device({
      id,
      key,
      server,
      inflightMax: 10,
      gapMs: 5,
      message: (number) => messages.message(number),
    })
    devices.push(device)
    senders.push({
      id,
      messages,
      get sent() {
        return device.sent
      },
      get acknowledged() {
        return device.acknowledged
      },
    })
    device.start()
  }
  const acknowledged = (): number => devices.reduce((sum, device) => sum + device.acknowledged.size, 0)
  await until(() => acknowledged() > 100, 'service before')
  const filler = join(data, 'filler')

  await context.test(
    'full: no acknowledgement, a condition, /health/ready 503, an event; reading goes on',
    async () => {
      fill(filler)
      let last = -1
      for (let tries = 0; last !== acknowledged(); tries++) {
        assert.ok(tries < 40, 'acknowledgements stop')
        last = acknowledged()
        await sleep(500)
      }
      await until(() => hub.lines.some(({ event }) => event === 'store.unavailable'), 'the event')
      const { conditions } = await api.status()
      assert.ok(
        conditions.some(({ detail }) => /full|no space/i.test(detail)),
        JSON.stringify(conditions),
      )
      assert.equal((await api.ready()).status, 503)
      const witness = new Witness(senders)
      await witness.read(api)
      assert.deepEqual(witness.violations, [])
      // What cannot be written by command is refused, not lost.
      const created = await api.call('POST', '/api/v1/devices', { deviceId: 'late', auth: 'sas' })
      context.diagnostic(`creating a device: ${created.status} ${JSON.stringify(created.body)}`)
      assert.ok(created.status === 201 || created.status === 503 || created.status === 507, `${created.status}`)
      assert.ok(hub.lines.length < 200, `${hub.lines.length} lines in the log`)
    },
  )

  await context.test('killed while full: it starts, or says that there is no room; nothing is lost', async () => {
    await hub.end('SIGKILL')
    hub = HubProcess.launch(start)
    const end = await Promise.race([hub.ready.then(() => 'ready'), hub.exit])
    context.diagnostic(`started on a full disk: ${JSON.stringify(end)} ${hub.text.slice(-600)}`)
    if (end === 'ready') return
    assert.deepEqual(end, { code: 1, signal: null })
    assert.match(hub.text, /full|room|space/i)
  })

  await context.test('room again: service resumes by itself, and everything acknowledged is there', async () => {
    const before = acknowledged()
    rmSync(filler)
    if (hub.hasExited) {
      hub = HubProcess.launch(start)
      await hub.ready
    }
    await until(() => acknowledged() > before + 100, 'service after', 30_000)
    const end = performance.now() + 10_000
    while ((await api.ready()).status !== 200) {
      assert.ok(performance.now() < end, JSON.stringify((await api.status()).conditions))
      await sleep(200)
    }
    for (const device of devices) device.stopSending()
    await until(() => devices.every((device) => device.unacknowledged === 0), 'all acknowledged')
    const witness = new Witness(senders)
    await witness.read(api)
    await witness.readByDevice(api)
    assert.deepEqual(witness.violations, [])
    assert.deepEqual(await hub.end('SIGTERM'), { code: 0, signal: null })
  })
})

/** Takes all the room there is. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const size of [65_536, 4_096, 1]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(size, 1))
      } catch {
        // Full to within `size`.
      }
    }
  } finally {
    closeSync(file)
  }
}
