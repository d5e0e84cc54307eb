import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { SecurityEvent } from '@holdfast/audit'
import { openKeys } from '@holdfast/keys'
import { MemoryFolder, standingClock, testEnvironment } from '@holdfast/keys/testing'
import type { TlsMaterial } from '@holdfast/node'
import { HubAuthority } from './hub-authority.ts'
import { recordFirst } from './record-first.ts'
import { ListenerCertificate } from './listener-certificate.ts'

const DAY_MS = 86_400_000

async function world() {
  const clock = standingClock()
  const environment = testEnvironment(clock)
  const { ring } = await openKeys(new MemoryFolder(), environment)
  const events: SecurityEvent[] = []
  const used: TlsMaterial[] = []
  const authority = await HubAuthority.open({
    folder: new MemoryFolder(),
    ring,
    clock,
    random: environment.random,
    events: (event) => events.push(event),
    recordFirst: recordFirst({ sink: (event) => events.push(event), durable: () => undefined }),
    hostNames: ['hub.example'],
  })
  const certificate = new ListenerCertificate({
    authority,
    clock,
    random: environment.random,
    toListeners: async (material) => void used.push(material),
  })
  return { certificate, events, used, pass: clock.advance }
}

test('a renewal on command gives every listener a new certificate, a new key and new ticket keys', async () => {
  const { certificate, events, used } = await world()
  const before = certificate.material()
  const shown = await certificate.renew('operator/local')
  const [material, ...others] = used
  assert.ok(material !== undefined && others.length === 0)
  assert.equal(new X509Certificate(material.certificate).fingerprint256.replaceAll(':', ''), shown.sha256)
  assert.deepEqual(material, certificate.material())
  assert.notEqual(material.key, before.key)
  assert.notDeepEqual(material.ticketKeys, before.ticketKeys)
  assert.equal(events.at(-1)?.type, 'certificate.issued')
  assert.equal(events.at(-1)?.actor, 'operator/local')
})

test('renewals at once follow each other, so that the listeners end with the certificate that is kept', async () => {
  const { certificate, used } = await world()
  await Promise.all([certificate.renew('a'), certificate.renewIfDue(), certificate.renew('b')])
  assert.equal(used.length, 2)
  assert.deepEqual(used.at(-1), certificate.material())
})

test('ticket keys live for a day; the certificate stays meanwhile', async () => {
  const { certificate, used, pass } = await world()
  const before = certificate.material()
  pass(DAY_MS - 1)
  await certificate.renewIfDue()
  assert.equal(used.length, 0)
  pass(1)
  await certificate.renewIfDue()
  assert.equal(used.length, 1)
  assert.equal(used[0]?.certificate, before.certificate)
  assert.notDeepEqual(used[0]?.ticketKeys, before.ticketKeys)
})
