/** Certificates of customers' authorities that must not be let in, made by openssl, at every door of the hub. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { freePort, HubApi, HubProcess } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { type Door, type Doors, DPS_DOORS, HUB_DOORS, knock } from './certificate-device.ts'
import type { KeyPair } from './est-client.ts'
import { stays } from './mqtt-peer.ts'
import { CA, CLIENT_AUTH, OpensslAuthority, SERVER_AUTH } from './openssl-authority.ts'

const skip = requireTool('openssl') || requireTool('curl') || requireTool('mosquitto_pub')
const ALL_DOORS: readonly Door[] = [...HUB_DOORS, ...DPS_DOORS]

async function start() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-revocation-'))
  const data = join(root, 'data')
  mkdirSync(join(root, 'ca'))
  const process_ = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
  const ready = await process_.ready
  return { root, data, process: process_, doors: ready as typeof ready & Doors, api: new HubApi(data) }
}
const hub = skip === false ? await start() : undefined
after(async () => {
  if (hub === undefined) return
  await hub.process.end('SIGTERM')
  rmSync(hub.root, { recursive: true, force: true })
})

function the() {
  assert.ok(hub !== undefined)
  return hub
}

async function must(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await the().api.call(method, `/api/v1${path}`, body)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return (answer.body ?? {}) as Record<string, unknown>
}

async function refused(method: string, path: string, body: object, code: string): Promise<void> {
  const answer = await the().api.call(method, `/api/v1${path}`, body)
  assert.equal((answer.body as { readonly code?: string }).code, code, JSON.stringify(answer))
}

/** An authority that the hub trusts, and an enrolment group of it. */
async function trusted(name: string): Promise<OpensslAuthority> {
  const authority = new OpensslAuthority(join(the().root, 'ca'), name)
  const { nonce } = await must('POST', '/authorities', { name, certificate: authority.certificate })
  await must('POST', `/authorities/${name}/verify`, { certificate: authority.prove(String(nonce)) })
  await must('POST', '/enrollment-groups', { id: name, attestation: 'x509', certificate: authority.certificate })
  return authority
}

const file = (path: string): { readonly list: string } => ({ list: readFileSync(path).toString('base64') })
const createDevice = (deviceId: string) => must('POST', '/devices', { deviceId, auth: 'x509-ca' })

/** How the hub told of a refusal of this device at a door, from this line of its log on. */
async function told(
  deviceId: string,
  door: Door,
  from: number,
): Promise<{ readonly code?: unknown; readonly detail?: unknown }> {
  const subject = isDps(door) ? `registration/${deviceId}` : `device/${deviceId}`
  const find = () =>
    the()
      .process.lines.slice(from)
      .find((line) => {
        // Whoever was let in at provisioning finds that its device is there already, a little later.
        const isRefusal = line.event?.endsWith('.refused') === true && line.detail?.code !== 'device-taken'
        return isRefusal && line.subject === subject
      })
  // The log comes by a pipe of its own.
  await until(async () => find() !== undefined, `${deviceId} at ${door}`)
  const { code, detail, reason } = find()?.detail ?? {}
  return { code, detail: detail ?? reason }
}

interface Refusal {
  readonly code: string
  readonly detail?: RegExp
}

async function everywhere(deviceId: string, pair: KeyPair, expected: 'in' | Refusal): Promise<void> {
  for (const door of ALL_DOORS) {
    const from = the().process.lines.length
    const outcome = await knock(the().doors, door, deviceId, pair)
    if (expected === 'in') {
      assert.equal(outcome, true, `${deviceId} at ${door}: ${outcome}`)
      continue
    }
    assert.notEqual(outcome, true, `${deviceId} at ${door}`)
    const { code, detail } = await told(deviceId, door, from)
    const word = isDps(door) ? (DPS_CODES.get(expected.code) ?? expected.code) : expected.code
    assert.equal(code, word, `${deviceId} at ${door}`)
    if (expected.detail !== undefined) assert.match(String(detail), expected.detail, `${deviceId} at ${door}`)
  }
}

