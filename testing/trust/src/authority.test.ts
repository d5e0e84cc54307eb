/** The hub's own authority: its root kept offline, what it publishes, and its roll-over; openssl, curl, mosquitto outside. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { HubApi, HubProcess, type HubStart, type Ready } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { formatSasToken } from '@holdfast/tokens'
import { certificatesIn, EstClient, type KeyPair, openssl, readCertificate } from './est-client.ts'
import { eventsOf } from './events.ts'
import { publishes, stays } from './mqtt-peer.ts'

const skip = requireTool('openssl') || requireTool('curl') || requireTool('mosquitto_pub')
const HOLDFAST = join(import.meta.dirname, '../../../holdfast')
/** Long and unlike anything else, so that it is found wherever it should not be. */
const PASSPHRASE = 'canary-Zw8qTtS1-passphrase-of-the-root'
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-authority-'))
  folders.push(folder)
  return folder
}

/** A hub with the tools of its operator, and of whoever is on the other side. */
class World {
  readonly data: string
  readonly process: HubProcess
  readonly ready: Ready
  readonly api: HubApi
  readonly client: EstClient
  /** What devices that know nothing newer trust. */
  readonly firstRoot: string

  private constructor(data: string, process: HubProcess, ready: Ready) {
    this.data = data
    this.process = process
    this.ready = ready
    this.api = new HubApi(data)
    this.client = new EstClient(ready)
    this.firstRoot = this.client.write('first-root.pem', readFileSync(ready.caFile))
  }

  static async start(more: Partial<HubStart> = {}): Promise<World> {
    const data = more.data ?? join(newFolder(), 'data')
    const process = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0, ...more })
    return new World(data, process, await process.ready)
  }

  /** The same data, the same ports: certificates name them. */
  async restart(): Promise<World> {
    await this.process.end('SIGTERM')
    const { mqttPort, httpsPort } = this.ready
    return World.start({ data: this.data, mqttPort, httpsPort })
  }

  async stop(): Promise<void> {
    await this.process.end('SIGTERM')
  }

  /** Tools that are waited for hold this process up: what ended meanwhile is seen before anything is asked on it. */
  async status(): Promise<Awaited<ReturnType<HubApi['status']>>> {
    await wait(20)
    return this.api.status()
  }

  async must(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    await wait(20)
    const answer = await this.api.call(method, `/api/v1${path}`, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (answer.body ?? {}) as Record<string, unknown>
  }

  cli(...args: readonly string[]): { readonly status: number | null; readonly text: string } {
    const run = spawnSync(HOLDFAST, [...args, '--data', this.data], { encoding: 'utf8', timeout: 60_000 })
    return { status: run.status, text: `${run.stdout}${run.stderr}` }
  }

  does(...args: readonly string[]): string {
    const { status, text } = this.cli(...args)
    assert.equal(status, 0, `${args.join(' ')}: ${text}`)
    return text
  }

  get events(): readonly string[] {
    return eventsOf(this.data).map(({ type }) => type)
  }

  fetch(path: string): Buffer {
    const url = `https://localhost:${this.ready.httpsPort}${path}`
    const run = spawnSync('curl', ['-sS', '--fail', '--cacert', this.ready.caFile, url])
    assert.equal(run.status, 0, `${path}: ${run.stderr.toString()}`)
    return run.stdout
  }

  /** PEM file of what is published as DER. */
  fetched(path: string): string {
    const kind = path.endsWith('.crl') ? 'crl' : 'x509'
    const file = this.client.path(`fetched.${kind}.pem`)
    openssl([kind, '-inform', 'DER', '-out', file], this.fetch(path))
    return file
  }

  /** A device that proves itself by its key, and then has a certificate. */
  async enrolled(deviceId: string): Promise<KeyPair> {
    await wait(20)
    const sas = await this.api.createDevice(deviceId)
    const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
    const token = formatSasToken({ resource: `localhost/devices/${deviceId}`, key: sas, expirySeconds })
    const key = this.client.newKey()
    const request = this.client.newRequest(deviceId, key)
    return this.client.obtain({ operation: 'simpleenroll', request, basic: `${deviceId}:${token}` }, key)
  }

  comesIn(deviceId: string, pair: KeyPair, root = this.ready.caFile): true | string {
    return publishes({ ...this.ready, caFile: root }, deviceId, pair, '127.0.0.1')
  }

  /** Whether openssl takes the listener for the hub, with nothing but this root. */
  takes(root: string): boolean {
    const given = [
      '-connect',
      `localhost:${this.ready.mqttPort}`,
      '-servername',
      'localhost',
      '-verify_hostname',
      'localhost',
    ]
    const run = spawnSync('openssl', ['s_client', ...given, '-verify_return_error', '-CAfile', root], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return run.status === 0 && run.stdout.toString().includes('Verify return code: 0 (ok)')
  }

  ocsp(certificate: string, issuer: string, ...more: readonly string[]): string {
    const url = `https://localhost:${this.ready.httpsPort}/.well-known/ocsp`
    const given = ['ocsp', ...more, '-issuer', issuer, '-cert', certificate, '-url', url, '-CAfile', this.ready.caFile]
    const run = spawnSync('openssl', given, { encoding: 'utf8' })
    return `${run.stdout}${run.stderr}`
  }
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await what()) return
    await wait(50)
  }
  assert.fail('it did not come about in ten seconds')
}

