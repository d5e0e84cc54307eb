import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { stage } from '../../testing/management-stage.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const PEM = String(publicKey.export({ format: 'pem', type: 'spki' }))
const DIGEST = 'ab'.repeat(32)

function signedValues(content: object): { readonly document: string; readonly signature: string } {
  const document = JSON.stringify({ format: 'holdfast-reference-values/1', name: 'values', serial: 1, ...content })
  return { document, signature: sign(null, Buffer.from(document), privateKey).toString('base64') }
}

test('the policy of every device, and of one, is set, shown and taken away', async () => {
  const { local, attestationStore, events } = await stage()
  assert.deepEqual((await local('GET', '/attestation/policy')).body, { policy: null })
  const set = await local('POST', '/attestation/policy', { pcrs: [7, 4], maxAgeMs: 90_000 })
  assert.deepEqual([set.status, set.body.pcrs, set.body.onFailure], [200, [4, 7], 'remediation'])
  assert.equal((await local('POST', '/attestation/devices/nobody/policy', { pcrs: [1] })).status, 404)
  await local('POST', '/devices', { deviceId: 'd' })
  attestationStore.devices.set('d', 'g')
  assert.equal((await local('GET', '/attestation/devices/d')).body.policySource, 'default')
  assert.equal((await local('POST', '/attestation/devices/d/policy', { pcrs: [1], onFailure: 'observe' })).status, 200)
  const shown = (await local('GET', '/attestation/devices/d')).body
  assert.deepEqual([shown.state, shown.policySource], ['none', 'device'])
  assert.equal((await local('DELETE', '/attestation/devices/d/policy')).status, 204)
  assert.equal((await local('DELETE', '/attestation/policy')).status, 204)
  assert.equal((await local('GET', '/attestation/devices/d')).body.policySource, undefined)
  assert.equal(events.filter(({ type }) => type === 'attestation.policy-changed').length, 4)
})

test('a policy, a signer or a document of the wrong form is refused by name', async () => {
  const { local } = await stage()
  for (const body of [{ pcrs: [] }, { pcrs: [24] }, { bank: 'sha1' }, { maxAgeMs: 1 }, { pcrs: [1, 1] }, { more: 1 }]) {
    assert.equal((await local('POST', '/attestation/policy', body)).status, 400, JSON.stringify(body))
  }
  const none = await local('POST', '/attestation/signers', { name: 'release', publicKey: 'no key' })
  assert.deepEqual([none.status, none.body.code], [400, 'invalid'])
  const unknown = await local('POST', '/attestation/references', signedValues({ denied: [{ digest: DIGEST }] }))
  assert.deepEqual([unknown.status, unknown.body.code], [400, 'bad-signature'])
  await local('POST', '/attestation/signers', { name: 'release', publicKey: PEM })
  const bad = await local('POST', '/attestation/references', signedValues({ events: [{ pcr: 99 }] }))
  assert.deepEqual([bad.status, bad.body.code], [400, 'invalid'])
  assert.match(String(bad.body.detail), /\/events\/0\/pcr/)
})

test('signers and what they signed are listed, and go together', async () => {
  const { local } = await stage()
  assert.equal((await local('POST', '/attestation/signers', { name: 'release', publicKey: PEM })).status, 201)
  assert.equal((await local('POST', '/attestation/signers', { name: 'release', publicKey: PEM })).status, 409)
  const content = {
    events: [{ pcr: 4, digests: { sha256: [DIGEST] } }],
    pcrs: { sha256: { 7: [DIGEST] } },
    denied: [{ digest: DIGEST, reason: 'x' }],
    models: ['m'],
  }
  const added = await local('POST', '/attestation/references', signedValues(content))
  assert.equal(added.status, 201)
  const { added: at, ...facts } = added.body
  assert.equal(typeof at, 'string')
  assert.deepEqual(facts, {
    name: 'values',
    serial: 1,
    signer: 'release',
    models: ['m'],
    inForce: true,
    pcrs: [4, 7],
    events: 1,
    denied: 1,
  })
  assert.equal((await local('POST', '/attestation/references', signedValues(content))).status, 409)
  assert.equal(((await local('GET', '/attestation/references')).body.items as unknown[]).length, 1)
  assert.equal((await local('DELETE', '/attestation/signers/release')).status, 204)
  assert.deepEqual((await local('GET', '/attestation/references')).body.items, [])
  assert.equal((await local('DELETE', '/attestation/references/values')).status, 404)
  assert.equal((await local('DELETE', '/attestation/signers/release')).status, 404)
})

test('whom the hub believes and what holds for all is said by its owner alone', async () => {
  const { service } = await stage()
  const body = { name: 'release', publicKey: PEM }
  assert.equal((await service('registryReadWrite', 'POST', '/attestation/signers', body)).status, 403)
  assert.equal((await service('registryReadWrite', 'POST', '/attestation/policy', { pcrs: [1] })).status, 403)
  assert.equal((await service('registryRead', 'DELETE', '/attestation/devices/d')).status, 403)
  assert.equal((await service('service', 'GET', '/attestation/devices')).status, 403)
  assert.equal((await service('iothubowner', 'POST', '/attestation/signers', body)).status, 201)
  assert.equal((await service('registryRead', 'GET', '/attestation/devices')).status, 200)
})

test('a device that is not there, or has nothing to forget, is missing', async () => {
  const { local } = await stage()
  assert.equal((await local('GET', '/attestation/devices/nobody')).status, 404)
  assert.equal((await local('DELETE', '/attestation/devices/nobody')).status, 404)
})