const isDps = (door: Door): boolean => DPS_DOORS.includes(door)
/** Provisioning holds chains against groups, and says so in a word of its own. */
const DPS_CODES: ReadonlyMap<string, string> = new Map([
  ['certificate-untrusted', 'chain-untrusted'],
  ['certificate-expired', 'chain-untrusted'],
  ['certificate-not-yet-valid', 'chain-untrusted'],
])

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}

suite('certificates that are refused at every door', { skip }, () => {
  test('a replayed proof of possession proves nothing: each registration of an authority has a nonce of its own', async () => {
    const name = 'proven'
    const authority = new OpensslAuthority(join(the().root, 'ca'), name)
    const other = new OpensslAuthority(join(the().root, 'ca'), 'prover-of-another')
    const added = async () =>
      String((await must('POST', '/authorities', { name, certificate: authority.certificate })).nonce)
    const proof = authority.prove(await added())
    await must('DELETE', `/authorities/${name}`)
    const nonce = await added()
    await refused('POST', `/authorities/${name}/verify`, { certificate: proof }, 'bad-proof')
    await refused('POST', `/authorities/${name}/verify`, { certificate: other.prove(nonce) }, 'bad-proof')
    await createDevice('replayer')
    const leaf = authority.issue({ commonName: 'replayer' })
    for (const door of HUB_DOORS) assert.notEqual(await knock(the().doors, door, 'replayer', leaf), true, door)
    await must('POST', `/authorities/${name}/verify`, { certificate: authority.prove(nonce) })
    for (const door of HUB_DOORS) assert.equal(await knock(the().doors, door, 'replayer', leaf), true, door)
    await refused('POST', `/authorities/${name}/verify`, { certificate: authority.prove(nonce) }, 'already-verified')
  })

  test('wrong EKU, constrained names, expired, not yet valid; and one that is in order', async () => {
    const factory = await trusted('factory')
    const constraint = 'nameConstraints=critical,permitted;dirName:only\n[only]\nO=Factory'
    const line = new OpensslAuthority(join(the().root, 'ca'), 'line', factory, [...CA, constraint])
    const cases: readonly (readonly [string, KeyPair, 'in' | Refusal])[] = [
      ['good', line.issue({ commonName: 'good', above: '/O=Factory' }), 'in'],
      [
        'server',
        factory.issue({ commonName: 'server', extensions: SERVER_AUTH }),
        { code: 'certificate-untrusted', detail: /extended-key-usage/ },
      ],
      [
        'foreign',
        line.issue({ commonName: 'foreign', above: '/O=Other' }),
        { code: 'certificate-untrusted', detail: /name-constraints/ },
      ],
      [
        'expired',
        factory.issue({ commonName: 'expired', from: -3, until: -1 }),
        { code: 'certificate-expired', detail: /expired/ },
      ],
      [
        'early',
        factory.issue({ commonName: 'early', from: 2, until: 9 }),
        { code: 'certificate-not-yet-valid', detail: /not-yet-valid/ },
      ],
    ]
    for (const [deviceId, pair, expected] of cases) {
      await createDevice(deviceId)
      await everywhere(deviceId, pair, expected)
    }
  })

  test('a leaf on its CA’s list is refused everywhere and cut off; its neighbours go on', async () => {
    const plant = await trusted('plant')
    const [bad, good] = [plant.issue({ commonName: 'stolen' }), plant.issue({ commonName: 'kept' })]
    for (const deviceId of ['stolen', 'kept']) await createDevice(deviceId)
    await everywhere('stolen', bad, 'in')
    const [victim, neighbour] = [stays(the().doors, 'stolen', bad), stays(the().doors, 'kept', good)]
    after(() => neighbour.kill())
    await until(async () => (await isConnected('stolen')) && (await isConnected('kept')))
    plant.revoke(bad.alone)
    const ended = once(victim, 'exit')
    const taken = await must('POST', '/authorities/plant/crls', file(plant.list()))
    assert.equal(taken.sessionsClosed, 1)
    assert.ok(Number(taken.milliseconds) < 1_000, JSON.stringify(taken))
    await ended
    assert.ok(await isConnected('kept'))
    await everywhere('stolen', bad, { code: 'certificate-revoked', detail: /keyCompromise/ })
    await everywhere('kept', good, 'in')
  })

  test('an intermediate on its root’s list takes everything below it along', async () => {
    const trust = await trusted('trust')
    const [north, south] = ['north', 'south'].map((name) => new OpensslAuthority(join(the().root, 'ca'), name, trust))
    assert.ok(north !== undefined && south !== undefined)
    const [bad, good] = [north.issue({ commonName: 'north-1' }), south.issue({ commonName: 'south-1' })]
    for (const deviceId of ['north-1', 'south-1']) await createDevice(deviceId)
    await everywhere('north-1', bad, 'in')
    const victim = stays(the().doors, 'north-1', bad)
    await until(() => isConnected('north-1'))
    trust.revoke(north.certificateFile, 'CACompromise')
    const ended = once(victim, 'exit')
    const taken = await must('POST', '/authorities/trust/crls', file(trust.list()))
    assert.equal(taken.sessionsClosed, 1)
    await ended
    await everywhere('north-1', bad, { code: 'certificate-revoked', detail: /authority above/ })
    await everywhere('south-1', good, 'in')
  })

  test('the list of an intermediate is taken with its certificate, and of nobody who is not below the authority', async () => {
    const maker = await trusted('maker')
    const shop = new OpensslAuthority(join(the().root, 'ca'), 'shop', maker)
    const pair = shop.issue({ commonName: 'shop-1' })
    await createDevice('shop-1')
    await everywhere('shop-1', pair, 'in')
    shop.revoke(pair.alone)
    const list = file(shop.list())
    await refused('POST', '/authorities/maker/crls', list, 'bad-revocation-list')
    const stranger = new OpensslAuthority(join(the().root, 'ca'), 'stranger')
    const foreign = { ...file(stranger.list()), issuer: stranger.certificate }
    await refused('POST', '/authorities/maker/crls', foreign, 'not-an-authority')
    await must('POST', '/authorities/maker/crls', { ...list, issuer: shop.certificate })
    await everywhere('shop-1', pair, { code: 'certificate-revoked' })
  })
})

