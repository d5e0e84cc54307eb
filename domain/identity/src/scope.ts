/**
 * Which edge device stands above a device (azure-iot.md §8): every edge device has a scope of its own, and a device
 * names its parent by the parent's scope. A parent is one edge device at the most.
 */

import { isDeviceId } from '@holdfast/iothub'
import { IdentityError } from './errors.ts'
import type { Identity } from './identity.ts'
import { EDGE_LAYERS_MAX, SCOPE_CHARACTERS_MAX } from './limits.ts'

const SCHEME = 'ms-azure-iot-edge://'

/**
 * The scope of an edge device, undefined for any other. The generation stands in it, so that whoever names a deleted
 * edge device does not come under another one of the same id.
 */
export function edgeScope(
  identity: Pick<Identity, 'deviceId' | 'moduleId' | 'generationId' | 'capabilities'>,
): string | undefined {
  if (!identity.capabilities.iotEdge || identity.moduleId !== undefined) return undefined
  return `${SCHEME}${identity.deviceId}-${identity.generationId}`
}

/** The device whose scope `text` may be: only that device says whether it is. Undefined for a text of another form. */
export function scopedDevice(text: string): string | undefined {
  if (text.length > SCOPE_CHARACTERS_MAX || !text.startsWith(SCHEME)) return undefined
  const deviceId = text.slice(SCHEME.length, text.lastIndexOf('-'))
  return isDeviceId(deviceId) ? deviceId : undefined
}

/** The refusal of a scope that is nobody's. */
export function unknownScope(): IdentityError {
  return new IdentityError('unknown-scope', 'no edge device has this scope; read it from the deviceScope of the parent')
}

/** The two fields of a device's document: a leaf shows its parent's scope as its own, as IoT Hub does. */
export function scopesOf(identity: Identity): {
  readonly deviceScope?: string
  readonly parentScopes?: readonly string[]
} {
  const { parentScope } = identity
  const deviceScope = edgeScope(identity) ?? parentScope
  return {
    ...(deviceScope === undefined ? {} : { deviceScope }),
    ...(parentScope === undefined ? {} : { parentScopes: [parentScope] }),
  }
}

/**
 * What is wrong with putting `deviceId` under the edge device of scope `parentScope`; undefined when nothing is.
 * @param read gives the devices that exist.
 */
export async function parentFault(
  deviceId: string,
  parentScope: string,
  read: (deviceId: string) => Promise<Identity | undefined>,
): Promise<'unknown' | 'loop' | 'too-deep' | undefined> {
  let scope: string | undefined = parentScope
  for (let layer = 1; scope !== undefined; layer += 1) {
    if (layer > EDGE_LAYERS_MAX) return 'too-deep'
    const parentId = scopedDevice(scope)
    if (parentId === deviceId) return 'loop'
    const parent: Identity | undefined = parentId === undefined ? undefined : await read(parentId)
    if (parent === undefined || edgeScope(parent) !== scope) return 'unknown'
    scope = parent.parentScope
  }
  return undefined
}
