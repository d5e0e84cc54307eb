/** Secrets are planted everywhere a secret goes in, and looked for everywhere something comes out. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { requireSoftHsm, SoftHsm } from '@holdfast/pkcs11/testing'
import { HubApi, HubProcess, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { Canary } from './canary.ts'
import { SasDevice } from './sas-device.ts'

const skip = requireTool('curl') || requireSoftHsm()
const run = promisify(execFile)
const CLI = join(import.meta.dirname, '../../../apps/cli/src/main.ts')

/** What the hub was told, and what came back out of it by itself. */
class Hunt {
  readonly canaries: Canary[] = []
  readonly #found: string[] = []

  plant(canary: Canary): Canary {
    this.canaries.push(canary)
    return canary
  }

  look(where: string, what: Buffer | string, except: readonly Canary[] = []): void {
    const haystack = typeof what === 'string' ? Buffer.from(what) : what
    for (const canary of this.canaries) {
      if (!except.includes(canary) && canary.isIn(haystack)) this.#found.push(`${canary.name} in ${where}`)
    }
  }

  end(): void {
    assert.deepEqual([...new Set(this.#found)], [])
  }
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

/** Processes that this one started, and theirs. */
function descendants(pid: number): readonly number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(pid)
      } catch {
        return false
      }
    })
    .map(Number)
  return [pid, ...children.flatMap(descendants)]
}

/** A request by curl, over TLS; the answer with its headers. */
async function ask(ready: Ready, path: string, ...args: readonly string[]): Promise<string> {
  const given = ['-sS', '-i', '--cacert', ready.caFile, '--max-time', '20', ...args]
  return (await run('curl', [...given, `https://localhost:${ready.httpsPort}${path}`])).stdout
}