suite('where lists come from, and how old they are', { skip }, () => {
  test('an older list does not replace a newer one', async () => {
    const mill = await trusted('mill')
    const pair = mill.issue({ commonName: 'mill-1' })
    await createDevice('mill-1')
    const old = file(mill.list())
    mill.revoke(pair.alone)
    const revoking = file(mill.list())
    await must('POST', '/authorities/mill/crls', old)
    await must('POST', '/authorities/mill/crls', revoking)
    await refused('POST', '/authorities/mill/crls', old, 'revocation-list-older')
    await everywhere('mill-1', pair, { code: 'certificate-revoked' })
  })

  test('a list is fetched from its URL; a failure is told, and the list that is there stays', async () => {
    const press = await trusted('press')
    const pair = press.issue({ commonName: 'press-1' })
    await createDevice('press-1')
    let answer: { readonly status: number; readonly body: Buffer } = { status: 200, body: readFileSync(press.list()) }
    const server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body)).listen(0)
    after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/press.crl`
    const { list } = (await must('POST', '/authorities/press/crls', { url })) as { list: Record<string, unknown> }
    assert.deepEqual([list.state, list.entries, list.fault], ['fresh', 0, undefined])
    await everywhere('press-1', pair, 'in')
    press.revoke(pair.alone)
    answer = { status: 200, body: readFileSync(press.list()) }
    await must('POST', '/authorities/press/crls/fetch')
    await everywhere('press-1', pair, { code: 'certificate-revoked' })
    for (const [wrong, fault] of [
      [{ status: 404, body: Buffer.alloc(0) }, /status 404/],
      [{ status: 302, body: Buffer.alloc(0) }, /status 302|redirected/],
      [{ status: 200, body: Buffer.from('<html>') }, /revocation list/],
      [
        { status: 200, body: readFileSync(new OpensslAuthority(join(the().root, 'ca'), 'forger').list()) },
        /wrong-issuer/,
      ],
    ] as const) {
      answer = wrong
      const { lists } = (await must('POST', '/authorities/press/crls/fetch')) as { lists: Record<string, unknown>[] }
      assert.match(String(lists[0]?.fault), fault)
      assert.equal(lists[0]?.entries, 1)
    }
    const status = (await must('GET', '/status')) as { notices?: readonly { readonly code: string }[] }
    assert.ok(status.notices?.some(({ code }) => code.startsWith('revocation-list-fetch/press')))
    await refused('POST', '/authorities/press/crls', { url: 'file:///etc/passwd' }, 'invalid')
    await everywhere('press-1', pair, { code: 'certificate-revoked' })
  })

  test('a list that is out of date: accepted with a notice, or refused where that was chosen', async () => {
    const forge = await trusted('forge')
    const pair = forge.issue({ commonName: 'forge-1', extensions: CLIENT_AUTH })
    await createDevice('forge-1')
    const taken = (await must('POST', '/authorities/forge/crls', file(forge.list(1)))) as {
      list: Record<string, unknown>
    }
    assert.equal(taken.list.whenStale, 'accept')
    await pause(1_100)
    await everywhere('forge-1', pair, 'in')
    const changed = await must('POST', '/authorities/forge/crls', { whenStale: 'refuse' })
    assert.equal((changed.list as { state?: string }).state, 'stale')
    const status = (await must('GET', '/status')) as { notices?: readonly { readonly code: string }[] }
    assert.ok(status.notices?.some(({ code }) => code.startsWith('revocation-list-stale/forge')))
    await everywhere('forge-1', pair, { code: 'revocation-unknown' })
    await must('POST', '/authorities/forge/crls', file(forge.list()))
    await everywhere('forge-1', pair, 'in')
  })
})

suite('after a restart', { skip }, () => {
  test('lists still count, and so do the lists of weak keys that lie in the data folder', async () => {
    const root = join(the().root, 'again')
    mkdirSync(join(root, 'data', 'weak-keys'), { recursive: true })
    const authority = new OpensslAuthority(root, 'again')
    const [stolen, weak, good] = ['stolen', 'weak', 'good'].map((commonName) => authority.issue({ commonName }))
    assert.ok(stolen !== undefined && weak !== undefined && good !== undefined)
    authority.revoke(stolen.alone)
    const spki = new X509Certificate(readFileSync(weak.alone)).publicKey.export({ format: 'der', type: 'spki' })
    const listed = `# a key of an example\n${createHash('sha256').update(spki).digest('hex')}\n`
    writeFileSync(join(root, 'data', 'weak-keys', 'examples.txt'), listed)
    writeFileSync(join(root, 'data', 'weak-keys', 'torn.txt'), 'xyz')
    for (const isFirst of [true, false]) {
      const process_ = HubProcess.launch({ data: join(root, 'data'), mqttPort: 0, httpsPort: 0 })
      const doors = (await process_.ready) as unknown as Doors
      const api = new HubApi(join(root, 'data'))
      try {
        if (isFirst) {
          const certificate = authority.certificate
          const added = await api.call('POST', '/api/v1/authorities', { name: 'again', certificate })
          const { nonce } = added.body as { nonce: string }
          await api.call('POST', '/api/v1/authorities/again/verify', { certificate: authority.prove(nonce) })
          for (const deviceId of ['stolen', 'weak', 'good'])
            await api.call('POST', '/api/v1/devices', { deviceId, auth: 'x509-ca' })
          const taken = await api.call('POST', '/api/v1/authorities/again/crls', file(authority.list()))
          assert.equal(taken.status, 201)
        }
        for (const door of HUB_DOORS) {
          assert.equal(await knock(doors, door, 'good', good), true)
          assert.notEqual(await knock(doors, door, 'stolen', stolen), true)
          assert.notEqual(await knock(doors, door, 'weak', weak), true)
        }
        assert.ok(process_.lines.some(({ event, subject }) => event === 'key.weak' && subject === 'device/weak'))
        const { notices } = (await api.status()) as { notices?: readonly { readonly code: string }[] }
        assert.ok(
          notices?.some(({ code }) => code.startsWith('weak-keys/')),
          'the torn file is told',
        )
      } finally {
        await process_.end('SIGTERM')
      }
    }
  })
})

