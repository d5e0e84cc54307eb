import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type { AfterRecord, IssuedCertificate } from '@holdfast/credentials'
import { countingRandom, ManualClock } from '@holdfast/identity/testing'
import { Twins } from '@holdfast/twins'
import { MemoryTwinStore } from '@holdfast/twins/testing'
import { RenewalOffers } from './renewal-offers.ts'

const time = timestampOf(0)

function record(deviceId: string, sha256: string, renewal: number): IssuedCertificate {
  return {
    serialNumber: sha256,
    sha256,
    spkiSha256: sha256,
    key: { deviceId },
    generationId: 'g',
    profile: 'device',
    issuerSha256: 'i',
    notBefore: time,
    notAfter: timestampOf(90_000),
    renewalTime: timestampOf(renewal),
    issuedTime: time,
    state: 'current',
    stateTime: time,
    replacesKeys: false,
    certificate: new Uint8Array(),
  }
}

function stage(
  records: readonly IssuedCertificate[],
  devices: readonly string[] = records.map(({ key }) => key.deviceId),
  earlier?: Twins,
) {
  const store = new MemoryTwinStore()
  for (const deviceId of devices) store.create({ deviceId }, { at: time, etag: 'e' })
  const clock = new ManualClock()
  const events: string[] = []
  const faults: unknown[] = []
  const pushed: string[] = []
  const twins =
    earlier ??
    new Twins({
      store,
      clock,
      random: countingRandom(),
      desiredChanged: ({ patch }) => pushed.push(patch),
    })
  const offers = new RenewalOffers({
    store: {
      listIssuedDue: ({ after, limit }: { readonly after?: AfterRecord; readonly limit: number }) =>
        Promise.resolve(
          records
            .toSorted((a, b) => a.renewalTime - b.renewalTime || (a.sha256 < b.sha256 ? -1 : 1))
            .filter(
              ({ renewalTime, sha256 }) =>
                after === undefined ||
                renewalTime > after.time ||
                (renewalTime === after.time && sha256 > after.sha256),
            )
            .slice(0, limit),
        ),
    },
    twins,
    clock,
    events: ({ type, subject }) => events.push(`${type} ${subject}`),
    estAddress: 'https://hub.example/.well-known/est',
    fault: (error) => faults.push(error),
  })
  const desired = async (deviceId: string): Promise<string> => (await twins.read({ deviceId })).desired.properties
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { offers, twins, clock, events, faults, pushed, desired, settled }
}

test('what is due is offered once, pushed to the device and kept in its twin', async () => {
  const { offers, events, pushed, desired } = stage([record('pump', 'AA', 60_000)])
  assert.equal(await offers.run(), 1)
  const offer =
    '{"holdfast":{"renew":{"certificate":"AA","notAfter":"1970-01-01T00:01:30.000Z","est":"https://hub.example/.well-known/est"}}}'
  assert.equal(await desired('pump'), offer)
  assert.deepEqual(pushed, [offer])
  assert.equal(await offers.run(), 0)
  assert.deepEqual(events, ['certificate.renewal-offered device/pump'])
})

test('every page is offered; an identity without a twin stops nobody', async () => {
  const records = Array.from({ length: 450 }, (_, at) => record(`d${at}`, `S${at}`, at % 7))
  const { offers, faults } = stage(
    records,
    records.slice(1).map(({ key }) => key.deviceId),
  )
  assert.equal(await offers.run(), 449)
  assert.equal(faults.length, 1)
  assert.equal(await offers.run(), 0)
})

test('a hub that starts again does not offer the same again', async () => {
  const before = stage([record('pump', 'AA', 1)])
  await before.offers.run()
  const after = stage([record('pump', 'AA', 1)], [], before.twins)
  assert.equal(await after.offers.run(), 0)
  assert.equal(before.pushed.length, 1)
})

test('the offer goes when the successor is seen, and when the certificate is revoked; what others wrote stays', async () => {
  const first = record('pump', 'AA', 1)
  const { offers, twins, desired, settled } = stage([first])
  await twins.write({ deviceId: 'pump' }, { desired: { kind: 'merge', patch: '{"rate":1,"holdfast":{"x":2}}' } }, 't')
  await offers.run()
  offers.told('revoked', record('pump', 'BB', 1))
  await settled()
  assert.match(await desired('pump'), /renew/)
  offers.told('activated', record('pump', 'BB', 1))
  await settled()
  assert.equal(await desired('pump'), '{"rate":1,"holdfast":{"x":2}}')
  offers.told('activated', record('gone', 'CC', 1))
  await settled()
})

test('an offer that a back end took away with the twin is made again', async () => {
  const { offers, twins, clock, desired } = stage([record('pump', 'AA', 1)])
  await offers.run()
  await twins.write({ deviceId: 'pump' }, { desired: { kind: 'replace', properties: '{"rate":1}' } }, 'policy/service')
  assert.equal(await offers.run(), 0)
  clock.advance(600_001)
  assert.equal(await offers.run(), 1)
  assert.match(await desired('pump'), /"certificate":"AA"/)
})