function serialOf(pair: KeyPair): string {
  return readCertificate(pair.certificate).serialNumber
}

function newPassphraseFile(passphrase = PASSPHRASE): string {
  const file = join(newFolder(), 'passphrase')
  writeFileSync(file, `${passphrase}\n`, { mode: 0o600 })
  return file
}

suite("the hub's own authority", { skip }, () => {
  test('a root that a passphrase seals at the first start is in no file in the clear, and the passphrase nowhere', async () => {
    const file = newPassphraseFile()
    const it = await World.start({ options: ['--root-passphrase-file', file] })
    try {
      const bundle: unknown = JSON.parse(readFileSync(join(it.data, 'ca/root-bundle.json'), 'utf8'))
      assert.ok(typeof bundle === 'object' && bundle !== null && 'key' in bundle)
      assert.deepEqual(Object.keys(bundle.key as object), ['kind', 'argon2id', 'sealed'])
      const { notices } = await it.status()
      assert.ok(notices.some(({ code }) => code === 'root-bundle-on-machine'))
      assert.match(
        it.does('ca', 'root', 'verify', join(it.data, 'ca/root-bundle.json'), '--passphrase-file', file),
        /opens/,
      )
      for (const name of readdirSync(it.data, { recursive: true, encoding: 'utf8' })) {
        if (name === 'hub.sock' || name.endsWith('lock.db')) continue
        let bytes: Buffer
        try {
          bytes = readFileSync(join(it.data, name))
        } catch {
          continue
        }
        for (const form of [PASSPHRASE, Buffer.from(PASSPHRASE).toString('base64')]) {
          assert.ok(!bytes.includes(form), name)
        }
      }
      assert.ok(!it.process.text.includes(PASSPHRASE))
      const command = readFileSync(`/proc/${it.process.pid}/cmdline`, 'utf8')
      const environment = readFileSync(`/proc/${it.process.pid}/environ`, 'utf8')
      assert.ok(!command.includes(PASSPHRASE) && !environment.includes(PASSPHRASE))
    } finally {
      await it.stop()
    }
  })

  test('a passphrase that others may read, or that is short, begins no hub', async () => {
    const exposed = newPassphraseFile()
    chmodSync(exposed, 0o644)
    const short = newPassphraseFile('hunter2')
    for (const [file, why] of [
      [exposed, /chmod 600/],
      [short, /12 to 1,024 bytes/],
      ['/nowhere/at/all', /cannot be read/],
    ] as const) {
      await assert.rejects(World.start({ options: ['--root-passphrase-file', file] }), why)
    }
  })

  test('an unattended first start says that the root lies with the data, at each start, until it is carried away', async () => {
    let it = await World.start()
    try {
      const file = newPassphraseFile()
      const bundle = join(newFolder(), 'root-bundle.json')
      const isTold = async (): Promise<boolean> =>
        (await it.status()).notices.some(({ code }) => code === 'root-key-on-machine')
      assert.ok(await isTold())
      assert.ok(it.events.includes('hub-authority.root-on-machine'))
      assert.match(it.does('doctor'), /root-key-on-machine/)
      assert.match(it.does('ca', 'root', 'export', '--to', bundle, '--passphrase-file', file), /still lies/)
      assert.notEqual(it.cli('ca', 'root', 'export', '--to', bundle, '--passphrase-file', file).status, 0)
      // Removing needs the proof that the bundle opens.
      const wrong = it.cli('ca', 'root', 'remove', bundle, '--passphrase-file', newPassphraseFile('not the passphrase'))
      assert.match(wrong.text, /does not open with this passphrase/)
      assert.ok(readFileSync(join(it.data, 'ca/root-bundle.json'), 'utf8').includes('machine'))
      it.does('ca', 'root', 'remove', bundle, '--passphrase-file', file)
      assert.ok(!readFileSync(join(it.data, 'ca/root-bundle.json'), 'utf8').includes('sealed'))
      assert.ok(!(await isTold()))

      it = await it.restart()
      assert.ok(!(await isTold()))
      assert.ok(it.takes(it.firstRoot))
      assert.match(it.cli('ca', 'root', 'use').text, /not on this machine/)
      const before = it.fetch('/.well-known/holdfast/issuing.crt')
      it.does('ca', 'root', 'use', bundle, '--passphrase-file', file)
      const issuing = it.fetched('/.well-known/holdfast/issuing.crt')
      assert.ok(!before.equals(it.fetch('/.well-known/holdfast/issuing.crt')))
      assert.match(openssl(['verify', '-x509_strict', '-CAfile', it.firstRoot, issuing]), /OK/)
      assert.ok(it.takes(it.firstRoot))
    } finally {
      await it.stop()
    }
  })

  test('a bundle of another hub, a damaged one, and one that costs too much to open are refused', async () => {
    const it = await World.start()
    try {
      const file = newPassphraseFile()
      const bundle = join(newFolder(), 'root-bundle.json')
      it.does('ca', 'root', 'export', '--to', bundle, '--passphrase-file', file)
      const text = readFileSync(bundle, 'utf8')
      const secret = Buffer.from(PASSPHRASE).toString('base64')
      const verify = (changed: string) =>
        it.api.call('POST', '/api/v1/hub-authority/root/verify', { bundle: changed, secret })
      assert.equal((await verify(text)).status, 200)
      for (const changed of [
        text.slice(0, -20),
        text.replace(/"memoryKiB": \d+/, '"memoryKiB": 4194304'),
        text.replace(/"passes": \d+/, '"passes": 1000000'),
        text.replace('"passphrase"', '"machine"'),
        text.replace(/"sealed": "..../, '"sealed": "AAAA'),
        '{}',
        'null',
      ]) {
        const answer = await verify(changed)
        assert.equal(answer.status, 400, JSON.stringify(answer.body))
      }
      const { caFile } = it.ready
      // From elsewhere nobody gets at the root, whatever policy signs.
      const url = `https://localhost:${it.ready.httpsPort}/api/v1/hub-authority/root/export`
      const key = await it.api.policyKey('iothubowner')
      const token = formatSasToken({
        resource: 'localhost',
        key,
        expirySeconds: Math.floor(Date.now() / 1000) + 600,
        policyName: 'iothubowner',
      })
      const given = ['-sS', '--cacert', caFile, '-H', `Authorization: ${token}`, '-H', 'content-type: application/json']
      const run = spawnSync('curl', [...given, '-d', JSON.stringify({ secret }), url], { encoding: 'utf8' })
      assert.match(run.stdout, /local-only/)
    } finally {
      await it.stop()
    }
  })

  test('what is revoked stands in the list and in OCSP within seconds, for openssl; numbers go up over a restart', async () => {
    let it = await World.start()
    try {
      const [good, bad] = [await it.enrolled('good'), await it.enrolled('bad')]
      const text = openssl(['x509', '-in', good.certificate, '-noout', '-text'])
      const listUrl = /URI:https:\/\/localhost:\d+(\/\.well-known\/holdfast\/[0-9a-f]+\.crl)/.exec(text)?.[1]
      assert.ok(listUrl !== undefined, text)
      assert.match(text, /OCSP - URI:https:\/\/localhost:\d+\/\.well-known\/ocsp/)
      assert.match(text, /CA Issuers - URI:https:\/\/localhost:\d+\/\.well-known\/holdfast\/[0-9a-f]+\.crt/)
      const issuer = it.fetched(listUrl.replace('.crl', '.crt'))
      const numberOf = (list: string): bigint =>
        BigInt(/crlNumber=(?:0x)?([0-9A-F]+)/i.exec(openssl(['crl', '-in', list, '-noout', '-crlnumber']))?.[1] ?? '-1')
      const checked = (pair: KeyPair, list: string): string => {
        const chain = it.client.write('lists.pem', readFileSync(list, 'utf8'))
        const given = ['-crl_check', '-CAfile', it.ready.caFile, '-untrusted', issuer, '-CRLfile', chain]
        const run = spawnSync('openssl', ['verify', ...given, pair.certificate], { encoding: 'utf8' })
        return `${run.stdout}${run.stderr}`
      }
      const first = it.fetched(listUrl)
      assert.match(checked(bad, first), /: OK/)
      assert.match(it.ocsp(bad.certificate, issuer), /: good[^]*Response verify OK/)

      await it.must('POST', `/certificates/${serialOf(bad)}/revoke`, { reason: 'keyCompromise' })
      await until(() => checked(bad, it.fetched(listUrl)).includes('certificate revoked'))
      const second = it.fetched(listUrl)
      assert.match(checked(good, second), /: OK/)
      assert.match(openssl(['crl', '-in', second, '-noout', '-text']), /Key Compromise/)
      assert.ok(numberOf(second) > numberOf(first))
      const answer = it.ocsp(bad.certificate, issuer)
      assert.match(answer, /: revoked[^]*Reason: keyCompromise[^]*Response verify OK/)
      assert.doesNotMatch(answer, /Nonce|WARNING/)
      assert.match(it.ocsp(good.certificate, issuer, '-no_nonce'), /: good[^]*Response verify OK/)
      assert.match(it.ocsp(good.certificate, issuer, '-sha256'), /: good[^]*Response verify OK/)

      it = await it.restart()
      const third = it.fetched(listUrl)
      assert.ok(numberOf(third) > numberOf(second))
      assert.match(checked(bad, third), /certificate revoked/)
      // The root says nothing against what issues below it.
      const rootList = it.fetched('/.well-known/holdfast/root.crl')
      const all = it.client.write('all.pem', readFileSync(rootList, 'utf8') + readFileSync(third, 'utf8'))
      const given = ['-crl_check_all', '-CAfile', it.ready.caFile, '-untrusted', issuer, '-CRLfile', all]
      assert.match(openssl(['verify', ...given, good.certificate]), /: OK/)
    } finally {
      await it.stop()
    }
  })

  test('OCSP by GET may be kept by others, by POST not; garbage is answered as RFC 6960 says', async () => {
    const it = await World.start()
    try {
      const pair = await it.enrolled('one')
      const issuer = it.fetched('/.well-known/holdfast/issuing.crt')
      const request = it.client.path('request.der')
      openssl(['ocsp', '-issuer', issuer, '-cert', pair.certificate, '-no_nonce', '-reqout', request])
      const base64 = readFileSync(request).toString('base64')
      const url = `https://localhost:${it.ready.httpsPort}/.well-known/ocsp`
      const ask = (...given: readonly string[]): { head: string; file: string } => {
        const file = it.client.path('response.der')
        const run = spawnSync('curl', ['-sS', '--cacert', it.ready.caFile, '-D', '-', '-o', file, ...given], {
          encoding: 'utf8',
        })
        assert.equal(run.status, 0, run.stderr)
        return { head: run.stdout.toLowerCase(), file }
      }
      const read = (file: string): string => {
        const run = spawnSync('openssl', ['ocsp', '-respin', file, '-resp_text', '-noverify'], { encoding: 'utf8' })
        return `${run.stdout}${run.stderr}`
      }
      for (const path of [encodeURIComponent(base64), base64]) {
        const { head, file } = ask(`${url}/${path}`)
        assert.match(head, /cache-control: public, no-transform, must-revalidate, max-age=[1-9]/)
        assert.match(head, /content-type: application\/ocsp-response/)
        assert.match(read(file), /Cert Status: good/)
      }
      const type = ['-H', 'content-type: application/ocsp-request']
      const posted = ask(...type, '--data-binary', `@${request}`, url)
      assert.match(posted.head, /cache-control: no-store/)
      assert.match(read(posted.file), /Cert Status: good/)

      const other = it.client.newCertificate('Other CA', { isAuthority: true })
      const foreign = it.client.path('foreign.der')
      openssl(['ocsp', '-issuer', other.certificate, '-serial', '0x1234', '-reqout', foreign])
      assert.match(read(ask(...type, '--data-binary', `@${foreign}`, url).file), /unauthorized/)
      const unknown = it.client.path('unknown.der')
      openssl(['ocsp', '-issuer', issuer, '-serial', '0x1234', '-reqout', unknown])
      assert.match(read(ask(...type, '--data-binary', `@${unknown}`, url).file), /Cert Status: unknown/)
      for (const garbage of ['x', '', '\u0000'.repeat(5_000)]) {
        const file = it.client.write('garbage', garbage)
        assert.match(read(ask(...type, '--data-binary', `@${file}`, url).file), /malformedrequest/)
      }
      assert.match(read(ask(`${url}/%E0%A4%A`).file), /malformedrequest/)
      assert.match(ask('-d', 'x=1', url).head, /^http\/1\.1 415/)
      assert.match(ask(`https://localhost:${it.ready.httpsPort}/.well-known/holdfast/..%2f..%2fkek.json`).head, / 404 /)
    } finally {
      await it.stop()
    }
  })

  test('roots roll over side by side: nobody is stranded, the share that moved shows, and what rests on the old is cut off at the end', async () => {
    const it = await World.start()
    try {
      const [early, late] = [await it.enrolled('early'), await it.enrolled('late')]
      assert.equal(it.comesIn('early', early), true)
      assert.equal(it.comesIn('late', late), true)
      it.does('ca', 'rollover', 'begin', '--machine')
      // Both roots, everywhere where devices are told what to trust.
      const roots = readFileSync(it.ready.caFile, 'utf8').match(
        /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g,
      )
      assert.equal(roots?.length, 2)
      const newRoot = it.client.write('new-root.pem', roots[1] ?? '')
      const told = it.client.ask({ operation: 'cacerts', by: early })
      const subjects = certificatesIn(told.body).map(
        (pem) => readCertificate(it.client.write('told.pem', pem)).fingerprint256,
      )
      for (const root of [it.firstRoot, newRoot]) assert.ok(subjects.includes(readCertificate(root).fingerprint256))
      assert.deepEqual([it.takes(it.firstRoot), it.takes(newRoot)], [true, false])

      const progress = () => it.must('GET', '/hub-authority/rollover')
      await until(async () => (await progress()).moved === 1)
      assert.deepEqual((await progress()).by, { fetched: 1, renewed: 0, connected: 0 })
      assert.deepEqual((await progress()).remaining, ['late'])
      assert.equal((await progress()).safeToRetire, false)
      assert.notEqual(it.cli('ca', 'rollover', 'begin', '--machine').status, 0)
      assert.match(it.cli('ca', 'rollover', 'finish', '--yes').text, /switch first/)

      // A certificate from below the new root, for a device that trusts the old one alone.
      const key = it.client.newKey()
      const request = it.client.newRequest('early', key)
      const renewed = it.client.obtain({ operation: 'simplereenroll', request, by: early }, key)
      assert.equal(it.comesIn('early', renewed, it.firstRoot), true)
      await until(async () => JSON.stringify((await progress()).by).includes('"renewed":1'))

      // The new chain, for which the old root vouches: whoever trusts either comes in.
      it.does('ca', 'rollover', 'switch')
      assert.deepEqual([it.takes(it.firstRoot), it.takes(newRoot)], [true, true])
      for (const [id, pair] of [
        ['early', renewed],
        ['late', late],
      ] as const) {
        for (const root of [it.firstRoot, newRoot]) assert.equal(it.comesIn(id, pair, root), true, id)
      }
      it.does('ca', 'rollover', 'switch', '--alone', '--yes')
      assert.deepEqual([it.takes(it.firstRoot), it.takes(newRoot)], [false, true])
      // One command, and all is as before; what was issued meanwhile counts.
      it.does('ca', 'rollover', 'back')
      assert.deepEqual([it.takes(it.firstRoot), it.takes(newRoot)], [true, false])
      assert.equal(it.comesIn('early', renewed, it.firstRoot), true)
      assert.equal(it.comesIn('late', late, it.firstRoot), true)

      it.does('ca', 'rollover', 'begin', '--machine')
      it.does('ca', 'rollover', 'switch')
      const third = it.client.write(
        'third-root.pem',
        readFileSync(it.ready.caFile, 'utf8').split(/(?<=END CERTIFICATE-----\n)/)[1] ?? '',
      )
      const asked = it.cli('ca', 'rollover', 'finish')
      assert.equal(asked.status, 2, asked.text)
      assert.match(asked.text, /2 devices are not known|not known to have moved|--yes/)
      const child = stays({ ...it.ready, caFile: third }, 'late', late)
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await until(async () => (await it.status()).connected === 1)
      const finished = it.does('ca', 'rollover', 'finish', '--yes')
      assert.match(finished, /1 session was closed/)
      await ended
      assert.notEqual(it.comesIn('late', late, third), true)
      assert.deepEqual([it.takes(it.firstRoot), it.takes(third)], [false, true])
      assert.equal(readFileSync(it.ready.caFile, 'utf8'), readFileSync(third, 'utf8'))
      for (const type of ['rollover.begun', 'rollover.switched', 'rollover.returned', 'rollover.finished']) {
        assert.ok(it.events.includes(type), type)
      }
      // The old keys are gone from the folder.
      for (const name of ['root-bundle.json', 'issuing.json']) {
        assert.doesNotMatch(readFileSync(join(it.data, 'ca', name), 'utf8'), /sealed|handle/)
      }
    } finally {
      await it.stop()
    }
  })

  test('an issuing authority whose key is in wrong hands is revoked by the root, and what it issued is cut off', async () => {
    const it = await World.start()
    try {
      const pair = await it.enrolled('one')
      const issuer = it.fetched('/.well-known/holdfast/issuing.crt')
      const child = stays(it.ready, 'one', pair)
      const ended = new Promise((resolve) => child.once('exit', resolve))
      await until(async () => (await it.status()).connected === 1)
      assert.match(it.does('ca', 'root', 'use', '--revoke', '--yes'), /1 session was closed/)
      await ended
      assert.notEqual(it.comesIn('one', pair), true)
      const rootList = it.fetched('/.well-known/holdfast/root.crl')
      const run = spawnSync(
        'openssl',
        ['verify', '-crl_check', '-CAfile', it.ready.caFile, '-CRLfile', rootList, issuer],
        {
          encoding: 'utf8',
        },
      )
      assert.match(`${run.stdout}${run.stderr}`, /certificate revoked/)
      assert.ok(it.takes(it.ready.caFile))
      const now = it.fetched('/.well-known/holdfast/issuing.crt')
      const given = ['-crl_check', '-CAfile', it.ready.caFile, '-CRLfile', rootList]
      assert.match(openssl(['verify', ...given, now]), /: OK/)
    } finally {
      await it.stop()
    }
  })
})
