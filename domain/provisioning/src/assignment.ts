/** From a device that proved itself to an identity at the hub (azure-iot.md §6, end, and `reprovisionPolicy`). */

import type { EventSink } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { DPS_ERRORS, type RegistrationState } from '@holdfast/dps'
import type { Authentication, Identity } from '@holdfast/identity'
import type { CertificateWish, DeviceCertificates } from './certificate-issuing.ts'
import type { Attested } from './claim.ts'
import { ETAG_BYTES } from './limits.ts'
import type { Outcome } from './operations.ts'
import type { DeviceDirectory, RandomBytes, SupplyRules, TpmParts } from './ports.ts'
import { type StateFormat, stateOf } from './registration-state.ts'
import type { Enrollment, ProvisioningStore, Registration } from './store.ts'
import { activationOf, claimTpm, tpmAuthentication } from './tpm-assignment.ts'

/** The twin of a device whose enrolment names none. */
const EMPTY_TWIN = { tags: '{}', desired: '{}' }

export interface AssignmentParts {
  readonly store: ProvisioningStore
  readonly devices: DeviceDirectory
  readonly issuing?: DeviceCertificates
  readonly supply?: SupplyRules
  readonly tpm?: TpmParts
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  readonly format: StateFormat
}

/** What is to be done, decided from what is there. */
type Plan =
  | { readonly kind: 'keep'; readonly registration: Registration }
  | { readonly kind: 'create'; readonly deviceId: string }
  | {
      readonly kind: 'renew'
      readonly deviceId: string
      readonly twin: 'kept' | 'reset' | 'initial'
      readonly substatus: Registration['substatus']
    }
  | { readonly kind: 'refuse'; readonly deviceId: string; readonly reason: string }

/** How often a plan is made again when somebody creates or deletes the device meanwhile. */
const PLANS_MAX = 3

/**
 * Assigns. The identity is written before the registration: after a crash in between, the device's next register finds
 * an identity with its own credential and goes on from there.
 * Rejects with what a store throws; then asking again is right.
 */
export async function assign(
  parts: AssignmentParts,
  attested: Attested,
  address: string,
  wish?: CertificateWish,
): Promise<Outcome> {
  const authentication = authenticationOf(attested, parts.random)
  const actor = `registration/${attested.registrationId}`
  for (let attempt = 0; attempt < PLANS_MAX; attempt += 1) {
    const registration = await parts.store.readRegistration(attested.registrationId)
    const plan = await planOf(parts, attested, authentication, registration)
    if (plan.kind === 'keep') return assigned(parts, attested, plan.registration, address, wish)
    if (plan.kind === 'refuse') return refused(parts, attested, plan, address)
    const taken = await claimTpm(parts, attested, plan.deviceId)
    if (taken !== undefined)
      return refused(parts, attested, { kind: 'refuse', deviceId: plan.deviceId, reason: taken }, address)
    await parts.supply?.assigning(attested, plan.deviceId)
    if (!(await isCarriedOut(parts, attested, authentication, plan, actor))) continue
    await parts.supply?.assigned(attested, plan.deviceId)
    const written = nextRegistration(parts, attested, plan, registration)
    await parts.store.writeRegistration(written, {
      type: 'registration.assigned',
      at: written.updatedTime,
      subject: `registration/${written.registrationId}`,
      actor: `address/${address}`,
      detail: {
        deviceId: written.deviceId,
        enrollment: written.enrollmentId,
        scope: written.scope,
        attestation: attested.proof.kind,
        substatus: written.substatus,
        ...(attested.proof.kind === 'tpm' && { manufacturer: attested.proof.manufacturer ?? 'unproven' }),
      },
    })
    return assigned(parts, attested, written, address, wish)
  }
  throw new Error(`device of registration ${attested.registrationId} keeps changing`)
}

/**
 * The end of an assignment, with the certificate that the device asked for. The identity is there by now with what the
 * device proved itself by; it leaves that for the certificate when this is first seen, so that an answer that is lost
 * strands nobody.
 */
