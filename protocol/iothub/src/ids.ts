/** Device and module ids (azure-iot.md §10): up to 128 of a set of ASCII characters, case-sensitive. */

import { HubFormatError } from './errors.ts'
import { ID_CHARACTERS_MAX } from './limits.ts'

declare const deviceId: unique symbol
declare const moduleId: unique symbol

export type DeviceId = string & { readonly [deviceId]: true }
export type ModuleId = string & { readonly [moduleId]: true }

/** A device, or with `moduleId` a module of it. */
export interface DeviceOrModule {
  readonly deviceId: string
  readonly moduleId?: string
}

const ID = /^[A-Za-z0-9\-.+%_#*?!(),:=@$']+$/

/**
 * Whether `text` can be the id of a device.
 * `.` and `..` cannot, though Azure's set has the character: every URL library takes them out of a path, encoded or not,
 * so that such a device could not be addressed and a request for it would reach something else.
 */
export function isDeviceId(text: string): text is DeviceId {
  return text.length <= ID_CHARACTERS_MAX && ID.test(text) && text !== '.' && text !== '..'
}

/** Whether `text` can be the id of a module; the rule is that of devices. */
export function isModuleId(text: string): text is ModuleId {
  return isDeviceId(text)
}

/** @throws HubFormatError `bad-device-id`. */
export function parseDeviceId(text: string): DeviceId {
  if (!isDeviceId(text)) throw new HubFormatError('bad-device-id', 'not a device id')
  return text
}

/** @throws HubFormatError `bad-module-id`. */
export function parseModuleId(text: string): ModuleId {
  if (!isModuleId(text)) throw new HubFormatError('bad-module-id', 'not a module id')
  return text
}
