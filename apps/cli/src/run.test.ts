import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { World } from './command.ts'
import { parseSasToken, verifySasToken } from '@holdfast/tokens'
import { run } from './run.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly body: string
  readonly authorization: string | undefined
  readonly ifMatch: string | undefined
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'))
const seen: Seen[] = []
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined
let hub: Server

before(async () => {
  hub = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, body, authorization: headers.authorization, ifMatch: headers['if-match'] })
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => hub.listen(join(folder, 'hub.sock'), resolve))
})

after(() => {
  hub.closeAllConnections()
  hub.close()
  rmSync(folder, { recursive: true })
})

/** Runs one command line against the stand-in for the hub. */
async function holdfast(
  line: string | readonly string[],
  options: { readonly reply?: object | string; readonly status?: number; readonly world?: Partial<World> } = {},
): Promise<{ exit: number; out: string; err: string; asked: readonly Seen[] }> {
  const { reply = {}, status = 200 } = options
  answer = (_request, response) => {
    response.writeHead(status)
    response.end(typeof reply === 'string' ? reply : JSON.stringify(reply))
  }
  let out = ''
  let err = ''
  seen.length = 0
  const args = typeof line === 'string' ? line.split(' ') : line
  const exit = await run(
    args,
    {
      stdout: { write: (text) => ((out += text), true), once: () => undefined },
      stderr: { write: (text) => ((err += text), true), once: () => undefined },
      environment: { HOLDFAST_DATA: folder },
      now: () => Date.parse('2026-11-24T12:00:00Z'),
      interrupted: new AbortController().signal,
      confirm: () => Promise.resolve(undefined),
      askSecret: () => Promise.resolve(undefined),
      ...options.world,
    },
    '1.2.3',
  )
  return { exit, out, err, asked: [...seen] }
}

const pump = {
  deviceId: 'pump-1',
  generationId: '1',
  etag: 'a',
  status: 'enabled',
  auth: 'sas',
  connected: false,
  createdTime: '2026-11-24T10:00:00.000Z',
}

test('device create tells the next step, and --json gives the object alone', async () => {
  const shown = await holdfast('device create pump-1', { reply: pump, status: 201 })
  assert.equal(shown.exit, 0)
  assert.match(shown.out, /^created device pump-1 \(sas\)\nnext: holdfast device connection-string pump-1\n$/)
  assert.deepEqual(JSON.parse(shown.asked[0]?.body ?? ''), { deviceId: 'pump-1', auth: 'sas' })
  const { out } = await holdfast('device create pump-1 --json', { reply: pump, status: 201 })
  assert.deepEqual(JSON.parse(out), pump)
})

test('ids are encoded, so that none reaches another path', async () => {
  const { asked } = await holdfast(['device', 'show', '../policies?x#y'], { reply: pump })
  assert.equal(asked[0]?.url, '/api/v1/devices/..%2Fpolicies%3Fx%23y')
})

test('a twin is merged into, under its ETag if asked, and what Azure would say is told in one line', async () => {
  const twin = {
    deviceId: 'pump-1',
    etag: 'b',
    version: 3,
    tags: {},
    properties: { desired: { $version: 2 }, reported: {} },
  }
  const line = ['twin', 'update', 'pump/1', '--module', 'm', '--desired', '{"speed":1}', '--if-match', 'AA=']
  const { exit, out, asked } = await holdfast(line, { reply: twin })
  assert.equal(exit, 0)
  assert.match(out, /version 3 {2}etag b\n/)
  assert.equal(asked[0]?.method, 'PATCH')
  assert.equal(asked[0]?.url, '/twins/pump%2F1/modules/m?api-version=2021-04-12')
  assert.equal(asked[0]?.ifMatch, '"AA="')
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { properties: { desired: { speed: 1 } } })
  const reply = { Message: 'ErrorCode:PreconditionFailed;the twin was changed; read it again', ExceptionMessage: '' }
  const refused = await holdfast(line, { reply, status: 412 })
  assert.equal(refused.exit, 1)
  assert.equal(refused.err, 'holdfast: the twin was changed; read it again\n')
})

