import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCertificationRequest } from '@holdfast/pki'
import { createMemorySigner } from '@holdfast/pki/testing'
import { stage } from '../../testing/management-stage.ts'

async function withCertificate() {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'd', auth: 'x509-ca' })
  const request = await createCertificationRequest({ commonName: 'd' }, createMemorySigner())
  const wish = { key: { deviceId: 'd' }, request, actor: 'device/d', via: 'est' } as const
  const { record } = await hub.services.credentials.issue(wish)
  return { hub, record }
}

test('certificates of an identity are listed without their bytes, and shown one by one with them', async () => {
  const { hub, record } = await withCertificate()
  const list = await hub.local('GET', `/certificates?device=d`)
  const [item] = list.body['items'] as Record<string, unknown>[]
  assert.deepEqual(
    [item?.['serialNumber'], item?.['state'], item?.['certificate']],
    [record.serialNumber, 'current', undefined],
  )
  // As openssl prints it, in either case.
  const printed = record.serialNumber.toLowerCase().replace(/(..)(?=.)/g, '$1:')
  const shown = await hub.local('GET', `/certificates/${encodeURIComponent(printed)}`)
  assert.equal(shown.status, 200)
  assert.match(String(shown.body['certificate']), /^-----BEGIN CERTIFICATE-----\n/)
  assert.equal((await hub.local('GET', `/certificates/AB`)).status, 404)
  assert.equal((await hub.local('GET', '/certificates')).status, 400)
})

test('a revocation is told with its sessions, once; an unknown reason is refused', async () => {
  const { hub, record } = await withCertificate()
  const at = `/certificates/${record.serialNumber}/revoke`
  assert.equal((await hub.local('POST', at, { reason: 'certificateHold' })).status, 400)
  const { status, body } = await hub.local('POST', at, { reason: 'keyCompromise' })
  assert.equal(status, 200)
  assert.deepEqual(body, { revoked: [record.serialNumber], sessionsClosed: 1, milliseconds: 3 })
  assert.deepEqual(hub.cuts.at(-1), { kind: 'certificate', sha256: record.sha256 })
  const again = await hub.local('POST', at, {})
  assert.deepEqual([again.status, again.body['code']], [409, 'already-revoked'])
  const all = await hub.local('POST', `/certificates/revoke`, { deviceId: 'd' })
  assert.deepEqual(all.body, { revoked: [], sessionsClosed: 0, milliseconds: 0 })
})

test('profiles are made, changed and removed, in seconds; what is out of bounds is refused', async () => {
  const hub = await stage()
  const at = `/certificate-profiles/gateway`
  const made = await hub.local('PATCH', at, { isServer: true, domain: 'plant.example', lifetimeSeconds: 86_400 })
  assert.equal(made.status, 200)
  assert.deepEqual(
    [made.body['lifetimeSeconds'], made.body['domain'], made.body['isOpen']],
    [86_400, 'plant.example', false],
  )
  const bare = await hub.local('PATCH', at, { domain: '', isServer: false })
  assert.equal('domain' in bare.body, false)
  for (const bad of [{ lifetimeSeconds: 0 }, { keyKinds: [] }, { keyKinds: ['dsa'] }, { isServer: true }, { x: 1 }]) {
    assert.equal((await hub.local('PATCH', at, bad)).status, 400, JSON.stringify(bad))
  }
  assert.equal((await hub.local('DELETE', at)).status, 204)
  assert.equal((await hub.local('GET', at)).status, 404)
  const own = await hub.local('DELETE', `/certificate-profiles/device`)
  assert.deepEqual([own.status, own.body['code']], [409, 'profile-in-use'])
})

test('a profile is chosen for an identity that is there, among those that are there', async () => {
  const hub = await stage()
  await hub.local('POST', '/devices', { deviceId: 'd' })
  await hub.local('PATCH', `/certificate-profiles/gateway`, {})
  const at = `/devices/d/certificate-profile`
  assert.deepEqual((await hub.local('GET', at)).body, { profile: 'device' })
  assert.deepEqual((await hub.local('PATCH', at, { profile: 'gateway' })).body, { profile: 'gateway' })
  assert.deepEqual((await hub.local('GET', at)).body, { profile: 'gateway' })
  assert.equal((await hub.local('PATCH', at, { profile: 'nothing' })).status, 404)
  assert.deepEqual((await hub.local('PATCH', at, { profile: '' })).body, { profile: 'device' })
  assert.equal((await hub.local('GET', `/devices/x/certificate-profile`)).status, 404)
})