async function assigned(
  parts: AssignmentParts,
  attested: Attested,
  registration: Registration,
  address: string,
  wish: CertificateWish | undefined,
): Promise<Outcome> {
  // What the identity has now: a TPM that lost its key is given it again.
  const isTpm = attested.proof.kind === 'tpm'
  const identity = isTpm ? await parts.devices.read(registration.deviceId) : undefined
  const activation = activationOf(parts.tpm, attested, identity?.authentication)
  const state = stateOf(parts.format, registration, attested, activation)
  if (wish === undefined || parts.issuing === undefined) return { status: 'assigned', state }
  const { deviceId, registrationId } = registration
  const outcome = await parts.issuing.issue({ ...wish, deviceId, actor: `registration/${registrationId}` })
  if (outcome.kind === 'issued') {
    return { status: 'assigned', state: { ...state, issuedCertificateChain: outcome.chain } }
  }
  const now = parts.clock.wall()
  parts.events({
    type: 'registration.refused',
    at: now,
    subject: `registration/${registrationId}`,
    actor: `address/${address}`,
    detail: { code: 'certificate-refused', reason: outcome.code, enrollment: attested.enrollment.id },
  })
  const error = { code: DPS_ERRORS['certificate-refused'].errorCode, message: `No certificate: ${outcome.message}.` }
  return { status: 'failed', state: { ...failedState(attested, now, 'internal'), error } }
}

async function planOf(
  parts: AssignmentParts,
  attested: Attested,
  authentication: Authentication,
  registration: Registration | undefined,
): Promise<Plan> {
  const { enrollment, registrationId } = attested
  const own = registration?.status === 'assigned' ? registration : undefined
  const deviceId = enrollment.deviceId ?? registrationId
  const { updateHubAssignment, migrateDeviceData } = enrollment.reprovision
  if (own !== undefined && (await isOthers(parts, own, enrollment))) {
    return {
      kind: 'refuse',
      deviceId,
      reason: `the registration is held by ${own.scope} enrolment ${own.enrollmentId}`,
    }
  }
  if (own !== undefined && !updateHubAssignment && (await parts.devices.read(own.deviceId)) !== undefined) {
    return { kind: 'keep', registration: own }
  }
  const identity = await parts.devices.read(deviceId)
  if (identity === undefined) return { kind: 'create', deviceId }
  if (own?.deviceId === deviceId) {
    return migrateDeviceData
      ? { kind: 'renew', deviceId, twin: 'kept', substatus: 'reprovisionedToInitialAssignment' }
      : { kind: 'renew', deviceId, twin: 'reset', substatus: 'deviceDataReset' }
  }
  // The device was not made by this registration. An individual enrolment names it, so whoever wrote that meant it. A
  // group vouches for new ids alone: else whoever holds a group's key or authority could take over any device of the hub.
  if (enrollment.scope === 'group' && !isSame(identity.authentication, authentication)) {
    return {
      kind: 'refuse',
      deviceId,
      reason: `device ${deviceId} exists and was not provisioned by this registration`,
    }
  }
  return { kind: 'renew', deviceId, twin: 'initial', substatus: 'initialAssignment' }
}

/**
 * Whether a registration belongs to another group that still exists. An individual enrolment takes over from a group,
 * for it names the device; a group never takes over from an enrolment that is there.
 */
async function isOthers(parts: AssignmentParts, own: Registration, enrollment: Enrollment): Promise<boolean> {
  if (enrollment.scope === 'individual') return false
  if (own.scope === 'group' && own.enrollmentId === enrollment.id) return false
  return (await parts.store.readEnrollment(own.scope, own.enrollmentId)) !== undefined
}