suite('the command line', { skip }, () => {
  test('ca crl add, follow, list, fetch and remove', async () => {
    const cli = await trusted('cli')
    const pair = cli.issue({ commonName: 'cli-1' })
    await createDevice('cli-1')
    cli.revoke(pair.alone)
    const run = (...parameters: readonly string[]) => {
      const main = join(import.meta.dirname, '../../../apps/cli/src/main.ts')
      const given = [main, 'ca', 'crl', ...parameters, '--data', the().data, '--json']
      const { status, stdout, stderr } = spawnSync(process.execPath, given, { encoding: 'utf8' })
      return { status, text: stdout + stderr, lines: stdout.trim().split('\n') }
    }
    const added = run('add', 'cli', cli.list())
    assert.equal(added.status, 0, added.text)
    await everywhere('cli-1', pair, { code: 'certificate-revoked' })
    const listed = run('list', 'cli')
    const found = JSON.parse(listed.lines[0] ?? '') as { issuerKey: string; entries: number }
    assert.equal(found.entries, 1)
    assert.equal(
      run('follow', 'cli', `http://127.0.0.1:${await freePort()}/none.crl`, '--when-stale', 'refuse').status,
      0,
    )
    assert.match(run('fetch', 'cli').text, /ECONNREFUSED/)
    assert.notEqual(run('add', 'cli', '/nowhere').status, 0)
    assert.notEqual(run('add', 'nobody', cli.list()).status, 0)
    assert.equal(run('remove', 'cli', found.issuerKey).status, 0)
    await everywhere('cli-1', pair, 'in')
  })
})