test('a twin is not updated with nothing, nor with what is no object', async () => {
  for (const line of [['pump-1'], ['pump-1', '--tags', '[1]'], ['pump-1', '--desired', 'x']]) {
    const { exit, asked } = await holdfast(['twin', 'update', ...line])
    assert.equal(exit, 2, line.join(' '))
    assert.deepEqual(asked, [])
  }
})

test('what cuts off tells how many sessions and how fast', async () => {
  const reply = { sessionsClosed: 1, milliseconds: 3.14 }
  for (const line of [
    'device disable pump-1 --reason stolen',
    'device delete pump-1',
    'device regenerate-key pump-1 --key primary',
    'device set-thumbprints pump-1 aa:bb',
    'module disable pump-1 vibration',
    'module delete pump-1 vibration',
    'module regenerate-key pump-1 vibration --key secondary',
    'policy regenerate-key service --key primary',
    'ca remove plant',
  ]) {
    const { exit, out } = await holdfast(line, { reply })
    assert.equal(exit, 0, line)
    assert.match(out, /; 1 session was closed in 3\.1 ms\n$/, line)
  }
})

test('a method is called with what was given, on a device or a module, and its answer is printed', async () => {
  const reply = { status: 200, payload: { rpm: 1200 } }
  const shown = await holdfast(['device', 'invoke', 'pump-1', 'setSpeed', '--payload', '{"rpm":1200}'], { reply })
  assert.equal(shown.out, 'status   200\npayload  {"rpm":1200}\n')
  assert.equal(shown.asked[0]?.url, '/api/v1/devices/pump-1/methods')
  assert.deepEqual(JSON.parse(shown.asked[0]?.body ?? ''), {
    name: 'setSpeed',
    payload: { rpm: 1200 },
    responseTimeoutSeconds: 30,
    connectTimeoutSeconds: 0,
  })
  const line = 'device invoke pump-1 stop --module motor --timeout 2m --connect 10s --json'
  const { asked, out } = await holdfast(line, { reply })
  assert.equal(asked[0]?.url, '/api/v1/devices/pump-1/modules/motor/methods')
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), {
    name: 'stop',
    responseTimeoutSeconds: 120,
    connectTimeoutSeconds: 10,
  })
  assert.deepEqual(JSON.parse(out), reply)
  for (const wrong of ['--payload {x', '--timeout soon', '--timeout 1500ms']) {
    const { exit, asked: nothing } = await holdfast(`device invoke pump-1 stop ${wrong}`)
    assert.equal(exit, 2, wrong)
    assert.equal(nothing.length, 0)
  }
})

test('a message is sent as it was given, as text or from a file, and a purge says how much it ended', async () => {
  const reply = { sequenceNumber: 7, enqueuedTime: '2026-11-24T12:00:00.000Z', expiryTime: '2026-11-24T12:10:00.000Z' }
  const file = join(folder, 'message.bin')
  writeFileSync(file, Buffer.from([0, 255, 1]))
  const rest = ['--property', 'a=b=c', '--property', 'd=', '--id', 'm1', '--content-type', 'a/b', '--ack', 'full']
  const shown = await holdfast(['device', 'send', 'pump-1', '--body', 'ü x', '--expiry', '10m', ...rest], { reply })
  assert.equal(shown.out, 'message 7 waits for pump-1 until 2026-11-24T12:10:00.000Z\n')
  assert.equal(shown.asked[0]?.url, '/api/v1/devices/pump-1/messages')
  assert.deepEqual(JSON.parse(shown.asked[0]?.body ?? ''), {
    body: 'ü x',
    properties: { a: 'b=c', d: '' },
    messageId: 'm1',
    contentType: 'a/b',
    ack: 'full',
    lifeSeconds: 600,
  })
  const { asked } = await holdfast(['device', 'send', 'pump-1', '--module', 'm', '--file', file], { reply })
  assert.equal(asked[0]?.url, '/api/v1/devices/pump-1/modules/m/messages')
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { body: 'AP8B', bodyEncoding: 'base64', ack: 'none' })
  for (const [wrong, code] of [
    [['--property', 'none'], 2],
    [['--property', '=x'], 2],
    [['--property', 'a=1', '--property', 'a=2'], 2],
    [['--ack', 'maybe'], 2],
    [['--expiry', 'soon'], 2],
    [['--body', 'x', '--file', file], 2],
    [['--file', join(folder, 'absent')], 1],
  ] as const) {
    const { exit, asked: nothing } = await holdfast(['device', 'send', 'pump-1', ...wrong])
    assert.deepEqual([exit, nothing.length], [code, 0], wrong.join(' '))
  }
  const purged = await holdfast('device purge pump-1', { reply: { messages: 1 } })
  assert.equal(purged.out, '1 message to pump-1 ended\n')
  assert.deepEqual([purged.asked[0]?.method, purged.asked[0]?.url], ['DELETE', '/api/v1/devices/pump-1/messages'])
})

