/** The body with which a device registers or looks itself up (azure-iot.md §6). */

import { decodeBase64 } from '@holdfast/tokens'
import { FieldReader } from './field-reader.ts'
import { parseJson } from './json.ts'
import { DEVICE_BODY_BYTES_MAX, ENDORSEMENT_CHARACTERS_MAX } from './limits.ts'
import { type RegistrationId, parseRegistrationId } from './registration-id.ts'
import { readTpmKey } from './tpm-key.ts'

/** What a device says of its TPM. */
export interface TpmKeys {
  /** TPM2B_PUBLIC. */
  readonly endorsementKey: Uint8Array
  readonly storageRootKey: Uint8Array
  /** Ours, and no SDK sends it: certificates in DER one after the other, the endorsement key's first; not looked at. */
  readonly endorsementCertificate?: Uint8Array
}

export interface RegisterRequest {
  /** Lower case. Absent when the client leaves it to the path or the user name. */
  readonly registrationId?: RegistrationId
  /** Any JSON value, for custom allocation. */
  readonly payload?: unknown
  readonly tpm?: TpmKeys
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
  const endorsementKey = readTpmKey(tpm, 'endorsementKey', 'required')
  const storageRootKey = readTpmKey(tpm, 'storageRootKey', 'required')
  const certificate = tpm.string('endorsementCertificate', ENDORSEMENT_CHARACTERS_MAX)
  const endorsementCertificate = certificate === undefined ? undefined : decodeBase64(certificate)
  if (certificate !== undefined && endorsementCertificate === undefined) {
    tpm.fault('endorsementCertificate', 'is base64')
  }
  if (endorsementKey === undefined || storageRootKey === undefined) return undefined
  return endorsementCertificate === undefined
    ? { endorsementKey, storageRootKey }
    : { endorsementKey, storageRootKey, endorsementCertificate }
}
