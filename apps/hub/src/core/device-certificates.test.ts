import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CredentialError } from '@holdfast/credentials'
import type { IdentityKey } from '@holdfast/identity'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import type { Publication } from '@holdfast/messaging'
import { DeviceCertificates } from './device-certificates.ts'

const KEY: IdentityKey = { deviceId: 'pump' }
const CSR = 'AAAA'

interface Answer {
  readonly status: number
  readonly requestId: string
  readonly body: { readonly errorCode?: number; readonly certificates?: readonly string[]; readonly info?: unknown }
}

function stage() {
  const clock = new ManualClock()
  const answers: Answer[] = []
  const issues: { readonly resolve: (chain: readonly Uint8Array[]) => void; readonly reject: (e: unknown) => void }[] =
    []
  const faults: unknown[] = []
  const gate = { mayRenew: true, isConnected: true }
  const certificates = new DeviceCertificates({
    clock,
    random: countingRandom(),
    mayRenew: () => gate.mayRenew,
    publish: (_key, { topic, payload }: Publication) => {
      if (!gate.isConnected) return false
      const [, status = '', requestId = ''] = /res\/(\d+)\/\?\$rid=(.*)$/.exec(topic) ?? []
      answers.push({ status: Number(status), requestId, body: JSON.parse(Buffer.from(payload).toString()) })
      return true
    },
    issue: () => new Promise((resolve, reject) => issues.push({ resolve, reject })),
    fault: (error) => faults.push(error),
  })
  const listen = (): void => certificates.listening(KEY, [{ kind: 'certificate-responses' }])
  listen()
  return {
    clock,
    certificates,
    answers,
    issues,
    faults,
    gate,
    listen,
    ask: (requestId: string, more: object = {}) =>
      certificates.request(
        KEY,
        { kind: 'certificate-request', requestId },
        Buffer.from(JSON.stringify({ id: 'pump', csr: CSR, ...more })),
      ),
    statuses: () => answers.map(({ status, requestId }) => `${requestId} ${status}`),
    settled: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

test('a request is accepted at once and answered when it is done', async () => {
  const { ask, issues, answers, statuses, settled } = stage()
  ask('1234')
  assert.deepEqual(statuses(), ['1234 202'])
  issues[0]?.resolve([Uint8Array.of(1), Uint8Array.of(2)])
  await settled()
  assert.deepEqual(statuses(), ['1234 202', '1234 200'])
  assert.deepEqual(answers[1]?.body.certificates, ['AQ==', 'Ag=='])
})

test('a second request conflicts until the first is done, and one with replace takes its place', async () => {
  const { ask, issues, answers, statuses, settled } = stage()
  ask('1111')
  ask('2222')
  assert.equal(answers[1]?.body.errorCode, 409_004)
  ask('3333', { replace: '9999' })
  assert.equal(answers[2]?.body.errorCode, 412_001)
  ask('4444', { replace: '1111' })
  ask('5555', { replace: '*' })
  issues[0]?.resolve([])
  issues[1]?.resolve([])
  await settled()
  assert.deepEqual(statuses(), ['1111 202', '2222 409', '3333 412', '4444 202', '5555 202'])
  issues[2]?.resolve([])
  await settled()
  assert.equal(statuses().at(-1), '5555 200')
  ask('6666')
  assert.equal(statuses().at(-1), '6666 202')
})

test('an outcome waits for a connection that listens, and not for ever', async () => {
  const { ask, issues, certificates, statuses, settled, gate, listen, clock } = stage()
  ask('1111')
  certificates.gone(KEY)
  gate.isConnected = false
  issues[0]?.resolve([])
  await settled()
  gate.isConnected = true
  listen()
  assert.deepEqual(statuses(), ['1111 202', '1111 200'])
  ask('2222')
  certificates.gone(KEY)
  issues[1]?.resolve([])
  await settled()
  clock.advance(300_001)
  listen()
  assert.equal(statuses().at(-1), '2222 202')
})

test('what a gate stops, what the rules refuse and what breaks are told apart', async () => {
  const { ask, issues, answers, statuses, settled, gate, faults } = stage()
  gate.mayRenew = false
  ask('1111')
  gate.mayRenew = true
  ask('2222')
  issues[0]?.reject(new CredentialError('weak-key', 'RSA keys have 2048 bits or more'))
  await settled()
  ask('3333')
  issues[1]?.reject(new Error('the disk is gone'))
  await settled()
  assert.deepEqual(statuses(), ['1111 403', '2222 202', '2222 400', '3333 202', '3333 503'])
  assert.equal(answers[2]?.body.errorCode, 400_037)
  assert.equal(faults.length, 1)
  assert.ok(!JSON.stringify(answers[4]?.body).includes('disk'))
})

test('a body that is no request is answered and nothing is issued', () => {
  const { certificates, statuses, issues } = stage()
  for (const [requestId, body] of [
    ['1', ''],
    ['2', '{"id":"pump"'],
    ['3', '{"id":"other","csr":"AAAA"}'],
  ] as const) {
    certificates.request(KEY, { kind: 'certificate-request', requestId }, Buffer.from(body))
  }
  assert.deepEqual(statuses(), ['1 400', '2 400', '3 400'])
  assert.equal(issues.length, 0)
})

test('a deleted identity leaves nothing to its successor', async () => {
  const { ask, issues, certificates, statuses, settled, listen } = stage()
  ask('1111')
  certificates.gone(KEY)
  issues[0]?.resolve([])
  await settled()
  certificates.deleted(KEY)
  listen()
  assert.deepEqual(statuses(), ['1111 202'])
})
