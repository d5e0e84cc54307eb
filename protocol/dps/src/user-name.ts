/** The MQTT user name of a device that wants to be provisioned (azure-iot.md §6). */

import { USER_NAME_CHARACTERS_MAX } from './limits.ts'
import { parseQueryString } from './query-string.ts'
import { parseRegistrationId } from './registration-id.ts'

export interface ProvisioningUserName {
  /** In the case received. */
  readonly idScope: string
  /** In the case received, its grammar checked. */
  readonly registrationId: string
  /** As received; '' when absent. `checkApiVersion` says whether it is one. */
  readonly apiVersion: string
  readonly clientVersion?: string
}

const SHAPE = /^([A-Za-z0-9]{1,64})\/registrations\/([^/]{1,128})\/(.*)$/i

/**
 * Parses `{idScope}/registrations/{id}/api-version=…&ClientVersion=…`; a `?` before the query is passed over.
 * Undefined if the text is not of this shape: then it may be a user name of the hub.
 */
export function parseProvisioningUserName(text: string): ProvisioningUserName | undefined {
  if (text.length > USER_NAME_CHARACTERS_MAX) return undefined
  const shape = SHAPE.exec(text)
  if (shape === null) return undefined
  const [, idScope = '', registrationId = '', query = ''] = shape
  if (parseRegistrationId(registrationId) === undefined) return undefined
  const fields = parseQueryString(query.replace(/^\?/, ''))
  if (fields === undefined) return undefined
  let apiVersion = ''
  let clientVersion: string | undefined
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    if (lower === 'api-version') apiVersion = value
    else if (lower === 'clientversion') clientVersion = value
  }
  return { idScope, registrationId, apiVersion, ...(clientVersion !== undefined && { clientVersion }) }
}
