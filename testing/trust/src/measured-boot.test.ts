/** Measured boot: swtpm and tpm2-tools at the other end, reference values signed by openssl. */

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, HubApi, HubProcess, LiveDevice, type Ready, ServiceCaller } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import { measurementOf, writeEventLog, type WrittenEvent } from '@holdfast/tpm/testing'
import { AttestingDevice, type DeviceAnswer, type EvidenceDocument } from './attesting-device.ts'

const skip = requireTool('swtpm') || requireTool('tpm2_quote') || requireTool('openssl')

const IPL = 0x0000_000d
const SEPARATOR = 0x0000_0004
const PCRS = [0, 4, 7]
const text = (words: string): Uint8Array => Buffer.from(words)
const FIRMWARE: WrittenEvent = { pcr: 0, type: 0x0000_0008, data: text('2.4.1') }
const SECURE_BOOT: WrittenEvent = { pcr: 7, type: SEPARATOR, data: new Uint8Array(4) }
const LOADER: WrittenEvent = { pcr: 4, type: IPL, data: text('loader'), measured: text('loader 2.4.1') }
const KERNEL: WrittenEvent = { pcr: 4, type: IPL, data: text('kernel'), measured: text('kernel 6.1.90') }
const OTHER_KERNEL: WrittenEvent = { pcr: 4, type: IPL, data: text('kernel'), measured: text('kernel of an intruder') }
const GOOD: readonly WrittenEvent[] = [FIRMWARE, SECURE_BOOT, LOADER, KERNEL]

const digestOf = (event: WrittenEvent): string => Buffer.from(measurementOf(event, 'sha256')).toString('hex')
const reasonsOf = ({ body }: DeviceAnswer): readonly Record<string, unknown>[] =>
  (body.reasons ?? []) as readonly Record<string, unknown>[]
const codesOf = (answer: DeviceAnswer): readonly unknown[] => reasonsOf(answer).map(({ code }) => code)
/** How long a message may take that is taken, and how long one is watched that is not, in milliseconds. */
const PATIENCE_MS = 20_000
const LEFT_MS = 700
const takes = (live: LiveDevice, patienceMs: number): Promise<boolean> =>
  Promise.race([live.sendTelemetry(text('{}')).then(() => true), wait(patienceMs, false, { ref: false })])

/** The log of the hub is read a moment after what it tells of. */
async function eventually<T>(find: () => T | undefined): Promise<T | undefined> {
  for (let turns = 0; turns < 400 && find() === undefined; turns += 1) await wait(50)
  return find()
}
const withLog = (events: readonly WrittenEvent[]) => (evidence: EvidenceDocument) => ({
  ...evidence,
  eventLog: Buffer.from(writeEventLog(['sha256'], events)).toString('base64'),
})

