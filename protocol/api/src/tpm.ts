/**
 * Manufacturers of TPMs that the hub trusts.
 *
 *   GET    /api/v1/tpm/roots         Page<EndorsementRoot>, `next` by name
 *   POST   /api/v1/tpm/roots         EndorsementRootAdd -> EndorsementRoot (201)
 *   DELETE /api/v1/tpm/roots/{name}  EndorsementRoot, as it was
 */

import Type from 'typebox'

export const EndorsementRootAdd = Type.Object(
  {
    /** 1 to 128 of A-Z a-z 0-9 . _ - */
    name: Type.String(),
    /** PEM, or base64 of DER, of a CA: a manufacturer's root, or what stands below it. */
    certificate: Type.String(),
  },
  { additionalProperties: false },
)
export type EndorsementRootAdd = Type.Static<typeof EndorsementRootAdd>

export interface EndorsementRoot {
  name: string
  subject: string
  /** Of the certificate, upper-case hex. */
  sha256: string
  notAfter: string
  added: string
}
