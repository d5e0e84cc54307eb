/**
 * From a claim to the tombstone: devices that are curl and mosquitto with certificates of openssl, on manifests signed by
 * openssl.
 */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { knock } from './certificate-device.ts'
import { openssl } from './est-client.ts'
import { claimCodeSha256, publicKeyOf } from './manifest-maker.ts'
import { stays } from './mqtt-peer.ts'
import {
  call,
  certificateFor,
  holdfast,
  type Json,
  manufacturer,
  MODEL,
  must,
  outcomes,
  owner,
  provision,
  provisioned,
  refused,
  send,
  skip,
  text,
  the,
  told,
} from './supply-stage.ts'

suite('claims', { skip }, () => {
  test('a device is claimed by its code, and provisions by exactly its key', async () => {
    const maker = await manufacturer()
    const [key, other] = [the().keys.newKey(), the().keys.newKey()]
    const code = 'MFRG-GZDF-MZTW-Q2LK'
    const line = { serial: 'SN-Claim-1', model: maker.model, publicKey: publicKeyOf(key) }
    send(maker.sign([{ ...line, claimCodeSha256: claimCodeSha256(code) }]), maker.name)
    const name = await owner()
    const before = await provision('sn-claim-1', certificateFor('sn-claim-1', key))
    assert.equal(before.errorCode, 401002, 'nobody has claimed it yet')
    await refused('POST', '/claims', { serial: 'SN-Claim-1', manufacturer: maker.name, owner: name }, 'needs-code')
    await refused('POST', '/claims', { code: 'MFRGGZDFMZTWQ2LL', owner: name }, 'unknown-code')
    await refused('POST', '/claims', { code, owner: 'nobody' }, 'unknown-owner')
    const entry = await must('POST', '/claims', { code: 'mfrg gzdf mztw q2lk', owner: name })
    assert.deepEqual([entry.state, entry.registrationId, entry.owner], ['claimed', 'sn-claim-1', name])
    await refused('POST', '/claims', { code, owner: name }, 'already-claimed')
    for (const pair of [certificateFor('sn-claim-1', other), certificateFor('sn-claim-2', key)]) {
      assert.equal((await provision('sn-claim-1', pair)).errorCode, 401002)
    }
    const assigned = await provision('sn-claim-1', certificateFor('sn-claim-1', key))
    assert.equal(assigned.status, 'assigned')
    const life = await must('GET', '/devices/sn-claim-1/life')
    assert.deepEqual([life.state, life.owner, life.serial, life.model], ['active', name, 'SN-Claim-1', maker.model])
    const { items } = (await must('GET', '/devices/sn-claim-1/life/history')) as { items: readonly Json[] }
    assert.deepEqual(
      items.map(({ move }) => move),
      ['provision', 'activate'],
    )
  })

  test('codes are not in the data folder as their manufacturer wrote them', async () => {
    const maker = await manufacturer()
    const digest = claimCodeSha256('ABCDEFGHIJKLMNOP')
    const line = { serial: 'hidden', model: maker.model, publicKey: publicKeyOf(the().keys.newKey()) }
    send(maker.sign([{ ...line, claimCodeSha256: digest }]), maker.name)
    const files = ['state.db', 'state.db-wal'].map((name) => readFileSync(join(the().data, name)).toString('latin1'))
    assert.ok(files.some((content) => content.includes('hidden')))
    assert.ok(files.every((content) => !content.toUpperCase().includes(digest.toUpperCase())))
  })

  test('a model that is commissioned narrows its devices until that is done', async () => {
    const { pair } = await provisioned('site-1', 'site')
    assert.equal((await must('GET', '/devices/site-1/life')).state, 'provisioned')
    assert.notEqual(await knock(the().doors, 'https', 'site-1', pair), true)
    await must('POST', '/devices/site-1/life/commission', { reason: 'hall 3' })
    assert.equal(await knock(the().doors, 'https', 'site-1', pair), true)
    assert.equal(await knock(the().doors, 'mqtt', 'site-1', pair), true)
    await refused('POST', '/devices/site-1/life/commission', {}, 'illegal-move')
    assert.equal(told('device.life-refused', 'device/site-1').length, 1)
  })

  test('devices that the registry makes are as they were: active, of no model, and nobody’s', async () => {
    await must('POST', '/devices', { deviceId: 'plain-1' })
    const life = await must('GET', '/devices/plain-1/life')
    assert.deepEqual([life.state, life.model, life.owner], ['active', undefined, undefined])
  })

  test('a quarantine is a part of the device’s life, and does not change hands', async () => {
    const { pair } = await provisioned('quarantined-1')
    assert.equal((await holdfast('quarantine', 'add', 'quarantined-1', '--reason', 'a copy shows')).code, 0)
    await lifeIs('quarantined-1', 'quarantined')
    assert.notEqual(await knock(the().doors, 'https', 'quarantined-1', pair), true)
    await refused('POST', '/devices/quarantined-1/transfer', { to: await owner() }, 'illegal-move')
    assert.equal((await holdfast('quarantine', 'release', 'quarantined-1')).code, 0)
    await lifeIs('quarantined-1', 'active')
    assert.equal(await knock(the().doors, 'https', 'quarantined-1', pair), true)
  })

  test('what a device says of its model counts for nothing, and is told where it differs', async () => {
    const { maker, pair } = await provisioned('model-1')
    const announces = ['dtmi:acme:pump;3']
    const requirements = { commissioning: false, rollingNonce: false }
    const model = { ...MODEL, manufacturer: maker.name, tier: 'constrained', announces, requirements }
    await must('PUT', `/models/${maker.name}-plain`, model)
    const announce = (modelId: string): void => {
      const user = `localhost/model-1/?api-version=2021-04-12&model-id=${encodeURIComponent(modelId)}`
      const tls = ['--cafile', the().doors.caFile, '--cert', pair.certificate, '--key', pair.key]
      const who = ['-h', 'localhost', '-p', String(the().doors.mqttPort), '-V', 'mqttv311', '-i', 'model-1', '-u', user]
      const given = [...who, ...tls, '-q', '1', '-t', 'devices/model-1/messages/events/', '-m', '{}']
      const run = spawnSync('mosquitto_pub', given, { encoding: 'utf8', timeout: 15_000 })
      assert.equal(run.status, 0, run.stderr)
    }
    announce('dtmi:acme:pump;3')
    assert.deepEqual(told('device.model-mismatch', 'device/model-1'), [])
    announce('dtmi:acme:pump;4')
    const [detail] = told('device.model-mismatch', 'device/model-1')
    assert.deepEqual(detail, { model: `${maker.name}-plain`, announced: 'dtmi:acme:pump;4' })
    assert.equal((await must('GET', '/devices/model-1/life')).model, `${maker.name}-plain`)
  })

  test('a credential that the model does not allow narrows the device', async () => {
    await manufacturer()
    const pair = the().keys.newCertificate('thumb-1')
    const digest = openssl(['x509', '-in', pair.certificate, '-noout', '-fingerprint', '-sha256'])
    const thumbprint = digest.split('=')[1]?.trim().replaceAll(':', '') ?? ''
    await must('POST', '/devices', { deviceId: 'thumb-1', auth: 'x509-thumbprint', thumbprints: [thumbprint] })
    assert.equal(await knock(the().doors, 'https', 'thumb-1', pair), true)
    const model = { ...MODEL, id: 'keys-only', tier: 'constrained' }
    const requirements = { commissioning: false, rollingNonce: false, credentials: ['symmetric-key'] }
    await must('POST', '/models', { ...model, requirements })
    await must('POST', '/devices/thumb-1/life/model', { model: 'keys-only', hardwareRevision: 'B' })
    assert.notEqual(await knock(the().doors, 'https', 'thumb-1', pair), true)
    await must('PUT', '/models/keys-only', { ...model, requirements: { commissioning: false, rollingNonce: false } })
    assert.equal(await knock(the().doors, 'https', 'thumb-1', pair), true)
    await refused('DELETE', '/models/keys-only', undefined, 'in-use')
  })
})

