/** Certificates that a device gets with its registration (azure-iot.md §6.3): the port, and the request in the body. */

import { DpsError } from '@holdfast/dps'
import type { Attested } from './claim.ts'

export type CertificateOutcome =
  /** DER, leaf first, root last. */
  | { readonly kind: 'issued'; readonly chain: readonly Uint8Array[] }
  /** `code` in kebab-case for the log; `message` for the device. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }

/** Whoever issues certificates to the devices of this hub. */
export interface DeviceCertificates {
  hasProfile(name: string): boolean
  /**
   * What is wrong with a request whatever becomes of the device: its form, its signature, its key, its name. Undefined
   * for nothing.
   * @param names one of these is the common name.
   */
  faultOf(request: Uint8Array, names: readonly string[]): string | undefined
  /** Issues to a device that is there, for its own id. Rejects with what a store throws; then asking again is right. */
  issue(wish: {
    readonly deviceId: string
    readonly request: Uint8Array
    readonly names: readonly string[]
    readonly profile: string
    readonly actor: string
  }): Promise<CertificateOutcome>
}

/** A request that was looked at, for an enrolment that issues. */
export interface CertificateWish {
  readonly request: Uint8Array
  readonly names: readonly string[]
  readonly profile: string
}

/**
 * @param csr base64 of DER, as it stands in the body.
 * @param claimedId the registration id as the device writes it.
 * @throws DpsError `bad-request`, `not-supported`.
 */
export function certificateWish(
  issuing: DeviceCertificates | undefined,
  csr: string,
  { enrollment, registrationId }: Attested,
  claimedId: string,
): CertificateWish {
  const profile = enrollment.certificateProfile
  if (issuing === undefined || profile === undefined) {
    throw new DpsError('not-supported', 'csr: the enrolment has no clientCertificateIssuancePolicy.')
  }
  const request = Buffer.from(csr, 'base64')
  if (csr === '' || request.toString('base64') !== csr) throw bad('is not the base64 of a certification request')
  const names = [...new Set([registrationId, claimedId, enrollment.deviceId ?? registrationId])]
  const fault = issuing.faultOf(request, names)
  if (fault !== undefined) throw bad(fault)
  return { request: new Uint8Array(request), names, profile }
}

function bad(message: string): DpsError {
  return new DpsError('bad-request', `csr: ${message}.`, { faults: [{ path: 'csr', message }] })
}
