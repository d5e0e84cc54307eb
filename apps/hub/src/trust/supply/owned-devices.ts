/** The identities of the hub, as supply takes things away from them. */

import { parseRegistrationId, DpsError } from '@holdfast/dps'
import { type Cut, IdentityError, type IdentityKey, type Registry } from '@holdfast/identity'
import type { Provisioning } from '@holdfast/provisioning'
import type { OwnedDevices, SupplyStore } from '@holdfast/supply'
import type { Twins } from '@holdfast/twins'

/** How often a deletion is tried again while others change the same device. */
const DELETIONS_MAX = 5

export interface HubOwnedDevicesParts {
  readonly registry: Registry
  readonly provisioning: () => Provisioning
  readonly twins: Twins
  readonly store: Pick<SupplyStore, 'readOrigins'>
  /** Overwrites what was deleted from the state, in its file and its log. */
  readonly scrub: () => Promise<void>
  /** Resolves when no session rests on the cuts. */
  readonly cutOff: (cuts: readonly Cut[]) => Promise<unknown>
}

export function hubOwnedDevices(parts: HubOwnedDevicesParts): OwnedDevices {
  const { registry, twins, store, cutOff, scrub } = parts

  const remintOne = async (key: IdentityKey, keepsKeys: boolean, actor: string): Promise<void> => {
    const identity = await registry.read(key)
    const kind = identity?.authentication.kind
    if (identity === undefined || kind === 'none') return
    const cuts =
      kind === 'sas' && keepsKeys
        ? [
            ...(await registry.regenerateKey(key, 'primary', actor)).cuts,
            ...(await registry.regenerateKey(key, 'secondary', actor)).cuts,
          ]
        : (await registry.update(key, { authentication: { kind: 'none' } }, actor)).cuts
    await cutOff(cuts)
  }

  return {
    read: (deviceId) => registry.read({ deviceId }),

    async enrolledKeys(deviceId): Promise<readonly string[]> {
      const { registrations, enrollments } = await store.readOrigins(deviceId)
      const ids = [deviceId, ...registrations, ...enrollments].map(parseRegistrationId)
      return parts.provisioning().symmetricKeysOf(new Set(ids.filter((id) => id !== undefined)))
    },

    async remint(deviceId, { isBound }, actor): Promise<void> {
      await remintOne({ deviceId }, !isBound, actor)
      // Whoever had the device may know the keys of its modules.
      for (const { moduleId } of await registry.listModules(deviceId)) {
        if (moduleId !== undefined) await remintOne({ deviceId, moduleId }, true, actor)
      }
    },

    async unbind(deviceId, actor): Promise<void> {
      const { registrations, enrollments } = await store.readOrigins(deviceId)
      const provisioning = parts.provisioning()
      for (const id of enrollments.map(parseRegistrationId)) {
        if (id !== undefined) {
          await unlessGone(() => provisioning.enrollments.delete('individual', id, { kind: 'none' }, actor))
        }
      }
      for (const id of registrations.map(parseRegistrationId)) {
        if (id !== undefined) await unlessGone(() => provisioning.deleteRegistration(id, { kind: 'none' }, actor))
      }
    },

    async clearTags(deviceId, actor): Promise<void> {
      await twins.write({ deviceId }, { tags: { kind: 'replace', properties: '{}' } }, actor)
    },

    async delete(deviceId, generationId, actor): Promise<void> {
      for (let attempt = 0; attempt < DELETIONS_MAX; attempt += 1) {
        const identity = await registry.read({ deviceId })
        // A successor under the same id is none of ours.
        if (identity?.generationId !== generationId) break
        try {
          const { cuts } = await registry.delete({ deviceId }, actor, { kind: 'etag', etag: identity.etag })
          await cutOff(cuts)
          break
        } catch (error) {
          // Changed or gone in the same moment: looked at once more.
          if (!(error instanceof IdentityError) || attempt === DELETIONS_MAX - 1) throw error
        }
      }
      await scrub()
    },
  }
}

async function unlessGone(run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof DpsError) || !error.code.endsWith('not-found')) throw error
  }
}