const isPem = (path: string): boolean => /\.(pem|crt)$/.test(path)
for (const format of ['json', 'text'] as const) {
  test(`canaries do not come out of a hub whose log is ${format} at debug level`, { skip }, async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast-canaries-'))
    const hunt = new Hunt()
    const hsm = SoftHsm.make()
    const pin = hunt.plant(new Canary('PIN', hsm.pin))
    const passphrase = hunt.plant(Canary.text('passphrase'))
    const deviceKey = hunt.plant(new Canary('device key'))
    const secondKey = hunt.plant(new Canary('second device key'))
    const enrolmentKey = hunt.plant(new Canary('enrolment key'))
    const wrongKey = hunt.plant(new Canary('key that is not the device’s'))
    const wrongPassphrase = hunt.plant(Canary.text('passphrase that is refused'))
    const body = hunt.plant(Canary.text('body of a message to a device'))
    const junk = hunt.plant(Canary.text('secret in the wrong place'))
    const data = join(root, 'data')
    const passphraseFile = join(root, 'passphrase')
    const pinFile = join(root, 'pin')
    writeFileSync(passphraseFile, `${passphrase.text}\n`, { mode: 0o600 })
    writeFileSync(pinFile, pin.text, { mode: 0o600 })
    const options = ['--log-level', 'debug', '--log-format', format, '--passphrase-file', passphraseFile]
    let hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0, options })
    try {
      let ready = await hub.ready
      const api = new HubApi(data)
      const errors: string[] = []
      const call = async (method: string, path: string, sent?: object): Promise<unknown> => {
        const { status, body: answer } = await api.call(method, path, sent)
        errors.push(JSON.stringify(answer))
        assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(answer)}`)
        return answer
      }
      // What goes in by the front door.
      const keys = { primaryKey: deviceKey.base64, secondaryKey: secondKey.base64 }
      await call('POST', '/api/v1/devices', { deviceId: 'pump', auth: 'sas', ...keys })
      const enrolment = { id: 'line', attestation: 'symmetric-key', primaryKey: enrolmentKey.base64 }
      await call('POST', '/api/v1/enrollment-groups', enrolment)
      await call('POST', '/api/v1/devices/pump/messages', { body: body.text, properties: { secret: body.text } })
      const policyKey = Buffer.from(await api.policyKey('iothubowner'), 'base64')
      hunt.plant(new Canary('key of iothubowner', policyKey))
      const device = await new SasDevice({ server: ready, id: 'pump', key: deviceKey.base64 }).open()
      device.drop()
      await assert.rejects(new SasDevice({ server: ready, id: 'pump', key: wrongKey.base64 }).open())
      // What is sent where it does not belong, over TLS, by curl.
      const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
      const token = formatSasToken({
        resource: 'localhost',
        key: wrongKey.base64,
        policyName: 'iothubowner',
        expirySeconds,
      })
      const signature = decodeURIComponent(/sig=([^&]+)/.exec(token)?.[1] ?? '')
      hunt.plant(new Canary('signature of a token', Buffer.from(signature, 'base64')))
      const json = ['-H', 'content-type: application/json']
      const answers = [
        await ask(ready, '/api/v1/devices', '-H', `authorization: ${token}`),
        await ask(ready, '/api/v1/devices', '-H', `authorization: ${junk.text}`),
        await ask(ready, '/devices/pump?api-version=2021-04-12', '-H', `authorization: ${token}`),
        await ask(
          ready,
          '/devices/pump/messages/events?api-version=2021-04-12',
          '-H',
          `authorization: ${token}`,
          '-d',
          junk.text,
        ),
        await ask(
          ready,
          `/0ne000/registrations/x/register?api-version=2021-06-01`,
          '-X',
          'PUT',
          ...json,
          '-H',
          `authorization: ${token}`,
          '-d',
          `{"registrationId":"x","payload":"${junk.text}"}`,
        ),
        await ask(ready, '/.well-known/est/simpleenroll', '-u', `pump:${junk.text}`, '-d', junk.text),
        await ask(ready, '/$iothub/websocket', '-H', `authorization: ${junk.text}`),
      ]
      // And on the local socket, whose operator is told what was wrong, but not what the secret was.
      for (const [path, sent] of [
        ['/api/v1/devices', { deviceId: 'other', auth: 'sas', primaryKey: junk.text }],
        ['/api/v1/devices', { deviceId: 'other', auth: 'sas', primaryKey: [junk.text] }],
        ['/api/v1/devices', { deviceId: 'pump', auth: 'sas', primaryKey: wrongKey.base64 }],
        ['/api/v1/enrollment-groups', { id: 'other', attestation: 'symmetric-key', primaryKey: junk.text }],
        ['/api/v1/devices/none/messages', { body: junk.text }],
        ['/api/v1/devices/pump/messages', { body: junk.text, ack: 'perhaps' }],
        ['/api/v1/key-provider', { provider: 'passphrase', secret: Buffer.from('short').toString('base64') }],
        ['/api/v1/key-provider', { provider: 'passphrase', secret: `!${junk.text}` }],
        [
          '/api/v1/key-provider',
          { provider: 'pkcs11', module: hsm.module, token: hsm.token, secret: wrongPassphrase.base64 },
        ],
      ] as const) {
        const { status, body: answer } = await api.call('POST', path, sent)
        assert.ok(status >= 400 && status < 600, `${path}: ${status}`)
        errors.push(JSON.stringify(answer))
      }
      // Through both homes that have a secret.
      const pkcs11 = { provider: 'pkcs11', module: hsm.module, token: hsm.token, pinFile }
      await call('POST', '/api/v1/key-provider', { ...pkcs11, secret: pin.base64 })
      for (const pid of descendants(hub.pid)) {
        hunt.look(`arguments of process ${pid}`, readFileSync(`/proc/${pid}/cmdline`))
        hunt.look(`environment of process ${pid}`, readFileSync(`/proc/${pid}/environ`))
      }
      assert.ok(descendants(hub.pid).length > 1, 'the token has a process of its own')
      await call('POST', '/api/v1/key-provider', { provider: 'passphrase', passphraseFile, secret: passphrase.base64 })
      await call('POST', '/api/v1/key-provider/rotate')
      hunt.look(
        'the files of the data folder while it runs',
        Buffer.concat(
          filesOf(data)
            .filter((path) => !isPem(path))
            .map((path) => readFileSync(path)),
        ),
      )
      // A crash, and a start that reads the passphrase from its file.
      await hub.end('SIGKILL')
      const before = hub.text
      hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0, options })
      ready = await hub.ready
      assert.equal(await api.keyOf('pump'), deviceKey.base64, 'the hub has it, and gives it to who asks by name')
      const events = JSON.stringify(
        (
          await run('curl', [
            '-sS',
            '--unix-socket',
            join(data, 'hub.sock'),
            'http://localhost/api/v1/events?limit=1000',
          ])
        ).stdout,
      )
      assert.match(events, /identity.secret-disclosed/)
      for (const args of [
        ['status'],
        ['device', 'show', 'pump'],
        ['device', 'list'],
        ['enrollment', 'list'],
        ['keys', 'list'],
        ['keys', 'provider', 'show'],
        ['doctor'],
        ['events', '--limit', '500'],
      ]) {
        // Programs take their time to start; one form with each log.
        for (const json of [format === 'json' ? ['--json'] : []]) {
          const { stdout, stderr } = await run(process.execPath, [CLI, ...args, ...json, '--data', data]).catch(
            (error: unknown) => error as { stdout: string; stderr: string },
          )
          hunt.look(`holdfast ${args.join(' ')}`, stdout + stderr)
        }
      }
      hunt.look('answers of the HTTPS port', answers.join('\n'))
      hunt.look('answers of the local socket', errors.join('\n'))
      hunt.look('the events', events)
      hunt.look('arguments', readFileSync(`/proc/${hub.pid}/cmdline`))
      hunt.look('environment', readFileSync(`/proc/${hub.pid}/environ`))
      await hub.end('SIGTERM')
      hunt.look('the log', `${before}\n${hub.text}`)
      assert.ok(before.includes('session.refused'), 'the log tells what happened')
      for (const path of filesOf(data)) hunt.look(path, readFileSync(path))
      hunt.end()
    } finally {
      if (!hub.hasExited) await hub.end('SIGKILL')
      hsm.remove()
      rmSync(root, { recursive: true, force: true })
    }
  })
}

test('a canary is found in every form, so that finding none means something', () => {
  for (const canary of [new Canary('bytes'), Canary.text('text')]) {
    const { bytes } = canary
    for (const form of [
      bytes,
      bytes.toString('hex'),
      `{"key":"${bytes.toString('base64')}"}`,
      encodeURIComponent(bytes.toString('base64')),
      bytes.toString('base64url'),
      Buffer.concat([Buffer.from('a'), bytes, Buffer.from('bc')]).toString('base64'),
      Buffer.concat([Buffer.from('ab'), bytes, Buffer.from('c')]).toString('base64'),
    ]) {
      assert.ok(canary.isIn(Buffer.from(form)), String(form))
    }
    assert.ok(!canary.isIn(Buffer.from(new Canary('other').base64)))
  }
})

test('neither a dump nor a debugger shows the memory of a hub that was started by its command', {
  skip: requireTool('curl'),
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-dump-'))
  const { spawn } = await import('node:child_process')
  const args = [
    'up',
    '--data',
    join(root, 'data'),
    '--listen',
    '127.0.0.1',
    '--mqtt-port',
    '0',
    '--amqp-port',
    '0',
    '--https-port',
    '0',
  ]
  const child = spawn(join(import.meta.dirname, '../../../holdfast'), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: root,
  })
  let text = ''
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        text += String(chunk)
        if (text.includes('ready ')) resolve()
      })
      child.stderr.on('data', (chunk: Buffer) => {
        text += String(chunk)
      })
      child.once('close', () => reject(new Error(text)))
    })
    const limits = readFileSync(`/proc/${child.pid}/limits`, 'utf8')
    assert.match(limits, /Max core file size +0 +/)
    for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
      const { pid } = child
      assert.ok(pid !== undefined)
      if (signal === 'SIGUSR1') process.kill(pid, signal)
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.doesNotMatch(text, /Debugger listening/)
    assert.ok(!existsSync(join(root, 'report.json')) && !readdirSync(root).some((name) => name.startsWith('report.')))
  } finally {
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
    rmSync(root, { recursive: true, force: true })
  }
})
