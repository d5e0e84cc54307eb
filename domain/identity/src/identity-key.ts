/** Ids of devices and modules as text. */

import { isDeviceId, isModuleId } from '@holdfast/iothub'
import { IdentityError } from './errors.ts'
import type { IdentityKey } from './identity.ts'

export function isIdentityKey(key: IdentityKey): boolean {
  return isDeviceId(key.deviceId) && (key.moduleId === undefined || isModuleId(key.moduleId))
}

/**
 * The key alone, without whatever else the object carries.
 * @throws IdentityError `invalid`.
 */
export function checkIdentityKey(key: IdentityKey): IdentityKey {
  if (!isIdentityKey(key)) {
    throw new IdentityError(
      'invalid',
      "an id has 1 to 128 characters of A-Z a-z 0-9 - . + % _ # * ? ! ( ) , : = @ $ ' and is neither . nor ..",
    )
  }
  return key.moduleId === undefined ? { deviceId: key.deviceId } : { deviceId: key.deviceId, moduleId: key.moduleId }
}

/** One text for one key whose ids have been checked: no id holds a `/`, so that joining two by one is unambiguous. */
export function identityText(key: IdentityKey): string {
  return key.moduleId === undefined ? key.deviceId : `${key.deviceId}/${key.moduleId}`
}

/** The identity as events name it. */
export function identitySubject(key: IdentityKey): string {
  return key.moduleId === undefined ? `device/${key.deviceId}` : `device/${key.deviceId}/module/${key.moduleId}`
}
