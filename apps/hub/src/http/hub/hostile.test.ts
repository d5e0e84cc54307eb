/** Bodies and addresses made from good ones by chance: whatever they are, the answer is a document or a refusal by name. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { REST_ERRORS } from '@holdfast/iothub'
import { codeOf, hubStage } from '../../testing/hub-stage.ts'

/** Requests of one seed; some 300 microseconds each. */
const REQUESTS = 2_500
const SEEDS = [1, 2, 3]

const DOCUMENT = {
  deviceId: 'd',
  etag: 'AAAAAAAAAAE=',
  status: 'disabled',
  statusReason: 'x',
  authentication: {
    type: 'selfSigned',
    symmetricKey: { primaryKey: 'MTIzNDU2Nzg5MHF3ZXJ0eQ==', secondaryKey: '' },
    x509Thumbprint: { primaryThumbprint: '0'.repeat(40), secondaryThumbprint: null },
  },
  capabilities: { iotEdge: true },
  deviceScope: 'ms-azure-iot-edge://d-1',
  parentScopes: ['ms-azure-iot-edge://d-1'],
  managedBy: null,
  id: 'd',
  moduleId: 'm',
  importMode: 'createOrUpdate',
  tags: { a: { b: 1 } },
  properties: { desired: { c: [1, 'x', null] } },
}

/** Of a bulk operation that is done as it stands. */
const PLAIN = { id: 'd', importMode: 'createOrUpdate', status: 'disabled', authentication: DOCUMENT.authentication }

/** What stands in the place of a value. */
const SCALARS: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  '',
  '*',
  'sas',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  '🦆',
  '..',
  'x'.repeat(5_000),
  [],
  {},
  [[[[]]]],
  { $metadata: {} },
]

/** xorshift, so that a failure can be had again from its seed. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return Math.abs(state) % below
  }
}

function mutated(value: unknown, roll: (below: number) => number): unknown {
  if (roll(25) === 0) return SCALARS[roll(SCALARS.length)]
  if (Array.isArray(value)) return value.flatMap((one) => (roll(8) === 0 ? [] : [mutated(one, roll)]))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([name, one]): [string, unknown][] => {
    if (roll(15) === 0) return []
    return [[roll(30) === 0 ? String(SCALARS[roll(SCALARS.length)]) : name, mutated(one, roll)]]
  })
  return Object.fromEntries(entries)
}

const METHODS = ['GET', 'PUT', 'PUT', 'PUT', 'POST', 'DELETE', 'PATCH'] as const
const PATHS = [
  '/devices/d',
  '/devices/d/modules/m',
  '/devices',
  '/devices/e',
  '/statistics/devices',
  '/devices/%00',
  '/devices/a%2Fb',
] as const
const ETAGS = ['"*"', '*', '"AAAAAAAAAAE="', '""', '"', ',', 'W/"x"'] as const

for (const seed of SEEDS) {
  test(`whatever is asked, the answer is one that the interface has (seed ${seed})`, async () => {
    const hub = await hubStage()
    const roll = dice(seed)
    const seen = new Set<string>()
    for (let at = 0; at < REQUESTS; at += 1) {
      const method = METHODS[roll(METHODS.length)] ?? 'GET'
      const path = PATHS[roll(PATHS.length)] ?? '/devices'
      const one = mutated(DOCUMENT, roll)
      const body =
        method === 'POST'
          ? Array.from({ length: 1 + roll(2) }, () => mutated(roll(2) === 0 ? DOCUMENT : PLAIN, roll))
          : one
      const headers = roll(2) === 0 ? { 'if-match': ETAGS[roll(ETAGS.length)] ?? '*' } : {}
      const answer = await hub.local(method, path, method === 'GET' || method === 'DELETE' ? undefined : body, headers)
      const what = `${at}: ${method} ${path} ${JSON.stringify(body).slice(0, 400)} gives ${JSON.stringify(answer.body)}`
      if (answer.status < 300) {
        seen.add(`${method} done`)
        continue
      }
      assert.ok([400, 404, 405, 409, 412].includes(answer.status), what)
      if (answer.status === 400 && method === 'POST' && codeOf(answer) === '') {
        assert.ok(typeof answer.body === 'object' && answer.body !== null && 'errors' in answer.body, what)
        continue
      }
      assert.ok(Object.hasOwn(REST_ERRORS, codeOf(answer)), what)
      seen.add(codeOf(answer))
    }
    assert.deepEqual(hub.failures, [])
    // The mutations are neither all refused nor all taken.
    for (const name of [
      'PUT done',
      'POST done',
      'DELETE done',
      'ArgumentInvalid',
      'DeviceNotFound',
      'PreconditionFailed',
    ]) {
      assert.ok(seen.has(name), name)
    }
  })
}
