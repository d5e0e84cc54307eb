/**
 * What every implementation of the state ports must do, as one list of rules: run against SQLite here, and against
 * whatever else implements them (memory, PostgreSQL) by a test that calls `stateContract`.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import type {
  AuthorityStore,
  CustomerAuthority,
  Identity,
  IdentityKey,
  IdentityStore,
  PolicyStore,
} from '@holdfast/identity'
import type { SessionStore } from '@holdfast/messaging'
import type { Enrollment, ProvisioningStore, Registration } from '@holdfast/provisioning'

/** A port that is absent is not tested; the session rules need identities beside them. */
export interface StatePorts {
  readonly identities?: IdentityStore
  readonly policies?: PolicyStore
  readonly authorities?: AuthorityStore
  readonly provisioning?: ProvisioningStore
  readonly sessions?: SessionStore
}

/** Makes empty stores for one test. */
export type OpenPorts = () => Promise<{ readonly ports: StatePorts; close(): Promise<void> }>

export function device(deviceId: string, change: Partial<Identity> = {}): Identity {
  return {
    deviceId,
    generationId: `g-${deviceId}`,
    etag: 'e1',
    status: 'enabled',
    statusUpdatedTime: timestampOf(1_000),
    createdTime: timestampOf(900),
    authentication: { kind: 'sas', primaryKey: keyText(), secondaryKey: keyText() },
    capabilities: { iotEdge: false },
    ...change,
  }
}

export function group(id: string, change: Partial<Enrollment> = {}): Enrollment {
  return {
    id,
    scope: 'group',
    attestation: { kind: 'symmetricKey', primaryKey: keyText(), secondaryKey: keyText() },
    status: 'enabled',
    etag: 'e1',
    createdTime: timestampOf(1),
    updatedTime: timestampOf(2),
    iotEdge: false,
    reprovision: { updateHubAssignment: true, migrateDeviceData: true },
    allocation: 'hashed',
    ...change,
  }
}

export function registration(registrationId: string, change: Partial<Registration> = {}): Registration {
  return {
    registrationId,
    enrollmentId: 'line-1',
    scope: 'group',
    deviceId: registrationId,
    status: 'assigned',
    substatus: 'initialAssignment',
    createdTime: timestampOf(1),
    updatedTime: timestampOf(2),
    etag: 'e1',
    ...change,
  }
}

export function authority(name: string, change: Partial<CustomerAuthority> = {}): CustomerAuthority {
  return {
    name,
    certificate: new Uint8Array(randomBytes(600)),
    etag: 'e1',
    createdTime: timestampOf(5),
    state: { kind: 'pending', nonce: 'AA11' },
    ...change,
  }
}