suite('measured boot', { skip }, () => {
  let folder: string
  let hub: HubProcess
  let ready: Ready
  let api: HubApi
  let device: AttestingDevice
  let other: AttestingDevice
  let key: string
  let authority: string

  const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer: Answer = await api.call(method, `/api/v1/attestation/${path}`, body)
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return (answer.body ?? {}) as Record<string, unknown>
  }
  const shown = (id = 'gateway'): Promise<Record<string, unknown>> => call('GET', `devices/${id}`)
  const events = (type: string, id = 'gateway') =>
    hub.lines.filter((line) => line.event === type && line.subject === `device/${id}`)
  const openssl = (...parameters: readonly string[]): string =>
    execFileSync('openssl', parameters, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

  /** Signs a document as a release engineer would, and adds it. */
  const addReferences = (document: object, by: 'release' | 'intruder' = 'release'): Promise<Answer> => {
    writeFileSync(join(folder, 'values.json'), JSON.stringify(document, undefined, 2))
    openssl('pkeyutl', '-sign', '-rawin', '-inkey', `${by}.key`, '-in', 'values.json', '-out', 'values.sig')
    return api.call('POST', '/api/v1/attestation/references', {
      document: readFileSync(join(folder, 'values.json'), 'utf8'),
      signature: readFileSync(join(folder, 'values.sig')).toString('base64'),
    })
  }
  const release = (serial: number, boot: readonly WrittenEvent[], more: object = {}): object => ({
    format: 'holdfast-reference-values/1',
    name: 'gateway-firmware',
    serial,
    events: boot.map((event) => ({
      pcr: event.pcr,
      digests: { sha256: [digestOf(event)] },
      description: Buffer.from(event.data).toString('latin1'),
    })),
    ...more,
  })
  const start = async (id: string): Promise<AttestingDevice> => {
    const deviceKey = await api.createDevice(id)
    if (id === 'gateway') key = deviceKey
    return AttestingDevice.start({ id, key: deviceKey, folder: join(folder, id), ready, authority })
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-boot-'))
    const data = join(folder, 'hub')
    mkdirSync(data, { mode: 0o700 })
    // These devices attest more often in a minute than others in a week.
    const config = { throttling: { 'device.attestation': { principal: { perSecond: 100, burst: 1_000 } } } }
    writeFileSync(join(data, 'config.json'), JSON.stringify(config))
    hub = HubProcess.launch({ data, mqttPort: 0, httpsPort: 0 })
    ready = await hub.ready
    authority = readFileSync(ready.caFile, 'utf8')
    api = new HubApi(data)
    for (const name of ['release', 'intruder']) {
      openssl('genpkey', '-algorithm', 'ed25519', '-out', `${name}.key`)
      openssl('pkey', '-in', `${name}.key`, '-pubout', '-out', `${name}.pub`)
    }
    ;[device, other] = [await start('gateway'), await start('other')]
    await device.makeKeys()
    await other.makeKeys('ecdsa')
  })
  after(async () => {
    await device.stop()
    await other.stop()
    await hub.end('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })

  test('reference values count when somebody who may has signed them, and not before', async () => {
    const publicKey = readFileSync(join(folder, 'release.pub'), 'utf8')
    const unknown = await addReferences(release(1, GOOD))
    assert.equal(unknown.status, 400)
    assert.equal((unknown.body as { code: string }).code, 'bad-signature')
    await call('POST', 'signers', { name: 'release', publicKey })
    assert.equal((await addReferences(release(1, GOOD), 'intruder')).status, 400)
    const added = await addReferences(release(1, GOOD))
    assert.equal(added.status, 201, JSON.stringify(added.body))
    assert.equal((await addReferences(release(1, GOOD))).status, 409)
  })

  test('the attestation key of another TPM is refused: its TPM does not open the credential', async () => {
    const shownKeys = await device.showKeys({ ak: await other.file('ak.pub') })
    assert.equal(shownKeys.status, 200)
    await assert.rejects(device.openCredential(shownKeys))
    // Guessing instead.
    const guessed = await device.call('attestation/keys/activate', { secret: Buffer.alloc(32).toString('base64') })
    assert.equal(guessed.status, 403)
    assert.equal(guessed.body.code, 'wrong-secret')
    // And once only.
    const again = await device.call('attestation/keys/activate', { secret: Buffer.alloc(32).toString('base64') })
    assert.equal(again.body.code, 'no-activation')
    assert.equal((await device.challenge()).body.code, 'no-attestation-key')
    assert.ok(
      await eventually(() => events('attestation.refused').find(({ detail }) => detail?.code === 'wrong-secret')),
    )
  })

  test('a key that would sign what no TPM made is refused', async () => {
    await device.tools(
      'tpm2_createprimary -C o -c loose-parent.ctx',
      'tpm2_flushcontext -t',
      'tpm2_create -C loose-parent.ctx -G rsa2048:rsassa-sha256:null -u loose.pub -r loose.priv -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign',
    )
    const refused = await device.showKeys({ ak: await device.file('loose.pub') })
    assert.equal(refused.status, 400)
    assert.equal(refused.body.code, 'bad-attestation-key')
    assert.equal((await device.showKeys({ ek: await device.file('ak.pub') })).body.code, 'bad-endorsement-key')
  })

  test('a device that has to attest and never did is narrowed; evidence of a good boot releases it, on one connection', async () => {
    const service = new ServiceCaller({
      hostname: 'localhost',
      httpsPort: ready.httpsPort,
      authority,
      policy: 'service',
      key: await api.policyKey('service'),
      connectionsMax: 2,
    })
    const server = { port: ready.mqttPort, hostname: 'localhost', authority }
    const onMethod = () => ({ status: 200, payload: text('{}') })
    const live = new LiveDevice({ id: 'gateway', key, server, onMethod })
    const invoke = async (methodName: string): Promise<number> => {
      const wish = { methodName, responseTimeoutInSeconds: 5, payload: null }
      return (await service.call('POST', '/twins/gateway/methods', wish)).status
    }
    const isTaken = (patienceMs = PATIENCE_MS): Promise<boolean> => takes(live, patienceMs)
    const isLeft = async (): Promise<boolean> => !(await isTaken(LEFT_MS))
    await live.open()
    assert.equal(await isTaken(), true)
    assert.equal(await invoke('reboot'), 200)

    await call('POST', 'policy', { pcrs: PCRS, maxAgeMs: 600_000 })
    assert.equal(await isLeft(), true, 'telemetry is not taken from who never attested')
    assert.equal(await invoke('reboot'), 404, 'its methods are gone')
    assert.equal(await invoke('holdfast.diagnose'), 200, 'those of remediation are not')
    assert.equal((await shown()).state, 'none')

    assert.equal((await device.enrol()).status, 200)
    await device.boot(GOOD)
    const judged = await device.attest()
    assert.deepEqual([judged.status, judged.body.verdict, codesOf(judged)], [200, 'trusted', []])
    assert.deepEqual(judged.body.reference, { name: 'gateway-firmware', serial: 1 })
    assert.equal(await isTaken(), true, 'and on the same connection all is as before')
    assert.equal(await invoke('reboot'), 200)

    // A quote that fails narrows it at once, within the request that brought it.
    const failed = await device.attest(withLog([FIRMWARE, SECURE_BOOT, LOADER, OTHER_KERNEL]))
    assert.equal(failed.body.verdict, 'failed')
    assert.equal(await isLeft(), true)
    assert.equal(await invoke('reboot'), 404)
    assert.equal((await device.attest()).body.verdict, 'trusted')
    assert.equal(await isTaken(), true)
    assert.equal(live.isOpen, true)
    live.close()
    service.close()
  })

  test('what tpm2_checkquote and openssl verify is trusted here: RSASSA, RSAPSS, ECDSA', async () => {
    for (const scheme of ['rsassa', 'rsapss', 'ecdsa'] as const) {
      const fresh = await start(`scheme-${scheme}`)
      try {
        await fresh.makeKeys(scheme)
        await fresh.boot(GOOD)
        assert.equal((await fresh.enrol()).status, 200)
        const { body } = await fresh.challenge()
        const evidence = await fresh.evidence(body.nonce, PCRS)
        const nonce = Buffer.from(String(body.nonce), 'base64').toString('hex')
        await fresh.tools('tpm2_readpublic -c ak.ctx -f pem -o ak.pem')
        const check = `-g sha256 -q ${nonce} -m quote -s signature -f values -l sha256:0,4,7`
        // The tool takes PKCS #1 v1.5 for the scheme of every RSA key; openssl knows PSS.
        if (scheme !== 'rsapss') await fresh.tools(`tpm2_checkquote -u ak.pem ${check}`)
        else {
          writeFileSync(join(fresh.folder, 'bare'), (await fresh.file('signature')).subarray(6))
          const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:auto']
          const at = (name: string): string => join(fresh.folder, name)
          openssl('dgst', '-sha256', '-verify', at('ak.pem'), ...pss, '-signature', at('bare'), at('quote'))
        }
        assert.equal((await fresh.submit(evidence)).body.verdict, 'trusted', scheme)
      } finally {
        await fresh.stop()
      }
    }
  })

  test('a replayed quote is refused: without a challenge it proves nothing, against another it fails', async () => {
    const { body } = await device.challenge()
    const evidence = await device.evidence(body.nonce, PCRS)
    assert.equal((await device.submit(evidence)).body.verdict, 'trusted')
    const replayed = await device.submit(evidence)
    assert.equal(replayed.status, 409)
    assert.equal(replayed.body.code, 'no-challenge')
    assert.equal((await shown()).state, 'trusted')
    await device.challenge()
    assert.deepEqual(codesOf(await device.submit(evidence)), ['wrong-nonce'])
    assert.equal((await shown()).state, 'failed')
    assert.equal((await device.attest()).body.verdict, 'trusted')
  })

  test('a quote for another nonce is refused, and the challenge is used up by it', async () => {
    await device.challenge()
    const evidence = await device.evidence(Buffer.alloc(32, 7).toString('base64'), PCRS)
    assert.deepEqual(codesOf(await device.submit(evidence)), ['wrong-nonce'])
    assert.equal((await device.submit(evidence)).body.code, 'no-challenge')
  })

  test('a challenge of one device is of no use to another', async () => {
    const { body } = await other.challenge()
    assert.equal(body.code, 'no-attestation-key')
    const mine = await device.challenge()
    assert.equal((await other.enrol()).status, 200)
    await other.challenge()
    // Quoted by the other TPM over this device's nonce, with that one's key.
    const evidence = await other.evidence(mine.body.nonce, PCRS)
    assert.deepEqual(codesOf(await other.submit(evidence)), ['wrong-nonce'])
    assert.deepEqual(codesOf(await device.submit(evidence)), ['bad-signature'])
  })

  test('a quote over other PCRs, other values or changed bytes is refused', async () => {
    const { body } = await device.challenge()
    assert.deepEqual(codesOf(await device.submit(await device.evidence(body.nonce, [0, 4]))), ['wrong-selection'])
    const lying = await device.attest((evidence) => ({
      ...evidence,
      pcrs: { sha256: { ...evidence.pcrs.sha256, 7: 'ab'.repeat(32) } },
    }))
    assert.deepEqual(codesOf(lying), ['wrong-values'])
    const changed = await device.attest((evidence) => {
      const quote = Buffer.from(evidence.quote, 'base64')
      quote[quote.length - 1] = (quote.at(-1) ?? 0) ^ 1
      return { ...evidence, quote: quote.toString('base64') }
    })
    assert.deepEqual(codesOf(changed), ['bad-signature'])
  })

  test('an event log cut short does not lead to what was quoted, and the missing event is named', async () => {
    const answer = await device.attest(withLog(GOOD.slice(0, -1)))
    assert.equal(answer.body.verdict, 'failed')
    const [replay, missing] = reasonsOf(answer)
    assert.deepEqual([replay?.code, replay?.pcr], ['event-log-does-not-replay', 4])
    assert.deepEqual(
      [missing?.code, missing?.pcr, missing?.expected, missing?.remark],
      ['event-missing', 4, [digestOf(KERNEL)], 'kernel'],
    )
    // Cut within an event.
    const torn = await device.attest((evidence) => ({
      ...evidence,
      eventLog: Buffer.from(evidence.eventLog ?? '', 'base64')
        .subarray(0, -3)
        .toString('base64'),
    }))
    assert.deepEqual(codesOf(torn), ['event-log-malformed'])
    // And none at all.
    const none = await device.attest(({ quote, signature, pcrs }) => ({ quote, signature, pcrs }))
    assert.deepEqual(codesOf(none), ['event-log-missing', 'event-log-missing', 'event-log-missing'])
  })

  test('a changed event is named, with what was expected and what was found', async () => {
    const answer = await device.attest(withLog([FIRMWARE, SECURE_BOOT, LOADER, OTHER_KERNEL]))
    assert.deepEqual(codesOf(answer), ['event-log-does-not-replay', 'event-different'])
    const [, different] = reasonsOf(answer)
    // The header of the log is event 0.
    assert.deepEqual(different, {
      code: 'event-different',
      pcr: 4,
      event: 4,
      eventType: 'EV_IPL',
      expected: [digestOf(KERNEL)],
      found: digestOf(OTHER_KERNEL),
      remark: 'kernel',
    })
    // The data of a separator is what it measured; other data beside the same digest is a lie.
    const data = await device.attest(
      withLog([FIRMWARE, { ...SECURE_BOOT, data: text('ffff'), measured: SECURE_BOOT.data }, LOADER, KERNEL]),
    )
    assert.deepEqual(
      reasonsOf(data).map(({ code, event }) => [code, event]),
      [['event-data-changed', 2]],
    )
    const told = await eventually(() =>
      events('attestation.failed').find(({ detail }) => detail?.reason === 'event-data-changed'),
    )
    assert.equal(told?.detail?.event, 2)
  })

  test('a boot of another kernel replays and is failed by its event; a release that names it is what trusts it', async () => {
    await device.restart()
    await device.boot([FIRMWARE, SECURE_BOOT, LOADER, OTHER_KERNEL])
    const answer = await device.attest()
    assert.deepEqual(
      reasonsOf(answer).map(({ code, found }) => [code, found]),
      [['event-different', digestOf(OTHER_KERNEL)]],
    )
    assert.equal((await addReferences(release(2, [FIRMWARE, SECURE_BOOT, LOADER, OTHER_KERNEL]))).status, 201)
    const now = await device.attest()
    assert.deepEqual([now.body.verdict, now.body.reference], ['trusted', { name: 'gateway-firmware', serial: 2 }])
  })

  test('what one document denies no other makes good', async () => {
    const denial = {
      format: 'holdfast-reference-values/1',
      name: 'bad-kernels',
      serial: 1,
      denied: [{ digest: digestOf(OTHER_KERNEL), reason: 'CVE-2026-0001' }],
    }
    assert.equal((await addReferences(denial)).status, 201)
    const [reason] = reasonsOf(await device.attest())
    assert.deepEqual([reason?.code, reason?.event, reason?.remark], ['event-denied', 4, 'bad-kernels: CVE-2026-0001'])
    await call('DELETE', 'references/bad-kernels')
    assert.equal((await device.attest()).body.verdict, 'trusted')
  })

  test('reference values that are taken away take the trust with them at once', async () => {
    assert.equal((await shown()).state, 'trusted')
    await call('DELETE', 'references/gateway-firmware')
    const { state, reason } = await shown()
    assert.deepEqual([state, reason], ['stale', 'reference-withdrawn'])
    assert.deepEqual(codesOf(await device.attest()), ['no-reference'])
    assert.equal((await addReferences(release(3, GOOD))).status, 201)
  })

  test('a stale quote narrows the device without anything happening, and a new one releases it', async () => {
    await device.restart()
    await device.boot(GOOD)
    await call('POST', 'devices/gateway/policy', { pcrs: PCRS, maxAgeMs: 5_000 })
    assert.equal((await device.attest()).body.verdict, 'trusted')
    const live = new LiveDevice({
      id: 'gateway',
      key,
      server: { port: ready.mqttPort, hostname: 'localhost', authority },
    })
    await live.open()
    await live.sendTelemetry(text('{}'))
    const before_ = events('attestation.stale').length
    for (let turns = 0; events('attestation.stale').length === before_ && turns < 200; turns += 1) await wait(100)
    assert.equal(events('attestation.stale').at(-1)?.detail?.reason, 'too-old')
    assert.equal((await shown()).state, 'stale')
    assert.equal(await takes(live, LEFT_MS), false)
    assert.equal((await device.attest()).body.verdict, 'trusted')
    await live.sendTelemetry(text('{}'))
    assert.equal(live.isOpen, true)
    live.close()
    await call('DELETE', 'devices/gateway/policy')
  })

  test('a reset count that runs backwards is a TPM whose state was put back', async () => {
    const state = join(device.folder, 'state')
    const copy = join(folder, 'state-before')
    await device.stopTpm()
    cpSync(state, copy, { recursive: true })
    await device.startTpm()
    await device.restart()
    await device.boot(GOOD)
    assert.equal((await device.attest()).body.verdict, 'trusted')
    const { tpm } = await shown()
    const highest = (tpm as { resetCount: number }).resetCount
    await device.stopTpm()
    rmSync(state, { recursive: true })
    cpSync(copy, state, { recursive: true })
    await device.startTpm()
    await device.boot(GOOD)
    const back = await device.attest()
    assert.deepEqual(codesOf(back), ['counters-backwards'])
    assert.match(String(reasonsOf(back)[0]?.found), new RegExp(`^${highest - 1} resets`))
    // Trying again does not help, nor does another key in the same TPM.
    assert.deepEqual(codesOf(await device.attest()), ['counters-backwards'])
    assert.equal((await device.enrol()).status, 200)
    assert.equal((await shown()).state, 'failed')
    assert.deepEqual(codesOf(await device.attest()), ['counters-backwards'])
    // Its operator forgets it, knowing why.
    await call('DELETE', 'devices/gateway')
    assert.equal((await device.challenge()).body.code, 'no-attestation-key')
    assert.equal((await device.enrol()).status, 200)
    assert.equal((await device.attest()).body.verdict, 'trusted')
  })

  test('an attestation key outside the endorsement hierarchy disguises its counts, and is refused by its quote', async () => {
    const stray = await start('stray')
    try {
      await stray.makeKeys()
      await stray.tools(
        'tpm2_createprimary -C o -c ak.ctx -G rsa2048:rsassa-sha256:null -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign',
        'tpm2_readpublic -c ak.ctx -o ak.pub',
      )
      assert.equal((await stray.enrol()).status, 200)
      await stray.boot(GOOD)
      assert.deepEqual(codesOf(await stray.attest()), ['wrong-hierarchy'])
    } finally {
      await stray.stop()
    }
  })

  test('one TPM is of one device, and a device keeps its TPM', async () => {
    const twin = await start('twin')
    try {
      await twin.makeKeys()
      assert.equal(
        (await twin.showKeys({ ek: await device.file('ek.pub'), ak: await device.file('ak.pub') })).status,
        200,
      )
      // The TPM's owner opens it for the second identity, and the hub does not take it.
      const shownKeys = await twin.showKeys({ ek: await device.file('ek.pub'), ak: await device.file('ak.pub') })
      const secret = await device.openCredential(shownKeys)
      const taken = await twin.call('attestation/keys/activate', { secret })
      assert.deepEqual([taken.status, taken.body.code], [409, 'endorsement-key-taken'])
      const changed = await device.showKeys({ ek: await twin.file('ek.pub'), ak: await twin.file('ak.pub') })
      assert.deepEqual([changed.status, changed.body.code], [409, 'endorsement-key-changed'])
    } finally {
      await twin.stop()
    }
  })

  test('verdicts, keys and values outlast a restart; what is made anew of the same id inherits nothing', async () => {
    await hub.end('SIGTERM')
    const data = join(folder, 'hub')
    hub = HubProcess.launch({ data, mqttPort: ready.mqttPort, httpsPort: ready.httpsPort })
    ready = await hub.ready
    assert.equal((await shown()).state, 'trusted')
    assert.equal(((await call('GET', 'references')).items as unknown[]).length, 1)
    assert.deepEqual(((await call('GET', 'policy')).policy as { pcrs: number[] }).pcrs, PCRS)
    assert.equal((await device.attest()).body.verdict, 'trusted')
    await api.call('DELETE', '/api/v1/devices/gateway')
    await api.createDevice('gateway')
    const { state, attestationKey } = await shown()
    assert.deepEqual([state, attestationKey], ['none', undefined])
  })

  test('hostile bodies are refused by name and harm nobody', async () => {
    const bodies: readonly (readonly [string, object, string])[] = [
      ['keys', {}, 'invalid'],
      ['keys', { endorsementKey: 'AAAA', attestationKey: 'AAAA' }, 'invalid'],
      ['keys', { endorsementKey: '!!!!', attestationKey: 'AAAA' }, 'invalid'],
      ['keys/activate', { secret: 7 }, 'invalid'],
      ['evidence', { quote: 'AAAA', signature: 'AAAA', pcrs: { sha1: {} } }, 'invalid'],
      ['evidence', { quote: 'AAAA', signature: 'AAAA', pcrs: { sha256: { 99: 'ab' } } }, 'invalid'],
      ['evidence', { quote: 'AAAA', signature: 'AAAA', pcrs: { sha256: {} }, more: 1 }, 'invalid'],
    ]
    for (const [path, body, code] of bodies) {
      const answer = await other.call(`attestation/${path}`, body)
      assert.deepEqual([answer.status, answer.body.code], [400, code], JSON.stringify(body))
    }
    await other.challenge()
    const junk = await other.submit({ quote: 'AAAA', signature: 'ABQACwAEAAAAAA==', pcrs: { sha256: {} } })
    assert.deepEqual([junk.status, codesOf(junk)], [200, ['bad-signature']])
    assert.equal((await other.call('attestation/nothing')).status, 404)
  })
})
