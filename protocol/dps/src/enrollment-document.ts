/** Enrolment documents of the service API, as clients write them (azure-iot.md §7). */

import { type AttestationInput, readAttestation } from './attestation.ts'
import { DpsError } from './errors.ts'
import { FieldReader } from './field-reader.ts'
import { type InitialTwin, readInitialTwin } from './initial-twin.ts'
import { DEVICE_INFORMATION_CHARACTERS_MAX, HUBS_MAX } from './limits.ts'
import { type RegistrationId, parseRegistrationId } from './registration-id.ts'

export type EnrollmentScope = 'individual' | 'group'
export type AllocationPolicy = 'hashed' | 'geoLatency' | 'static' | 'custom'

/** A document that has been read; defaults are filled in. */
export interface EnrollmentInput {
  readonly scope: EnrollmentScope
  readonly id: RegistrationId
  readonly attestation: AttestationInput
  readonly status: 'enabled' | 'disabled'
  readonly iotEdge: boolean
  readonly reprovision: { readonly updateHubAssignment: boolean; readonly migrateDeviceData: boolean }
  readonly allocation: AllocationPolicy
  /** Individual only. */
  readonly deviceId?: string
  /** Host names that the document binds the enrolment to; empty for none. */
  readonly hubs: readonly string[]
  readonly initialTwin?: InitialTwin
  /** JSON text of an object. */
  readonly deviceInformation?: string
  /** By which profile its devices get certificates for their requests (§6.3); absent: they get none. */
  readonly certificateProfile?: string
  /** As it stood in the document; `parseIfMatch` reads it. */
  readonly etag?: string
}

/** Ids of devices (azure-iot.md §10). */
const DEVICE_ID = /^[A-Za-z0-9\-.+%_#*?!(),:=@$']{1,128}$/

/**
 * Reads an enrolment document. Unknown fields and those that only the service writes are passed over.
 * @param expected.id the id of the path, when there is one: the document may leave its own out, but not differ.
 * @throws DpsError `bad-request` with every fault, `not-supported` for custom allocation.
 */
export function readEnrollment(
  value: unknown,
  expected: { readonly scope: EnrollmentScope; readonly id?: RegistrationId },
): EnrollmentInput {
  const { scope } = expected
  const reader = FieldReader.of(value)
  const id = idOf(reader, expected)
  const attestation = readAttestation(reader, scope)
  const status = reader.choice('provisioningStatus', ['enabled', 'disabled']) ?? 'enabled'
  const iotEdge = reader.object('capabilities')?.boolean('iotEdge') ?? false
  const policy = reader.object('reprovisionPolicy')
  const reprovision = {
    updateHubAssignment: policy?.boolean('updateHubAssignment') ?? true,
    migrateDeviceData: policy?.boolean('migrateDeviceData') ?? true,
  }
  const allocation = reader.choice('allocationPolicy', ['hashed', 'geoLatency', 'static', 'custom']) ?? 'hashed'
  const deviceId = scope === 'individual' ? deviceIdOf(reader) : undefined
  const hubs = hubsOf(reader)
  const twin = reader.object('initialTwin')
  const initialTwin = twin === undefined ? undefined : readInitialTwin(twin)
  const deviceInformation = deviceInformationOf(reader)
  const certificateProfile = certificateProfileOf(reader)
  const etag = reader.string('etag', 256)
  reader.check()
  if (allocation === 'custom' || reader.has('customAllocationDefinition')) {
    throw new DpsError('not-supported', 'Custom allocation is not offered by this service yet.')
  }
  if (id === undefined || attestation === undefined) throw new TypeError('a missing field was not reported')
  return {
    scope,
    id,
    attestation,
    status,
    iotEdge,
    reprovision,
    allocation,
    hubs,
    ...(deviceId !== undefined && { deviceId }),
    ...(initialTwin !== undefined && { initialTwin }),
    ...(deviceInformation !== undefined && { deviceInformation }),
    ...(certificateProfile !== undefined && { certificateProfile }),
    ...(etag !== undefined && etag !== '' && { etag }),
  }
}

/** The name of the id's field. */
export function idField(scope: EnrollmentScope): 'registrationId' | 'enrollmentGroupId' {
  return scope === 'individual' ? 'registrationId' : 'enrollmentGroupId'
}

function idOf(
  reader: FieldReader,
  expected: { readonly scope: EnrollmentScope; readonly id?: RegistrationId },
): RegistrationId | undefined {
  const field = idField(expected.scope)
  const text = reader.string(field, 1_024)
  if (text === undefined) {
    if (!reader.has(field) && expected.id === undefined) reader.fault(field, 'is missing')
    return expected.id
  }
  const id = parseRegistrationId(text)
  if (id === undefined) reader.fault(field, 'is 1 to 128 of a-z, 0-9, - . _ : and ends in a letter, digit or dash')
  else if (expected.id !== undefined && id !== expected.id) reader.fault(field, 'differs from the id in the path')
  return id
}

function deviceIdOf(reader: FieldReader): string | undefined {
  const deviceId = reader.string('deviceId', 1_024)
  if (deviceId === undefined || deviceId === '') return undefined
  if (!DEVICE_ID.test(deviceId)) reader.fault('deviceId', "is 1 to 128 of A-Z, a-z, 0-9 and -.+%_#*?!(),:=@$'")
  return deviceId
}

function hubsOf(reader: FieldReader): readonly string[] {
  const hubs = new Set<string>()
  const one = reader.string('iotHubHostName', 256)
  if (one !== undefined && one !== '') hubs.add(one.toLowerCase())
  for (const hub of reader.array('iotHubs', HUBS_MAX) ?? []) {
    if (typeof hub === 'string' && hub.length <= 256) hubs.add(hub.toLowerCase())
    else reader.fault('iotHubs', 'is a list of host names')
  }
  return [...hubs]
}

/**
 * `clientCertificateIssuancePolicy {certificateAuthorityName}` of 2021-11-01-preview, `credentialPolicyName` of
 * 2025-07-01-preview: both name what issues, which is a profile here.
 */
function certificateProfileOf(reader: FieldReader): string | undefined {
  const policy = reader.object('clientCertificateIssuancePolicy')?.string('certificateAuthorityName', 128)
  const name = reader.string('credentialPolicyName', 128)
  if (policy !== undefined && policy !== '' && name !== undefined && name !== '' && policy !== name) {
    reader.fault('credentialPolicyName', 'differs from clientCertificateIssuancePolicy.certificateAuthorityName')
  }
  const profile = policy === undefined || policy === '' ? name : policy
  return profile === '' ? undefined : profile
}

function deviceInformationOf(reader: FieldReader): string | undefined {
  const information = reader.json('optionalDeviceInformation')
  if (information === undefined) return undefined
  const text = JSON.stringify(information)
  if (text.length <= DEVICE_INFORMATION_CHARACTERS_MAX) return text
  reader.fault('optionalDeviceInformation', `has at most ${DEVICE_INFORMATION_CHARACTERS_MAX} characters`)
  return undefined
}
