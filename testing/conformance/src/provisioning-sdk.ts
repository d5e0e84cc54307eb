/** The provisioning SDKs as the rows call them: their types ask for more than their code does. */

import type {
  AttestationMechanism,
  EnrollmentGroup,
  IndividualEnrollment,
} from 'azure-iot-provisioning-service/dist/interfaces.js'
import {
  ProvisioningDeviceClient,
  ProvisioningHttp,
  ProvisioningMqtt,
  ProvisioningMqttWs,
  ProvisioningServiceClient,
  SymmetricKeySecurityClient,
  X509Security,
} from './azure-sdk.ts'
import type { Certified } from './certificates.ts'
import type { HubProcess } from './hub-process.ts'
import { DEVICE_TRANSPORTS, type DeviceTransport } from './sdk-client.ts'

/** A document as applications write it: what is left out takes its default. */
type Parts<T> = T extends Date ? T : T extends object ? { readonly [K in keyof T]?: Parts<T[K]> } : T
export type EnrollmentParts = Parts<IndividualEnrollment> & { readonly registrationId: string }
export type GroupParts = Parts<EnrollmentGroup> & { readonly enrollmentGroupId: string }

export async function serviceOf(
  hub: HubProcess,
  policy = 'provisioningserviceowner',
): Promise<ProvisioningServiceClient> {
  return ProvisioningServiceClient.fromConnectionString(await hub.policy(policy))
}

export async function put(
  service: ProvisioningServiceClient,
  enrollment: EnrollmentParts,
): Promise<IndividualEnrollment> {
  const answer = await service.createOrUpdateIndividualEnrollment(enrollment as IndividualEnrollment)
  return answer.responseBody
}

export async function putGroup(service: ProvisioningServiceClient, group: GroupParts): Promise<EnrollmentGroup> {
  const answer = await service.createOrUpdateEnrollmentGroup(group as EnrollmentGroup)
  return answer.responseBody
}

export const keyAttestation = (primaryKey: string, secondaryKey = primaryKey): AttestationMechanism => ({
  type: 'symmetricKey',
  symmetricKey: { primaryKey, secondaryKey },
})

export interface ProvisioningTransport {
  readonly name: 'mqtt' | 'mqtt-ws' | 'https'
  readonly create: () => Parameters<typeof ProvisioningDeviceClient.create>[2]
  /** Over which the provisioned device then connects. */
  readonly device: DeviceTransport
}

const [mqtt, mqttWs] = DEVICE_TRANSPORTS
export const PROVISIONING_TRANSPORTS: readonly ProvisioningTransport[] = [
  { name: 'mqtt', create: () => new ProvisioningMqtt(), device: mqtt },
  { name: 'mqtt-ws', create: () => new ProvisioningMqttWs(), device: mqttWs },
  { name: 'https', create: () => new ProvisioningHttp(), device: mqtt },
]

/** What `register` gives, of which the SDK's types know but a part. */
export interface Registration {
  readonly registrationId: string
  readonly createdDateTimeUtc: string
  readonly lastUpdatedDateTimeUtc: string
  readonly assignedHub: string
  readonly deviceId: string
  readonly status: string
  readonly substatus: string
  readonly etag: string
  readonly symmetricKey?: { readonly enrollmentGroupId?: string }
  readonly x509?: {
    readonly certificateInfo: { readonly subjectName: string; readonly sha256Thumbprint: string }
    readonly enrollmentGroupId?: string
    readonly signingCertificateInfo?: { readonly sha256Thumbprint: string }
  }
  readonly payload?: unknown
}

type Security = Parameters<typeof ProvisioningDeviceClient.create>[3]

export function byKey(registrationId: string, key: string): Security {
  // The packages bring several copies of azure-iot-common, whose private members keep their types apart.
  return new SymmetricKeySecurityClient(registrationId, key) as unknown as Security
}

export function byCertificate(registrationId: string, { certificate, key }: Certified, chain = ''): Security {
  return new X509Security(registrationId, { cert: certificate + chain, key })
}

export interface RegisterWish {
  readonly idScope: string
  readonly host?: string
  readonly payload?: Readonly<Record<string, unknown>>
}

export async function register(
  transport: ProvisioningTransport,
  security: Security,
  { idScope, host = 'localhost', payload }: RegisterWish,
): Promise<Registration> {
  const client = ProvisioningDeviceClient.create(host, idScope, transport.create(), security)
  if (payload !== undefined) client.setProvisioningPayload({ ...payload })
  return (await client.register()) as unknown as Registration
}
