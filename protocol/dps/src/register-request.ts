/** The body with which a device registers or looks itself up (azure-iot.md §6). */

import { FieldReader } from './field-reader.ts'
import { parseJson } from './json.ts'
import { DEVICE_BODY_BYTES_MAX } from './limits.ts'
import { type RegistrationId, parseRegistrationId } from './registration-id.ts'

export interface RegisterRequest {
  /** Lower case. Absent when the client leaves it to the path or the user name. */
  readonly registrationId?: RegistrationId
  /** Any JSON value, for custom allocation. */
  readonly payload?: unknown
  /** Base64 of TPM2B_PUBLIC structures, not looked at any closer. */
  readonly tpm?: { readonly endorsementKey: string; readonly storageRootKey?: string }
  /** Base64 of a PKCS#10 request, not looked at any closer (2025-07-01-preview). */
  readonly csr?: string
}

/**
 * Parses a register or look-up body. Unknown fields are passed over; no body at all is an empty object.
 * @throws DpsError `too-large`, `bad-request` with every fault.
 */
export function parseRegisterRequest(bytes: Uint8Array): RegisterRequest {
  if (bytes.length === 0) return {}
  const reader = FieldReader.of(parseJson(bytes, DEVICE_BODY_BYTES_MAX))
  const id = reader.string('registrationId', DEVICE_BODY_BYTES_MAX)
  const registrationId = id === undefined ? undefined : parseRegistrationId(id)
  if (id !== undefined && registrationId === undefined) reader.fault('registrationId', 'is not a registration id')
  const tpm = tpmOf(reader.object('tpm'))
  const payload = reader.value('payload')
  const csr = reader.string('csr', DEVICE_BODY_BYTES_MAX)
  reader.check()
  return {
    ...(registrationId !== undefined && { registrationId }),
    ...(payload !== undefined && { payload }),
    ...(tpm !== undefined && { tpm }),
    ...(csr !== undefined && { csr }),
  }
}

function tpmOf(tpm: FieldReader | undefined): RegisterRequest['tpm'] {
  if (tpm === undefined) return undefined
  const endorsementKey = tpm.string('endorsementKey', DEVICE_BODY_BYTES_MAX)
  const storageRootKey = tpm.string('storageRootKey', DEVICE_BODY_BYTES_MAX)
  if (endorsementKey === undefined) {
    if (!tpm.has('endorsementKey')) tpm.fault('endorsementKey', 'is missing')
    return undefined
  }
  return storageRootKey === undefined ? { endorsementKey } : { endorsementKey, storageRootKey }
}
