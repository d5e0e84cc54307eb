/** The timeline of a device, from the log of a hub as a process. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { TimelineApi } from '@holdfast/api'
import { freePort, HubApi, HubProcess } from '@holdfast/testing-hub'
import { holdfast } from './holdfast-cli.ts'

const folder = await mkdtemp(join(tmpdir(), 'timeline-'))
after(() => rm(folder, { recursive: true, force: true }))

async function timeline(data: string, ...args: readonly string[]): Promise<TimelineApi.Timeline> {
  const { exit, out, err } = await holdfast(data, 'device', 'timeline', 'pump-1', '--json', ...args)
  assert.equal(exit, 0, err)
  return JSON.parse(out) as TimelineApi.Timeline
}

test('what a device was is told for any moment, also when it is gone', async () => {
  const data = join(folder, 'data')
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  await hub.ready
  const api = new HubApi(data)
  try {
    await api.createDevice('pump-1')
    const quarantine = await holdfast(data, 'quarantine', 'add', 'pump-1', '--reason', 'it hums')
    assert.equal(quarantine.exit, 0, quarantine.err)
    const then = new Date().toISOString()
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal((await api.call('DELETE', '/api/v1/devices/pump-1')).status, 200)

    const now = await timeline(data)
    assert.equal(now.state.exists, false)
    assert.equal(now.entries.at(-1)?.type, 'identity.deleted')
    const before = await timeline(data, '--as-of', then)
    assert.equal(before.state.exists, true)
    assert.equal(before.state.status, 'enabled')
    assert.equal(before.state.quarantine?.value, 'it hums')
    assert.deepEqual(
      before.entries.map(({ type }) => type),
      now.entries.slice(0, before.entries.length).map(({ type }) => type),
    )
    assert.ok(before.entries.every(({ subject }) => subject?.startsWith('device/pump-1')))
    const none = await timeline(data, '--as-of', '2020-01-01')
    assert.deepEqual([none.state.exists, none.entries], [false, []])
  } finally {
    await hub.end('SIGKILL')
  }
})