export function stateContract(name: string, open: OpenPorts): void {
  /** One rule of one port, on stores of its own; skipped by name where the implementation has no such port. */
  function rule<K extends keyof StatePorts>(
    port: K,
    text: string,
    check: (store: NonNullable<StatePorts[K]>, ports: StatePorts) => Promise<void>,
  ): void {
    test(`${name}: ${text}`, async (context) => {
      const { ports, close } = await open()
      try {
        const store = ports[port]
        if (store === undefined) context.skip(`no ${port} here`)
        else await check(store, ports)
      } finally {
        await close()
      }
    })
  }

  const absent = { kind: 'absent' } as const
  const present = { kind: 'present' } as const
  const whatever = { kind: 'any' } as const
  const etag = (value: string) => ({ kind: 'etag', etag: value }) as const

  rule('identities', 'what was written is read back, in every form', async (store) => {
    const forms: readonly Identity[] = [
      device('sas'),
      device('edge', { capabilities: { iotEdge: true }, status: 'disabled', statusReason: 'stolen – “maybe”' }),
      device('thumb', { authentication: { kind: 'selfSigned', primaryThumbprint: 'A'.repeat(40) } }),
      device('thumbs', {
        authentication: { kind: 'selfSigned', primaryThumbprint: 'A'.repeat(64), secondaryThumbprint: 'B'.repeat(64) },
      }),
      device('bare', { authentication: { kind: 'selfSigned' } }),
      device('ca', { authentication: { kind: 'certificateAuthority' } }),
      device('none', { authentication: { kind: 'none' } }),
      device("o'; DROP TABLE identity; --"),
      device('sas', { moduleId: 'm1', etag: 'm', managedBy: 'iotEdge' }),
      device('leaf', { parentScope: 'ms-azure-iot-edge://edge-g-edge' }),
      device('child', { parentScope: 'ms-azure-iot-edge://edge-g-edge', capabilities: { iotEdge: true } }),
    ]
    for (const form of forms) assert.equal(await store.writeIdentity(form, absent), 'written')
    for (const form of forms) assert.deepEqual(await store.readIdentity(form), form)
    assert.equal(await store.readIdentity({ deviceId: 'SAS' }), undefined, 'ids are case-sensitive')
    assert.equal(await store.readIdentity({ deviceId: 'sas', moduleId: 'm2' }), undefined)
  })

  rule(
    'identities',
    'a parent is an edge device that exists; when it is none any more, nobody is under it',
    async (store) => {
      const edge = device('edge', { capabilities: { iotEdge: true } })
      const parentScope = 'ms-azure-iot-edge://edge-g-edge'
      const leaf = device('leaf', { parentScope })
      assert.equal(await store.writeIdentity(leaf, absent), 'scope-missing')
      assert.equal(await store.writeIdentity(device('edge'), absent), 'written')
      assert.equal(await store.writeIdentity(leaf, absent), 'scope-missing', 'no edge device yet')
      assert.equal(await store.writeIdentity(edge, present), 'written')
      assert.equal(await store.writeIdentity(leaf, absent), 'written')
      // A write that leaves the scope as it is leaves those under it.
      assert.equal(await store.writeIdentity({ ...edge, etag: 'e2', status: 'disabled' }, present), 'written')
      assert.equal((await store.readIdentity(leaf))?.parentScope, parentScope)
      assert.equal(await store.writeIdentity(device('edge'), present), 'written')
      assert.deepEqual(await store.readIdentity(leaf), device('leaf', { authentication: leaf.authentication }))
      assert.equal(await store.writeIdentity(edge, present), 'written')
      assert.equal(await store.writeIdentity(leaf, present), 'written')
      assert.equal(await store.deleteIdentity({ deviceId: 'edge' }, present), 'written')
      assert.equal((await store.readIdentity(leaf))?.parentScope, undefined)
      assert.equal(await store.writeIdentity(leaf, present), 'scope-missing')
    },
  )

  rule('identities', 'a write does what was expected of the record, and else nothing', async (store) => {
    const first = device('d')
    assert.equal(await store.writeIdentity(first, present), 'missing')
    assert.equal(await store.writeIdentity(first, etag('e1')), 'missing')
    assert.equal(await store.writeIdentity(first, absent), 'written')
    const second = device('d', { etag: 'e2', status: 'disabled' })
    assert.equal(await store.writeIdentity(second, absent), 'exists')
    assert.equal(await store.writeIdentity(second, etag('other')), 'etag-mismatch')
    assert.deepEqual(await store.readIdentity(first), first)
    assert.equal(await store.writeIdentity(second, etag('e1')), 'written')
    assert.deepEqual(await store.readIdentity(first), second)
    assert.equal(await store.writeIdentity(device('d', { etag: 'e3' }), present), 'written')
    assert.equal(await store.writeIdentity(device('d', { etag: 'e4' }), whatever), 'written')
    assert.equal(await store.writeIdentity(device('new'), whatever), 'written')
  })

  rule('identities', 'of many writes that expect the same etag at once, one is done', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, i) => store.writeIdentity(device('d', { etag: `n${i}` }), etag('e1'))),
    )
    assert.equal(outcomes.filter((outcome) => outcome === 'written').length, 1)
    assert.equal(outcomes.filter((outcome) => outcome === 'etag-mismatch').length, 49)
    const created = await Promise.all(Array.from({ length: 50 }, () => store.writeIdentity(device('n'), absent)))
    assert.equal(created.filter((outcome) => outcome === 'written').length, 1)
  })

  rule('identities', 'a change of the way to prove itself leaves nothing of the old one', async (store) => {
    await store.writeIdentity(device('d'), absent)
    const bare = device('d', { authentication: { kind: 'selfSigned', primaryThumbprint: 'C'.repeat(40) } })
    await store.writeIdentity(bare, whatever)
    assert.deepEqual(await store.readIdentity(bare), bare)
    const ca = device('d', { authentication: { kind: 'certificateAuthority' } })
    await store.writeIdentity(ca, whatever)
    assert.deepEqual(await store.readIdentity(ca), ca)
    const sas = device('d')
    await store.writeIdentity(sas, whatever)
    assert.deepEqual(await store.readIdentity(sas), sas)
  })

  rule('identities', 'a module needs its device, and goes with it', async (store) => {
    const module = device('d', { moduleId: 'm' })
    for (const expected of [absent, whatever]) assert.equal(await store.writeIdentity(module, expected), 'missing')
    await store.writeIdentity(device('d'), absent)
    await store.writeIdentity(device('d2'), absent)
    for (const moduleId of ['b', 'a', 'c']) {
      assert.equal(await store.writeIdentity(device('d', { moduleId }), absent), 'written')
    }
    assert.equal(await store.writeIdentity(device('d2', { moduleId: 'a' }), absent), 'written')
    const modules = await store.listModules('d')
    assert.deepEqual(new Set(modules.map((one) => one.moduleId)), new Set(['a', 'b', 'c']))
    assert.equal(await store.deleteIdentity({ deviceId: 'd', moduleId: 'b' }, whatever), 'written')
    assert.equal(await store.deleteIdentity({ deviceId: 'd' }, whatever), 'written')
    assert.deepEqual(await store.listModules('d'), [])
    assert.equal(await store.readIdentity({ deviceId: 'd', moduleId: 'a' }), undefined)
    assert.equal((await store.listModules('d2')).length, 1)
  })

  rule('identities', 'a deletion checks what it expects', async (store) => {
    await store.writeIdentity(device('d'), absent)
    assert.equal(await store.deleteIdentity({ deviceId: 'x' }, whatever), 'missing')
    assert.equal(await store.deleteIdentity({ deviceId: 'd' }, etag('other')), 'etag-mismatch')
    assert.equal(await store.deleteIdentity({ deviceId: 'd' }, etag('e1')), 'written')
    assert.equal(await store.deleteIdentity({ deviceId: 'd' }, whatever), 'missing')
  })

  rule('identities', 'devices are listed by id in pages, without modules', async (store) => {
    const ids = ['b', 'B', 'a', 'a-1', 'a.1', 'z', '10', '9'].toSorted()
    for (const id of ids.toReversed()) await store.writeIdentity(device(id), absent)
    await store.writeIdentity(device('a', { moduleId: 'm' }), absent)
    const seen: string[] = []
    for (let after: string | undefined; ; ) {
      const page = await store.listDevices({ limit: 3, ...(after === undefined ? {} : { after }) })
      seen.push(...page.map((one) => one.deviceId))
      after = page.at(-1)?.deviceId
      if (page.length < 3) break
    }
    assert.deepEqual(seen, ids)
  })

  rule('identities', 'devices are counted, modules are not', async (store) => {
    assert.deepEqual(await store.countDevices(), { total: 0, enabled: 0 })
    await store.writeIdentity(device('a'), absent)
    await store.writeIdentity(device('b', { status: 'disabled' }), absent)
    await store.writeIdentity(device('a', { moduleId: 'm' }), absent)
    assert.deepEqual(await store.countDevices(), { total: 2, enabled: 1 })
  })

  rule('policies', 'policies are kept by name and replaced whole', async (store) => {
    const service = {
      name: 'service',
      primaryKey: keyText(),
      secondaryKey: keyText(),
      rights: ['ServiceConnect'],
    } as const
    const owner = {
      name: 'iothubowner',
      primaryKey: keyText(),
      secondaryKey: keyText(),
      rights: ['RegistryRead', 'RegistryWrite', 'ServiceConnect', 'DeviceConnect'],
    } as const
    await store.writePolicy(service)
    await store.writePolicy(owner)
    const changed = { ...service, primaryKey: keyText(), rights: [] }
    await store.writePolicy(changed)
    const found = (await store.listPolicies()).toSorted((a, b) => (a.name < b.name ? -1 : 1))
    assert.deepEqual(found, [owner, changed])
  })

  rule('authorities', 'authorities move from pending to verified, with checks', async (store) => {
    const pending = authority('factory')
    assert.equal(await store.writeAuthority(pending, absent), 'written')
    assert.equal(await store.writeAuthority(pending, absent), 'exists')
    assert.deepEqual(await store.listAuthorities(), [pending])
    const verified = authority('factory', { etag: 'e2', state: { kind: 'verified', at: timestampOf(9) } })
    assert.equal(await store.writeAuthority(verified, etag('x')), 'etag-mismatch')
    assert.equal(await store.writeAuthority(verified, etag('e1')), 'written')
    assert.deepEqual(await store.listAuthorities(), [verified])
    assert.equal(await store.deleteAuthority('other'), 'missing')
    assert.equal(await store.deleteAuthority('factory'), 'written')
    assert.deepEqual(await store.listAuthorities(), [])
  })

  rule('provisioning', 'enrolments are read back, in every form', async (store) => {
    const forms: readonly Enrollment[] = [
      group('line-1'),
      group('line-2', {
        attestation: { kind: 'x509', primary: new Uint8Array(randomBytes(500)) },
        status: 'disabled',
        iotEdge: true,
        reprovision: { updateHubAssignment: false, migrateDeviceData: false },
        allocation: 'static',
        initialTwin: { tags: '{"site":"Łódź"}', desired: '{"a":{"b":1}}' },
      }),
      group('line-1', {
        scope: 'individual',
        deviceId: 'pump-1',
        deviceInformation: '{"x":1}',
        attestation: {
          kind: 'x509',
          primary: new Uint8Array(randomBytes(500)),
          secondary: new Uint8Array(randomBytes(501)),
        },
      }),
      group('tpm-1', {
        scope: 'individual',
        attestation: { kind: 'tpm', endorsementKey: new Uint8Array(randomBytes(300)) },
      }),
      group('tpm-2', {
        scope: 'individual',
        attestation: {
          kind: 'tpm',
          endorsementKey: new Uint8Array(randomBytes(300)),
          storageRootKey: new Uint8Array(randomBytes(301)),
          endorsementCertificate: new Uint8Array(randomBytes(302)),
          requireEndorsementCertificate: false,
        },
      }),
    ]
    for (const form of forms) assert.equal(await store.writeEnrollment(form, absent), 'written')
    for (const form of forms) assert.deepEqual(await store.readEnrollment(form.scope, form.id), form)
    assert.deepEqual(await store.readEnrollment('individual', 'line-2'), undefined)
  })

  rule(
    'provisioning',
    'enrolments are written and deleted with checks, and listed by scope in pages',
    async (store) => {
      assert.equal(await store.writeEnrollment(group('a'), etag('e1')), 'missing')
      for (const id of ['c', 'a', 'b']) await store.writeEnrollment(group(id), absent)
      await store.writeEnrollment(group('i', { scope: 'individual' }), absent)
      assert.equal(await store.writeEnrollment(group('a'), absent), 'exists')
      assert.equal(await store.writeEnrollment(group('a', { etag: 'e2' }), etag('e0')), 'etag-mismatch')
      assert.equal(await store.writeEnrollment(group('a', { etag: 'e2' }), etag('e1')), 'written')
      assert.deepEqual(
        (await store.listEnrollments('group', { limit: 2 })).map((one) => one.id),
        ['a', 'b'],
      )
      assert.deepEqual(
        (await store.listEnrollments('group', { limit: 2, after: 'b' })).map((one) => one.id),
        ['c'],
      )
      assert.equal(await store.deleteEnrollment('group', 'a', etag('e1')), 'etag-mismatch')
      assert.equal(await store.deleteEnrollment('individual', 'a', whatever), 'missing')
      assert.equal(await store.deleteEnrollment('group', 'a', etag('e2')), 'written')
    },
  )

  rule('provisioning', 'registrations are read back, listed by enrolment and deleted with checks', async (store) => {
    const failed = registration('r2', { status: 'failed', errorCode: 401002, errorMessage: 'no', etag: 'e2' })
    await store.writeRegistration(registration('r1'))
    await store.writeRegistration(failed)
    await store.writeRegistration(registration('r3', { enrollmentId: 'other' }))
    assert.deepEqual(await store.readRegistration('r2'), failed)
    await store.writeRegistration(registration('r2', { substatus: 'deviceDataMigrated' }))
    assert.deepEqual(await store.readRegistration('r2'), registration('r2', { substatus: 'deviceDataMigrated' }))
    assert.deepEqual(
      (await store.listRegistrations('line-1', { limit: 1 })).map((one) => one.registrationId),
      ['r1'],
    )
    const rest = await store.listRegistrations('line-1', { limit: 5, after: 'r1' })
    assert.deepEqual(
      rest.map((one) => one.registrationId),
      ['r2'],
    )
    assert.equal(await store.deleteRegistration('r1', etag('x')), 'etag-mismatch')
    assert.equal(await store.deleteRegistration('r1', etag('e1')), 'written')
    assert.equal(await store.deleteRegistration('r1', whatever), 'missing')
    assert.equal(await store.readRegistration('r1'), undefined)
  })

  rule('sessions', 'a session is kept whole until it is deleted', async (store, ports) => {
    const keys: readonly IdentityKey[] = [{ deviceId: 'd' }, { deviceId: 'd', moduleId: 'm' }]
    for (const key of keys) await ports.identities?.writeIdentity(device(key.deviceId, key), absent)
    const subscriptions = [
      { filter: 'devices/d/messages/devicebound/#', qos: 1 },
      { filter: '$iothub/twin/res/#', qos: 0 },
    ] as const
    for (const key of keys) {
      assert.equal(await store.readSession(key), undefined)
      await store.writeSession(key, subscriptions)
      assert.deepEqual(await store.readSession(key), subscriptions)
      await store.writeSession(key, [])
      assert.deepEqual(await store.readSession(key), [])
    }
    await store.deleteSession({ deviceId: 'd', moduleId: 'm' })
    assert.equal(await store.readSession({ deviceId: 'd', moduleId: 'm' }), undefined)
    assert.deepEqual(await store.readSession({ deviceId: 'd' }), [])
    await store.deleteSession({ deviceId: 'nobody' })
  })
}

function keyText(): string {
  return randomBytes(32).toString('base64')
}
