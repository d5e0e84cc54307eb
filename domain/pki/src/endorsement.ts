/** Certificates of TPMs' endorsement keys (TCG EK Credential Profile for TPM Family 2.0, version 2.5). */

import type { Certificate } from './certificate.ts'
import { TAG, parseDer } from './der.ts'
import { placeOf } from './der-scan.ts'
import { relativeNamesOf } from './distinguished-name.ts'
import { PkiError } from './errors.ts'
import { CERTIFICATE_BYTES_MAX, CHAIN_CERTIFICATES_MAX } from './limits.ts'

/** Attributes of the directory name in the subject alternative name (§3.2.9). */
const TPM_MANUFACTURER = '2.23.133.2.1'
const TPM_MODEL = '2.23.133.2.2'
const TPM_VERSION = '2.23.133.2.3'

export interface TpmMaker {
  /** As the certificate has it: `id:494E5443` for Intel, by the TCG's registry. */
  readonly manufacturer: string
  readonly model: string
  readonly version: string
}

/** Which TPM a certificate is of; undefined where it does not say, as §3.2.9 has it. */
export function tpmMakerOf(certificate: Certificate): TpmMaker | undefined {
  for (const name of certificate.extensions.alternativeNames) {
    if (name.kind !== 'directory') continue
    const attributes = relativeNamesOf(parseDer(name.name)).flat()
    const valueOf = (type: string): string | undefined => {
      const found = attributes.filter((attribute) => attribute.type === type)
      return found.length === 1 ? found[0]?.value : undefined
    }
    const manufacturer = valueOf(TPM_MANUFACTURER)
    const model = valueOf(TPM_MODEL)
    const version = valueOf(TPM_VERSION)
    if (manufacturer !== undefined && model !== undefined && version !== undefined) {
      return { manufacturer, model, version }
    }
  }
  return undefined
}

/**
 * Certificates that stand one after the other, as TPMs keep them in their NV memory: 1 to 8. What they hold is not looked at.
 * @throws PkiError `bad-der`, `too-large`.
 */
export function splitCertificates(bytes: Uint8Array): readonly Uint8Array[] {
  const certificates: Uint8Array[] = []
  let at = 0
  do {
    if (certificates.length === CHAIN_CERTIFICATES_MAX) throw new PkiError('too-large', 'too many certificates')
    const { end } = placeOf(TAG.sequence, bytes, at, bytes.length)
    if (end - at > CERTIFICATE_BYTES_MAX) throw new PkiError('too-large', 'a certificate is too long')
    certificates.push(bytes.slice(at, end))
    at = end
  } while (at < bytes.length)
  return certificates
}
