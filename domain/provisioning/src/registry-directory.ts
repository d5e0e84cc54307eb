/** The devices of the hub, as `Registry` of domain/identity keeps them. */

import { type Cut, IdentityError, type Registry } from '@holdfast/identity'
import type { DeviceDirectory, NewDevice } from './ports.ts'

/**
 * @param close MUST resolve when no session rests on the cuts any more: a device with a new key must not be answered
 * while one with the old key is still in.
 */
export function registryDirectory(
  registry: Registry,
  close: (cuts: readonly Cut[]) => Promise<unknown>,
): DeviceDirectory {
  return {
    read: (deviceId) => registry.read({ deviceId }),

    async create(device: NewDevice, actor: string): Promise<'created' | 'exists'> {
      try {
        await registry.create(device, actor)
        return 'created'
      } catch (error) {
        if (error instanceof IdentityError && error.code === 'exists') return 'exists'
        throw error
      }
    },

    async update(device: NewDevice, actor: string): Promise<'updated' | 'missing'> {
      const { deviceId, authentication, iotEdge } = device
      try {
        const { cuts } = await registry.update({ deviceId }, { authentication, iotEdge }, actor)
        await close(cuts)
        return 'updated'
      } catch (error) {
        if (error instanceof IdentityError && error.code === 'missing') return 'missing'
        throw error
      }
    },

    writeTwin: (deviceId, twin) => registry.writeTwin({ deviceId }, twin, 'hub'),
  }
}