test('a list goes on page after page, with one object a line in JSON', async () => {
  const pages: Record<string, object> = {
    '/api/v1/devices?limit=100': { items: [pump], next: 'pump-1' },
    '/api/v1/devices?limit=100&after=pump-1': { items: [{ ...pump, deviceId: 'pump-2' }] },
  }
  const world: Partial<World> = {}
  const first = holdfast('device list --json', { world })
  answer = (request, response) => response.end(JSON.stringify(pages[request.url ?? '']))
  const { out } = await first
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { deviceId: string }).deviceId),
    ['pump-1', 'pump-2'],
  )
})

test('a hub that names the same place for ever does not hold the command', async () => {
  const { exit, asked } = await holdfast('device list', { reply: { items: [pump], next: 'pump-1' } })
  assert.equal(exit, 0)
  assert.equal(asked.length, 2)
})

test('an empty list says how to begin', async () => {
  const { out } = await holdfast('device list', { reply: { items: [] } })
  assert.match(out, /holdfast device create/)
  assert.equal((await holdfast('device list --json', { reply: { items: [] } })).out, '')
})

const message = {
  deviceId: 'pump-1',
  enqueuedTime: '2026-11-24T11:59:00.000Z',
  sequenceNumber: 7,
  offset: '700',
  partition: 2,
  properties: { unit: 'C', flag: null },
  systemProperties: {},
  body: '{"t":21}',
  bodyEncoding: 'utf8',
}

test('messages read asks for device, times and limit, and prints the promised object a line', async () => {
  const reply = `${JSON.stringify(message)}\n${JSON.stringify({ ...message, sequenceNumber: 8 })}\n`
  const { out, asked } = await holdfast('messages read --device pump-1 --from 10m --to now --limit 5 --json', { reply })
  const url = new URL(asked[0]?.url ?? '', 'http://x')
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    device: 'pump-1',
    from: '2026-11-24T11:50:00.000Z',
    to: '2026-11-24T12:00:00.000Z',
    limit: '5',
  })
  const lines = out.trim().split('\n')
  assert.deepEqual(JSON.parse(lines[0] ?? ''), message)
  assert.equal(lines.length, 2)
  const human = await holdfast('messages read', { reply })
  assert.match(human.out, /^2026-11-24T11:59:00.000Z 2#7 pump-1 \{"t":21\} \[unit=C flag\]\n/)
})

test('a limit holds even where the hub sends more', async () => {
  const { out } = await holdfast('messages read --limit 1 --json', { reply: `${JSON.stringify(message)}\n`.repeat(3) })
  assert.equal(out.trim().split('\n').length, 1)
})

test('a device cannot steer the terminal of who reads its messages', async () => {
  const reply = JSON.stringify({ ...message, body: '\u001b]0;owned\u0007\u009b2J\r\n\u202e' })
  for (const line of ['messages read', 'messages read --json']) {
    const { out } = await holdfast(line, { reply })
    assert.doesNotMatch(out.trimEnd(), /[^\x20-\x7e]/, line)
  }
})