/** Does what the plan says to the device; false when the device is not any more what the plan was made for. */
async function isCarriedOut(
  parts: AssignmentParts,
  attested: Attested,
  authentication: Authentication,
  plan: Extract<Plan, { kind: 'create' | 'renew' }>,
  actor: string,
): Promise<boolean> {
  const { iotEdge, initialTwin } = attested.enrollment
  const device = { deviceId: plan.deviceId, authentication, iotEdge }
  if (plan.kind === 'create') {
    if ((await parts.devices.create(device, actor)) === 'exists') return false
    if (initialTwin !== undefined) await parts.devices.writeTwin(plan.deviceId, initialTwin)
    return true
  }
  const current = await parts.devices.read(plan.deviceId)
  if (current === undefined) return false
  // What is right already is not written again: an update would end the device's sessions for nothing.
  const wanted = hasLeftKeys(current, attested.enrollment)
    ? { ...device, authentication: current.authentication }
    : device
  if (!isUpToDate(current, wanted) && (await parts.devices.update(wanted, actor)) === 'missing') return false
  if (plan.twin === 'reset') await parts.devices.writeTwin(plan.deviceId, initialTwin ?? EMPTY_TWIN)
  else if (plan.twin === 'initial' && initialTwin !== undefined) {
    await parts.devices.writeTwin(plan.deviceId, initialTwin)
  }
  return true
}

function nextRegistration(
  parts: AssignmentParts,
  attested: Attested,
  plan: Extract<Plan, { kind: 'create' | 'renew' }>,
  before: Registration | undefined,
): Registration {
  const now = parts.clock.wall()
  return {
    registrationId: attested.registrationId,
    enrollmentId: attested.enrollment.id,
    scope: attested.enrollment.scope,
    deviceId: plan.deviceId,
    status: 'assigned',
    substatus: plan.kind === 'create' ? 'initialAssignment' : plan.substatus,
    createdTime: before?.createdTime ?? now,
    updatedTime: now,
    etag: Buffer.from(parts.random(ETAG_BYTES)).toString('hex'),
  }
}

function refused(
  parts: AssignmentParts,
  attested: Attested,
  plan: Extract<Plan, { kind: 'refuse' }>,
  address: string,
): Outcome {
  const now = parts.clock.wall()
  parts.events({
    type: 'registration.refused',
    at: now,
    subject: `registration/${attested.registrationId}`,
    actor: `address/${address}`,
    detail: { code: 'device-taken', reason: plan.reason, enrollment: attested.enrollment.id },
  })
  return { status: 'failed', state: failedState(attested, now, 'device-taken') }
}

/** The state of a registration that failed; what the device reads of it names no other device and no enrolment. */
export function failedState(attested: Attested, now: Timestamp, code: 'device-taken' | 'internal'): RegistrationState {
  return {
    registrationId: attested.registrationId,
    status: 'failed',
    createdTime: now,
    updatedTime: now,
    etag: '',
    error: {
      code: DPS_ERRORS[code].errorCode,
      message:
        code === 'device-taken'
          ? 'The device cannot be assigned under this id. The log of the service says why.'
          : 'The device could not be assigned just now. Register again.',
    },
  }
}

/** azure-iot.md §6, end: the leaf's thumbprint in both slots, or the keys that the device signs with. */
function authenticationOf(attested: Attested, random: RandomBytes): Authentication {
  const { proof } = attested
  if (proof.kind === 'tpm') return tpmAuthentication(random)
  if (proof.kind === 'symmetricKey') {
    return { kind: 'sas', primaryKey: proof.primaryKey, secondaryKey: proof.secondaryKey }
  }
  const thumbprint = proof.certificate.sha256
  return { kind: 'selfSigned', primaryThumbprint: thumbprint, secondaryThumbprint: thumbprint }
}

function isUpToDate(
  identity: Identity,
  device: { readonly authentication: Authentication; readonly iotEdge: boolean },
): boolean {
  if (identity.capabilities.iotEdge !== device.iotEdge) return false
  return identity.authentication === device.authentication || isSame(identity.authentication, device.authentication)
}

/** Whether the device has left its key for a certificate, as its enrolment lets it: it is not given the key back. */
function hasLeftKeys(identity: Identity, enrollment: Enrollment): boolean {
  return enrollment.certificateProfile !== undefined && identity.authentication.kind === 'certificateAuthority'
}

function isSame(one: Authentication, other: Authentication): boolean {
  if (one.kind === 'sas' && other.kind === 'sas') {
    return one.primaryKey === other.primaryKey && one.secondaryKey === other.secondaryKey
  }
  if (one.kind !== 'selfSigned' || other.kind !== 'selfSigned') return false
  return one.primaryThumbprint === other.primaryThumbprint && one.secondaryThumbprint === other.secondaryThumbprint
}