suite('one key, one identity', { skip }, () => {
  test('a key that proves one identity is refused for another until the first is deleted, and is known as used', async () => {
    const works = await trusted('works')
    const first = works.issue({ commonName: 'works-1' })
    const second = works.issue({ commonName: 'works-2', key: first.key })
    for (const deviceId of ['works-1', 'works-2']) await createDevice(deviceId)
    assert.equal(await knock(the().doors, 'mqtt', 'works-1', first), true)
    for (const door of HUB_DOORS) {
      const from = the().process.lines.length
      assert.notEqual(await knock(the().doors, door, 'works-2', second), true)
      assert.equal((await told('works-2', door, from)).code, 'key-shared')
    }
    assert.ok(the().process.lines.some(({ event, subject }) => event === 'key.shared' && subject === 'device/works-2'))
    await must('DELETE', '/devices/works-1')
    assert.equal(await knock(the().doors, 'mqtt', 'works-2', second), true)
    await until(async () =>
      the().process.lines.some(({ event, subject }) => event === 'key.used-before' && subject === 'device/works-2'),
    )
  })
})

async function isConnected(deviceId: string): Promise<boolean> {
  const device = await must('GET', `/devices/${deviceId}`)
  return device.connected === true
}

async function until(condition: () => Promise<boolean>, about = 'it'): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await condition()) return
    await pause(25)
  }
  assert.fail(`${about} did not come to that in five seconds`)
}
