/** Enrolment of a device that the hub does not know yet, by what its enrolment at the provisioning service gave it. */

import type { EstPath } from '@holdfast/credentials'
import { DpsError } from '@holdfast/dps'
import { parseSasToken, resourceOf, TokenError } from '@holdfast/tokens'
import type { Context } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { Problem } from '../../core/problem.ts'
import { certificates, later } from './answer.ts'
import { RETRY_AFTER_SECONDS, unproved } from './refusals.ts'
import type { EstServices } from './services.ts'

export interface RegistrationClaim {
  readonly idScope: string
  /** As the device writes it: derived keys depend on its case. */
  readonly registrationId: string
  readonly token: string
}

/** The registration that a token is for; undefined for a token of a device. */
export function registrationOf(token: string): RegistrationClaim | undefined {
  try {
    const { host: idScope, path } = resourceOf(parseSasToken(token).resource)
    const [registrations, registrationId, ...more] = path
    if (registrations?.toLowerCase() !== 'registrations' || registrationId === undefined || more.length > 0)
      return undefined
    return { idScope, registrationId, token }
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}

/**
 * Registers the device, if its enrolment issues certificates, and answers with the one for its request.
 * @throws Problem.
 */
export async function enrolByRegistration(
  context: Context<HttpEnvironment>,
  services: EstServices,
  path: EstPath,
  { idScope, registrationId, token }: RegistrationClaim,
  request: Uint8Array,
): Promise<Response> {
  // The enrolment names the profile; the device does not.
  if (path.label !== undefined) throw refused('an enrolment names the profile itself; leave the label out')
  const { address } = context.env.peer
  const csr = Buffer.from(request).toString('base64')
  try {
    const claim = { idScope, registrationId }
    const outcome = await services.provisioning.registerAndWait(claim, { token, address }, { csr })
    if (outcome.status === 'assigning') return later(RETRY_AFTER_SECONDS)
    const [leaf] = outcome.state.issuedCertificateChain ?? []
    if (leaf === undefined) throw refused(outcome.state.error?.message ?? 'the device was not assigned')
    return certificates([leaf])
  } catch (error) {
    if (!(error instanceof DpsError)) throw error
    if (error.code === 'unauthorized') throw unproved()
    if (error.code === 'throttled') return later(error.retryAfterSeconds ?? RETRY_AFTER_SECONDS)
    throw new Problem(
      { status: 400, code: error.code, title: 'no certificate', detail: error.message },
      { cause: error },
    )
  }
}

function refused(detail: string): Problem {
  return new Problem({ status: 403, code: 'certificate-refused', title: 'no certificate', detail })
}
