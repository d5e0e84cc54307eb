/** Events on their way to others: a hub as a process, and receivers that share nothing with us. */

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ForwardingApi } from '@holdfast/api'
import { type Certificates, makeCertificates } from '@holdfast/egress/testing'
import { freePort, HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { holdfast } from './holdfast-cli.ts'
import { opensslSignature, Receiver } from './receiver.ts'
import { requireRsyslog, Rsyslog, type SyslogLine } from './rsyslog.ts'

const skip = requireTool('openssl')
const folder = await mkdtemp(join(tmpdir(), 'forwarding-'))
let certificates: Certificates
before(() => {
  if (skip === false) certificates = makeCertificates()
})
const started: HubProcess[] = []
const receivers: { stop(): Promise<void> }[] = []
after(async () => {
  // Those that a failed test has left.
  for (const hub of started) await hub.end('SIGKILL')
  for (const receiver of receivers) await receiver.stop()
  if (skip === false) certificates.end()
  await rm(folder, { recursive: true, force: true })
})

/** How long something may take until it has come, in milliseconds: back-off and a busy machine. */
const COME_MS = 60_000

async function until<T>(ask: () => Promise<T> | T, isSo: (value: T) => boolean): Promise<T> {
  const end = Date.now() + COME_MS
  for (;;) {
    const value = await ask()
    if (isSo(value)) return value
    if (Date.now() > end) assert.fail(`not in time: ${JSON.stringify(value).slice(0, 4_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

interface Running {
  readonly data: string
  readonly hub: HubProcess
  readonly api: HubApi
}

async function start(data: string): Promise<Running> {
  const hub = HubProcess.launch({ data, mqttPort: await freePort(), httpsPort: await freePort() })
  started.push(hub)
  await hub.ready
  return { data, hub, api: new HubApi(data) }
}

async function makeDevices(api: HubApi, prefix: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) await api.createDevice(`${prefix}-${at}`)
}

async function run(data: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { exit, out, err } = await holdfast(data, 'audit', 'sink', ...args, '--json')
  assert.equal(exit, 0, err)
  return out === '' ? {} : (JSON.parse(out) as Record<string, unknown>)
}

async function show(api: HubApi, name: string): Promise<ForwardingApi.Sink> {
  const { status, body } = await api.call('GET', `/api/v1/audit/sinks/${name}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as ForwardingApi.Sink
}

interface SentEntry {
  readonly index: number
  readonly type: string
  readonly time: string
  readonly subject?: string
}

function entriesOf(receiver: Receiver): readonly SentEntry[] {
  return receiver.received.flatMap(
    ({ body }) => (JSON.parse(body.toString('utf8')) as { data: { entries: SentEntry[] } }).data.entries,
  )
}

/** Nothing skipped, and in order, as far as each came for the first time. */
function checkOrder(indexes: readonly number[], first: number): void {
  const seen = [...new Set(indexes)]
  assert.deepEqual(
    seen,
    seen.map((_, at) => first + at),
  )
}

test('rsyslog takes the log over TLS, field by field as RFC 5424 has it', {
  skip: skip || requireRsyslog(),
}, async () => {
  const own = join(folder, 'syslog')
  mkdirSync(own)
  const rsyslog = await Rsyslog.start(own, { port: await freePort(), certificates })
  receivers.push(rsyslog)
  const first = await start(join(own, 'data'))
  const { data, api } = first
  const { client } = certificates
  const to = `syslog://localhost:${rsyslog.port}`
  const trust = ['--sink-ca', join(certificates.folder, 'ca.pem'), '--cert', client.certificateFile]
  await run(data, 'add', 'logs', '--to', to, '--from-start', ...trust, '--cert-key', client.keyFile)

  // Its address is one of the hub's own network: nothing goes there before somebody who may has said so.
  const held = await until(
    () => show(api, 'logs'),
    ({ failures }) => failures > 0,
  )
  assert.match(held.reason ?? '', /hub's own network/)
  assert.equal(rsyslog.received.length, 0)
  await run(data, 'allow-private', 'logs')

  await makeDevices(api, 'pump', 3)
  const created = await until(
    () => rsyslog.received.filter(({ msgid }) => msgid === 'identity.created'),
    ({ length }) => length === 3,
  )
  checkMessage(created[0])
  checkOrder(rsyslog.received.map(indexOf), 0)

  // What happened while it was away comes when it is back, also past a power cut.
  await rsyslog.stop()
  await makeDevices(api, 'valve', 20)
  await first.hub.end('SIGKILL')
  const again = await start(data)
  await rsyslog.run()
  await until(
    () => rsyslog.received.filter(({ msg }) => msg.includes('device/valve-')),
    ({ length }) => length >= 20,
  )
  checkOrder(rsyslog.received.map(indexOf), 0)
  const shown = await until(
    () => show(again.api, 'logs'),
    ({ state }) => state === 'current',
  )
  assert.equal(shown.backlog, 0)
  assert.equal(shown.setAside, 0)
  await again.hub.end('SIGTERM')
})

function indexOf({ sd }: SyslogLine): number {
  return Number(/ index="(\d+)"/.exec(sd)?.[1])
}

function checkMessage(line: SyslogLine | undefined): void {
  assert.ok(line !== undefined)
  // Facility 13 (log audit), severity 6.
  assert.equal(line.pri, String(13 * 8 + 6))
  assert.equal(line.version, '1')
  assert.match(line.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|\+00:00)$/)
  assert.equal(line.hostname, 'localhost')
  assert.equal(line.app, 'holdfast')
  assert.equal(line.procid, '-')
  assert.equal(line.msgid, 'identity.created')
  assert.match(
    line.sd,
    /^\[holdfast@32473 index="\d+" type="identity\.created" version="\d+" subject="device\/pump-0" actor="operator\/local"/,
  )
  assert.ok(line.msg.startsWith('\ufeff{'), 'UTF-8 begins with its mark (RFC 5424 §6.4)')
  const entry = JSON.parse(line.msg.slice(1)) as SentEntry
  assert.equal(entry.subject, 'device/pump-0')
  assert.equal(new Date(line.timestamp).getTime(), Date.parse(entry.time))
}

test('openssl agrees with the signatures of a webhook, also while two secrets sign', { skip }, async () => {
  const { data, api, hub } = await start(join(folder, 'hook'))
  let status = 500
  const receiver = await Receiver.start(certificates, { port: await freePort(), reply: () => ({ status }) })
  receivers.push(receiver)
  const to = `https://localhost:${receiver.port}/in?from=hub`
  const ca = ['--sink-ca', join(certificates.folder, 'ca.pem')]
  const made = await run(data, 'add', 'siem', '--to', to, ...ca, '--type', 'identity.*', '--header', 'x-key=one')
  const secret = String(made['secret'])
  assert.match(secret, /^whsec_/)
  assert.ok(!JSON.stringify(await show(api, 'siem')).includes(secret.slice(6)), 'told once')
  await run(data, 'allow-private', 'siem')
  await makeDevices(api, 'pump', 2)

  // An answer of 500 is tried again, and nothing is passed over.
  await until(
    () => show(api, 'siem'),
    ({ state }) => state === 'failing',
  )
  assert.match((await show(api, 'siem')).reason ?? '', /500/)
  status = 204
  await until(
    () => show(api, 'siem'),
    ({ state }) => state === 'current',
  )
  const one = receiver.received.at(-1)
  assert.ok(one !== undefined)
  assert.equal(one.path, '/in?from=hub')
  assert.equal(one.headers['x-key'], 'one')
  assert.equal(one.headers['webhook-signature'], opensslSignature(secret, one))
  const types = new Set(entriesOf(receiver).map(({ type }) => type))
  assert.deepEqual([...types].toSorted(), ['identity.created', 'identity.secret-disclosed'])

  const { secret: next } = await run(data, 'rotate', 'siem', '--overlap', '1h')
  await makeDevices(api, 'valve', 1)
  await until(
    () => entriesOf(receiver),
    (entries) => entries.some(({ subject }) => subject === 'device/valve-0'),
  )
  const two = receiver.received.at(-1)
  assert.ok(two !== undefined)
  const signatures = [opensslSignature(String(next), two), opensslSignature(secret, two)]
  assert.deepEqual(String(two.headers['webhook-signature']).split(' '), signatures)

  // The former one is over at once where that is asked for.
  const { secret: third } = await run(data, 'rotate', 'siem', '--overlap', '0s')
  await makeDevices(api, 'motor', 1)
  await until(
    () => entriesOf(receiver),
    (entries) => entries.some(({ subject }) => subject === 'device/motor-0'),
  )
  const last = receiver.received.at(-1)
  assert.ok(last !== undefined)
  assert.ok(
    String(last.headers['webhook-signature'])
      .split(' ')
      .includes(opensslSignature(String(third), last)),
  )
  assert.ok(!String(last.headers['webhook-signature']).includes(opensslSignature(String(next), last)))
  await hub.end('SIGTERM')
})

test('what a receiver refuses for good is set aside, told, and sent again when asked', { skip }, async () => {
  const { data, api, hub } = await start(join(folder, 'poison'))
  let isPicky = true
  const receiver = await Receiver.start(certificates, {
    port: await freePort(),
    reply: ({ body }) => ({ status: isPicky && body.includes('device/poison-0') ? 400 : 200 }),
  })
  receivers.push(receiver)
  const ca = ['--sink-ca', join(certificates.folder, 'ca.pem')]
  const to = `https://127.0.0.1:${receiver.port}/`
  await run(data, 'add', 'siem', '--to', to, ...ca, '--type', 'identity.created')
  await run(data, 'allow-private', 'siem')
  await makeDevices(api, 'good', 1)
  await makeDevices(api, 'poison', 1)
  await makeDevices(api, 'after', 1)
  await until(
    () => show(api, 'siem'),
    ({ setAside, state }) => setAside === 1 && state === 'current',
  )
  await until(
    () => hub.lines,
    (lines) => lines.some(({ event }) => event === 'sink.set-aside'),
  )
  const { body } = await api.call('GET', '/api/v1/status')
  assert.match(JSON.stringify(body), /sink-siem/)
  isPicky = false
  assert.deepEqual(await run(data, 'retry', 'siem'), { name: 'siem', taken: 1, left: 0 })
  assert.equal((await show(api, 'siem')).setAside, 0)
  const subjects = new Set(entriesOf(receiver).map(({ subject }) => subject))
  for (const name of ['good', 'poison', 'after']) assert.ok(subjects.has(`device/${name}-0`), name)
  await hub.end('SIGTERM')
})

interface AnyValue {
  readonly stringValue?: unknown
  readonly intValue?: unknown
  readonly boolValue?: unknown
}

interface LogRecord {
  readonly timeUnixNano: unknown
  readonly observedTimeUnixNano: unknown
  readonly severityNumber: unknown
  readonly severityText: unknown
  readonly eventName: unknown
  readonly body: AnyValue
  readonly attributes: readonly { readonly key: string; readonly value: AnyValue }[]
}

test('OpenTelemetry gets log records in the JSON of Protocol Buffers', { skip }, async () => {
  const { data, api, hub } = await start(join(folder, 'otlp'))
  const receiver = await Receiver.start(certificates, {
    port: await freePort(),
    reply: () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }),
  })
  receivers.push(receiver)
  const ca = ['--sink-ca', join(certificates.folder, 'ca.pem')]
  const to = `https://localhost:${receiver.port}/v1/logs`
  await run(data, 'add', 'otel', '--kind', 'otlp', '--to', to, ...ca, '--type', 'identity.created')
  await run(data, 'allow-private', 'otel')
  await makeDevices(api, 'pump', 1)
  await until(
    () => receiver.received,
    ({ length }) => length > 0,
  )
  const [{ path, headers, body } = assert.fail()] = receiver.received
  assert.equal(path, '/v1/logs')
  assert.equal(headers['content-type'], 'application/json')
  const request = JSON.parse(body.toString('utf8')) as {
    resourceLogs: [
      {
        resource: { attributes: LogRecord['attributes'] }
        scopeLogs: [{ scope: { name: string }; logRecords: [LogRecord] }]
      },
    ]
  }
  const [{ resource, scopeLogs }] = request.resourceLogs
  assert.deepEqual(resource.attributes[0], { key: 'service.name', value: { stringValue: 'holdfast' } })
  const [{ logRecords }] = scopeLogs
  const [record] = logRecords
  // fixed64 and int64 are strings there, enumerations numbers.
  assert.match(String(record.timeUnixNano), /^\d{19}$/)
  assert.equal(typeof record.timeUnixNano, 'string')
  assert.equal(typeof record.observedTimeUnixNano, 'string')
  assert.equal(record.severityNumber, 9)
  assert.equal(record.eventName, 'identity.created')
  assert.equal(record.body.stringValue, 'identity.created of device/pump-0 by operator/local')
  const index = record.attributes.find(({ key }) => key === 'holdfast.audit.index')
  assert.match(String(index?.value.intValue), /^\d+$/)
  assert.equal(typeof index?.value.intValue, 'string')
  await hub.end('SIGTERM')
})
