/** Supply on stores in memory: one manufacturer, models with and without commissioning, and a registry beside it. */

import { generateKeyPairSync } from 'node:crypto'
import type { Identity } from '@holdfast/identity'
import { countingRandom, ManualClock, recordedEvents } from '@holdfast/identity/testing'
import { Models, readModel } from '@holdfast/models'
import { MemoryModelStore } from '@holdfast/models/testing'
import { Claims } from '../claims.ts'
import { digestOf } from '../manifest-entry.ts'
import { Lives } from '../lives.ts'
import type { OwnedDevices } from '../owned-devices.ts'
import { Owners } from '../owners.ts'
import { provisioningRules } from '../provisioning-rules.ts'
import { Retirements } from '../retirement.ts'
import type { NewEntry } from '../supply-entry.ts'
import { Transfers } from '../transfers.ts'
import { MemorySupplyStore } from './memory-store.ts'

export const ACTOR = 'operator/test'

export type SupplyWorld = Awaited<ReturnType<typeof supplyWorld>>

export async function supplyWorld() {
  const clock = new ManualClock()
  const random = countingRandom()
  const { events, sink } = recordedEvents()
  const store = new MemorySupplyStore(sink)
  const models = await Models.open({ store: new MemoryModelStore(sink), clock, random })
  for (const [id, commissioning] of [
    ['plain', false],
    ['site', true],
  ] as const) {
    const requirements = { commissioning, rollingNonce: false }
    const document = { id, manufacturer: 'acme', tier: 'constrained', hardwareRevisions: ['A'], requirements }
    await models.create(readModel(document), ACTOR)
  }
  const identities = new Map<string, Identity>()
  /** Set to make the next call of this name fail, as a stop does. */
  const world = { stopAt: undefined as keyof OwnedDevices | undefined, enrolled: new Map<string, readonly string[]>() }
  const stop = (at: keyof OwnedDevices): void => {
    if (world.stopAt !== at) return
    world.stopAt = undefined
    throw new Error('stopped')
  }
  let made = 0
  const create = (deviceId: string, key = `key-${++made}`): Identity => {
    const identity: Identity = {
      deviceId,
      generationId: String(++made),
      etag: 'e',
      status: 'enabled',
      statusUpdatedTime: clock.wall(),
      createdTime: clock.wall(),
      authentication: { kind: 'sas', primaryKey: key, secondaryKey: key },
      capabilities: { iotEdge: false },
    }
    identities.set(deviceId, identity)
    return identity
  }
  const devices: OwnedDevices = {
    read: async (deviceId) => identities.get(deviceId),
    enrolledKeys: async (deviceId) => world.enrolled.get(deviceId) ?? [],
    async remint(deviceId, { isBound }) {
      stop('remint')
      const identity = identities.get(deviceId)
      if (identity === undefined) return
      const key = `key-${++made}`
      const authentication = isBound
        ? ({ kind: 'none' } as const)
        : ({ kind: 'sas', primaryKey: key, secondaryKey: key } as const)
      identities.set(deviceId, { ...identity, authentication })
    },
    async unbind() {
      stop('unbind')
    },
    async clearTags() {
      stop('clearTags')
    },
    async delete(deviceId, generationId) {
      stop('delete')
      if (identities.get(deviceId)?.generationId !== generationId) return
      identities.delete(deviceId)
      // As the trigger of the database does.
      store.lives.delete(deviceId)
      store.transfers.delete(deviceId)
      lives.forget(deviceId)
    },
  }
  const shared = { store, clock, events: sink, models, random, codeKey: await store.supplyKey('AAAA') }
  const owners = new Owners(shared)
  const lives = new Lives({ ...shared, identityOf: async (id) => identities.get(id) })
  const claims = new Claims({ ...shared, owners, isTaken: async (id) => identities.has(id) })
  const transfers = new Transfers({ ...shared, owners, lives, devices })
  const retirements = new Retirements({ ...shared, lives, devices })
  const rules = provisioningRules({ ...shared, lives, identityOf: async (id) => identities.get(id) })
  return Object.assign(world, {
    clock,
    events,
    store,
    models,
    identities,
    create,
    devices,
    owners,
    lives,
    claims,
    transfers,
    retirements,
    rules,
  })
}

/** An entry with a key of its own. */
export function newEntry(world: SupplyWorld, serial: string, change: Partial<NewEntry> = {}): NewEntry {
  const bytes = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })
  const now = world.clock.wall()
  return {
    manufacturer: 'acme',
    serial,
    model: 'plain',
    hardwareRevision: 'A',
    key: { kind: 'public-key', digest: digestOf(bytes), bytes },
    keyStorage: 'software',
    manifest: 'M',
    importedTime: now,
    expires: (now + 1_000_000) as NewEntry['expires'],
    ...change,
  }
}

/** Lets the device of a claimed entry register; false where it may not. */
export async function provision(world: SupplyWorld, registrationId: string): Promise<boolean> {
  const { store, rules, identities, create } = world
  const entry = await store.readBinding(registrationId)
  const enrollment = await rules.bindingOf(registrationId, undefined)
  if (entry === undefined || enrollment === undefined) return false
  if (await store.areRetired([{ kind: 'public-key', digest: entry.key.digest }])) return false
  const attested = {
    kind: 'attested',
    registrationId,
    enrollment,
    proof: { kind: 'symmetricKey', primaryKey: '', secondaryKey: '' },
    expires: world.clock.wall(),
  } as unknown as Parameters<typeof rules.assigning>[0]
  await rules.assigning(attested, registrationId)
  if (!identities.has(registrationId)) create(registrationId)
  await rules.assigned(attested, registrationId)
  return true
}