test('following ends in order when interrupted', async () => {
  const interruption = new AbortController()
  const under = holdfast('messages read --follow', { world: { interrupted: interruption.signal } })
  answer = (_request, response) => {
    response.write(`${JSON.stringify(message)}\n`)
    setTimeout(() => interruption.abort(), 20)
  }
  const { exit, out, err } = await under
  assert.equal(exit, 0)
  assert.equal(err, '')
  assert.match(out, /2#7/)
})

test('a stream that breaks off in the middle is a failure, not an end', async () => {
  const under = holdfast('messages read')
  answer = (_request, response) => {
    response.write(`${JSON.stringify(message)}\n`, () => response.destroy())
  }
  const { exit, err } = await under
  assert.equal(exit, 1)
  assert.match(err, /^holdfast: the hub ended the answer in the middle/)
})

test('a refusal is one line: what, why, what to do', async () => {
  const reply = { title: 'there is a device pump-1 already', status: 409, detail: 'choose another\nid', code: 'exists' }
  const { exit, out, err } = await holdfast('device create pump-1', { reply, status: 409 })
  assert.equal(exit, 1)
  assert.equal(out, '')
  assert.equal(err, 'holdfast: there is a device pump-1 already: choose another\\u000aid\n')
})

test('an answer that is no hub API is told as such', async () => {
  for (const reply of ['<html>', '7', '']) {
    const { exit, err } = await holdfast('device show pump-1', { reply, status: 500 })
    assert.equal(exit, 1)
    assert.match(err, /^holdfast: the hub answered with HTTP status 500/)
  }
  const { exit, err } = await holdfast('device show pump-1', { reply: '<html>' })
  assert.equal(exit, 1)
  assert.match(err, /does not speak the API of a hub/)
})

test('without a hub every command says how to start one', async () => {
  const { exit, err } = await holdfast(['status', '--data', join(folder, 'elsewhere')])
  assert.equal(exit, 1)
  assert.match(err, /^holdfast: no hub runs on .*elsewhere.*holdfast up/)
  assert.equal(err.trim().split('\n').length, 1)
})

test('wrong use exits 2, in one line that points at the help', async () => {
  for (const line of [
    'device create',
    'device create a b',
    'device create a --auth magic',
    'device create a --auth x509-thumbprint',
    'device create a --auth x509-ca --primary-key AAAA',
    'device create a --thumbprint 00 --thumbprint 00 --thumbprint 00',
    'device regenerate-key a',
    'device delete ..',
    'device frobnicate',
    'frobnicate',
    'up',
    'device list --limit 0',
    'messages read --from yesterday',
    'messages read --follow --to now',
    'enrollment create e --attestation x509',
    'enrollment create e --group --device-id d',
    'keys drop three',
    'keys drop 3',
    'backup create --to hub.age --recipient age1…',
    'status --url http://hub.example --token x',
    'status --url https://hub.example',
    'status --token x',
    'status --url https://hub.example --token x --data d',
  ]) {
    const { exit, out, err, asked } = await holdfast(line)
    assert.equal(exit, 2, line)
    assert.equal(out, '', line)
    assert.match(err, /^holdfast: [^\n]+\n$/, line)
    assert.equal(asked.length, 0, line)
  }
})

test('status tells what asks for a hand, and what to do', async () => {
  const notice = { code: 'sink-siem', detail: 'events do not reach siem', advice: 'look at the receiver' }
  const reply = {
    hostname: 'localhost',
    idScope: '0ne12345678',
    version: '0.1.0',
    pid: 1,
    uptimeSeconds: 1,
    conditions: [],
    notices: [notice],
    connected: 0,
    devices: { total: 0, enabled: 0 },
    messages: { stored: 0, perSecond: 0, bytesSealed: 0 },
    refused: { total: 0, perSecond: 0 },
    throttled: { total: 0, perSecond: 0, operations: {} },
    partitions: [],
    ports: { mqtt: 8883, amqp: 5671, https: 443 },
    memory: { residentBytes: 1 },
    certificate: { notAfter: '2027-01-01T00:00:00Z', sha256: 'AB'.repeat(32) },
  }
  const { exit, out } = await holdfast('status', { reply })
  assert.equal(exit, 0)
  assert.match(out, /^notice +sink-siem: events do not reach siem\n +→ look at the receiver$/m)
})

test('a file that is not there is told in the same words by every command', async () => {
  for (const line of [
    'audit sink add s --to syslog://a.example:1 --sink-ca /nowhere/ca.pem',
    'role check operator /nowhere/ca.pem',
  ]) {
    const { exit, err } = await holdfast(line)
    assert.equal(exit, 1, line)
    assert.match(err, /^holdfast: cannot read \/nowhere\/ca\.pem: there is no such file; check the path/, line)
  }
})

test('every command has an example in its help, and takes --json', async () => {
  const visit = async (words: readonly string[]): Promise<void> => {
    const { exit, out } = await holdfast([...words, '--help'])
    assert.equal(exit, 0, words.join(' '))
    assert.match(out, /Example:\n {2}\$ .*holdfast /, words.join(' '))
    // The first level stands under titles of its own, all others under one.
    const title = words.length === 0 ? /^(?!Usage|Options|Programs|Example)[A-Z][^\n]*:\n/gm : /^Commands:\n/gm
    const commands = [...out.matchAll(title)].map(
      ({ 0: { length }, index }) => out.slice(index + length).split('\n\n')[0],
    )
    const names = [...commands.join('\n').matchAll(/^ {2}([a-z-]+)/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => name !== 'help')
    if (words.length === 0) assert.ok(['status', 'device', 'audit', 'restore', 'api'].every((it) => names.includes(it)))
    if (names.length === 0) assert.match(out, /--json/, words.join(' '))
    for (const name of names) await visit([...words, name])
  }
  await visit([])
})

test('dropping a key asks first, and does what was answered', async () => {
  const reply = { epoch: 3, messages: 12 }
  const no = await holdfast('keys drop 3', { reply, world: { confirm: () => Promise.resolve(false) } })
  assert.equal(no.exit, 1)
  assert.equal(no.asked.length, 0)
  const yes = await holdfast('keys drop 3', { reply, world: { confirm: () => Promise.resolve(true) } })
  assert.equal(yes.exit, 0, yes.err)
  assert.match(yes.out, /12 messages can never be read again/)
  assert.equal((await holdfast('keys drop 3 --yes', { reply })).exit, 0)
})

test('ca add prints the nonce and how to prove possession', async () => {
  const file = join(folder, 'plant-root.pem')
  writeFileSync(file, '-----BEGIN CERTIFICATE-----')
  const reply = {
    name: 'plant-root',
    subject: 'CN=Plant',
    sha256: 'AA',
    notAfter: '2030-01-01T00:00:00Z',
    state: 'pending',
    nonce: 'N0NCE',
  }
  const { out, asked } = await holdfast(['ca', 'add', file], { reply, status: 201 })
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { name: 'plant-root', certificate: '-----BEGIN CERTIFICATE-----' })
  assert.match(out, /-subj "\/CN=N0NCE"/)
  assert.match(out, /holdfast ca verify plant-root proof\.pem/)
  const missing = await holdfast(['ca', 'add', join(folder, 'absent.pem')])
  assert.equal(missing.exit, 1)
  assert.match(missing.err, /there is no such file/)
})

test('a module is added under its device', async () => {
  const { asked } = await holdfast('module add pump-1 vibration', {
    reply: { ...pump, moduleId: 'vibration' },
    status: 201,
  })
  assert.equal(asked[0]?.url, '/api/v1/devices/pump-1/modules')
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ''), { moduleId: 'vibration', auth: 'sas' })
})

test('a token is for the one resource, and ends when asked', async () => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const device = { connectionString: `HostName=hub.test;DeviceId=pump-1;SharedAccessKey=${key}` }
  const { out } = await holdfast('device token pump-1 --minutes 10', { reply: device })
  const token = parseSasToken(out.trim())
  assert.equal(decodeURIComponent(token.sr), 'hub.test/devices/pump-1')
  assert.equal(token.expires, Date.parse('2026-11-24T12:10:00Z'))
  assert.equal(verifySasToken(token, key), true)
  const policy = { connectionString: `HostName=hub.test;SharedAccessKeyName=service;SharedAccessKey=${key}` }
  const made = parseSasToken((await holdfast('policy token service', { reply: policy })).out.trim())
  assert.equal(made.policyName, 'service')
  const none = await holdfast('device token press-1', {
    reply: { connectionString: 'HostName=hub.test;DeviceId=p;x509=true' },
  })
  assert.equal(none.exit, 1)
})

test('wrong use is told in one sentence, and where the right one stands', async () => {
  const { exit, err } = await holdfast('device send pump-1 hello')
  assert.equal(exit, 2)
  assert.match(err, /^holdfast: too many arguments for 'send'[^;]*[^.;]; see holdfast device send --help\n$/)
})