suite('ownership and the end', { skip }, () => {
  test('a transfer cuts the old owner off, and the device comes back by its key alone', async () => {
    const { pair } = await provisioned('hand-1')
    await must('POST', '/devices/hand-1/modules', { moduleId: 'm' })
    const keyBefore = (await must('GET', '/devices/hand-1/modules/m/connection-string')).connectionString
    const to = await owner()
    const device = stays(the().doors, 'hand-1', pair)
    const ended = once(device, 'exit')
    await connected('hand-1')
    const offer = await must('POST', '/devices/hand-1/transfer', { to, clearTags: true })
    assert.equal((await must('GET', '/devices/hand-1/life')).offeredTo, to)
    await refused('POST', '/transfers/accept', { code: 'AAAAAABBBBBBCCCCCCDDDDDD' }, 'unknown-code')
    const life = await must('POST', '/transfers/accept', { code: text(offer.code).toLowerCase() })
    assert.deepEqual([life.state, life.owner], ['claimed', to])
    await ended
    assert.notEqual(await knock(the().doors, 'https', 'hand-1', pair), true)
    assert.notEqual((await must('GET', '/devices/hand-1/modules/m/connection-string')).connectionString, keyBefore)
    await refused('POST', '/transfers/accept', { code: text(offer.code) }, 'unknown-code')
    assert.equal((await provision('hand-1', pair)).status, 'assigned')
    assert.equal(await knock(the().doors, 'https', 'hand-1', pair), true)
    const { items } = (await must('GET', '/devices/hand-1/life/history')) as { items: readonly Json[] }
    assert.deepEqual(
      items.map(({ move }) => move),
      ['provision', 'activate', 'offer', 'transfer', 'provision', 'activate'],
    )
  })

  test('a device with keys has new ones after a transfer; an offer can be taken back', async () => {
    await must('POST', '/devices', { deviceId: 'hand-2' })
    const before = (await must('GET', '/devices/hand-2/connection-string')).connectionString
    const to = await owner()
    const withdrawn = await must('POST', '/devices/hand-2/transfer', { to })
    await must('DELETE', '/devices/hand-2/transfer')
    await refused('POST', '/transfers/accept', { code: text(withdrawn.code) }, 'unknown-code')
    assert.equal((await must('GET', '/devices/hand-2/connection-string')).connectionString, before)
    const { code } = await must('POST', '/devices/hand-2/transfer', { to })
    const accepted = await holdfast('device', 'accept', text(code), '--json')
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.equal((JSON.parse(accepted.stdout) as Json).owner, to)
    assert.notEqual((await must('GET', '/devices/hand-2/connection-string')).connectionString, before)
    await refused('DELETE', `/owners/${to}`, undefined, 'in-use')
  })

  test('a retired device is cut off, its key is refused, and its id can only begin anew', async () => {
    const { pair, maker, key } = await provisioned('end-1')
    const before = await must('GET', '/devices/end-1')
    const device = stays(the().doors, 'end-1', pair)
    const ended = once(device, 'exit')
    await connected('end-1')
    const retired = await holdfast('device', 'retire', 'end-1', '--reason', 'scrapped', '--json')
    assert.equal(retired.code, 0, retired.stderr)
    await ended
    assert.equal((await call('GET', '/devices/end-1')).status, 404)
    assert.notEqual(await knock(the().doors, 'https', 'end-1', pair), true)
    // Under an ordinary enrolment of the same certificate, as if nobody remembered.
    const certificate = readFileSync(pair.certificate, 'utf8')
    await must('POST', '/enrollments', { id: 'end-1', attestation: 'x509', certificate })
    assert.equal((await provision('end-1', pair)).errorCode, 401002)
    assert.ok(told('registration.refused', 'registration/end-1').some(({ code }) => code === 'key-retired'))
    await must('DELETE', '/enrollments/end-1')
    // On another manifest, under another serial number.
    const again = send(maker.sign([{ serial: 'end-2', model: maker.model, publicKey: publicKeyOf(key) }]), maker.name)
    assert.deepEqual(outcomes(again.lines), ['2 conflict'])
    const { items } = (await must('GET', '/tombstones?device=end-1')) as { items: readonly Json[] }
    assert.equal(items.length, 1)
    assert.deepEqual([items[0]?.reason, items[0]?.serial], ['scrapped', 'end-1'])
    // Enrolled anew under another key: another identity, with nothing of the old one's.
    const fresh = certificateFor('end-1', the().keys.newKey())
    await must('POST', '/enrollments', {
      id: 'end-1',
      attestation: 'x509',
      certificate: readFileSync(fresh.certificate, 'utf8'),
    })
    assert.equal((await provision('end-1', fresh)).status, 'assigned')
    const life = await must('GET', '/devices/end-1/life')
    assert.notEqual(life.generationId, items[0]?.generationId)
    assert.deepEqual([life.state, life.model, life.owner, life.serial], ['active', undefined, undefined, undefined])
    assert.equal(before.deviceId, 'end-1')
    assert.notEqual(await knock(the().doors, 'https', 'end-1', pair), true)
    assert.equal(await knock(the().doors, 'https', 'end-1', fresh), true)
  })

  test('guessing is slowed', async () => {
    const name = await owner()
    const codes: unknown[] = []
    for (let attempt = 0; attempt < 14; attempt += 1) {
      const answer = await call('POST', '/claims', { code: `WRONGCODE${1_000 + attempt}`, owner: name })
      codes.push(answer.body.code)
    }
    assert.ok(codes.includes('throttled'), codes.join())
    assert.equal(codes.at(-1), 'throttled')
  })
})

async function connected(deviceId: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if ((await must('GET', `/devices/${deviceId}`)).connected === true) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${deviceId} does not connect`)
}

async function lifeIs(deviceId: string, state: string): Promise<void> {
  let found: unknown
  for (let attempt = 0; attempt < 100; attempt += 1) {
    found = (await must('GET', `/devices/${deviceId}/life`)).state
    if (found === state) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  assert.equal(found, state)
}
