import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionPolicyError, DEFAULT_POLICY, effectivePolicy, readConnectionPolicy } from './connection-policy.ts'
import { breachOf } from './connection-rules.ts'

const CONNECTION = { address: '10.1.2.3', transport: 'mqtt', tlsVersion: 'TLSv1.3' } as const

function pathsOf(document: unknown): readonly string[] {
  try {
    readConnectionPolicy(document)
  } catch (error) {
    if (error instanceof ConnectionPolicyError) return error.faults.map(({ path }) => path)
    throw error
  }
  return []
}

test('a policy reads to itself', () => {
  const policy = {
    networks: ['10.0.0.0/8', '2001:db8::/32'],
    transports: ['mqtt', 'https'],
    tlsFloor: '1.3',
    duplicates: 'refuse-newcomer',
    whenSuspected: 'quarantine',
    whenProven: 'watch',
    nonce: 'required',
  }
  assert.deepEqual(readConnectionPolicy(policy), policy)
  assert.deepEqual(readConnectionPolicy({}), {})
})

test('every fault of a policy is named, and what is not known is one', () => {
  assert.deepEqual(
    pathsOf({ networks: ['10.0.0.0/8', '10.0.0.1/8', 7], transports: ['mqtt', 'mqtt'], tlsFloor: '1.1', extra: 1 }),
    ['/networks/1', '/networks/2', '/transports', '/tlsFloor', '/extra'],
  )
  for (const document of [null, [], 'x', 7]) assert.deepEqual(pathsOf(document), [''])
  assert.deepEqual(pathsOf({ networks: [] }), ['/networks'])
  assert.deepEqual(pathsOf({ networks: Array.from({ length: 65 }, () => '10.0.0.0/8') }), ['/networks'])
  assert.deepEqual(pathsOf({ transports: [] }), ['/transports'])
  assert.deepEqual(pathsOf({ transports: ['amqp'] }), ['/transports'])
  assert.deepEqual(pathsOf({ duplicates: undefined }), ['/duplicates'])
  assert.deepEqual(pathsOf(JSON.parse('{"__proto__":{"networks":["10.0.0.0/8"]},"a/b~":1}')), ['/__proto__', '/a~1b~0'])
})

test('each member is taken from the nearest policy that says it', () => {
  const device = { tlsFloor: '1.3' } as const
  const model = { networks: ['10.0.0.0/8'], tlsFloor: '1.2' } as const
  const hub = { networks: ['192.0.2.0/24'], duplicates: 'refuse-newcomer' } as const
  const { parsedNetworks, ...policy } = effectivePolicy([device, undefined, model, hub])
  assert.deepEqual(policy, {
    ...DEFAULT_POLICY,
    tlsFloor: '1.3',
    networks: ['10.0.0.0/8'],
    duplicates: 'refuse-newcomer',
  })
  assert.equal(parsedNetworks?.length, 1)
  assert.deepEqual(effectivePolicy([]), DEFAULT_POLICY)
})

test('network, transport and TLS are held against the policy', () => {
  const code = (policy: object, change: object = {}): string | undefined =>
    breachOf(effectivePolicy([readConnectionPolicy(policy)]), { ...CONNECTION, ...change })?.code
  assert.equal(code({}), undefined)
  assert.equal(code({ networks: ['10.1.0.0/16'] }), undefined)
  assert.equal(code({ networks: ['10.2.0.0/16', '::/0'] }), 'network-not-allowed')
  assert.equal(code({ networks: ['0.0.0.0/0'] }, { address: 'local' }), 'network-not-allowed')
  assert.equal(code({ transports: ['mqtt-ws', 'https'] }), 'transport-not-allowed')
  assert.equal(code({ transports: ['https'] }, { transport: 'https' }), undefined)
  assert.equal(code({ tlsFloor: '1.3' }), undefined)
  assert.equal(code({ tlsFloor: '1.3' }, { tlsVersion: 'TLSv1.2' }), 'tls-below-floor')
  assert.equal(code({ tlsFloor: '1.2' }, { tlsVersion: 'TLSv1.2' }), undefined)
  assert.equal(code({}, { tlsVersion: 'TLSv1.1' }), 'tls-below-floor')
  assert.equal(code({}, { tlsVersion: '' }), 'tls-below-floor')
})
