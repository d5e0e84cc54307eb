/** The conformance checklist, operation by transport, as data: what the hub serves, and what it leaves out and why. */

export const TRANSPORTS = ['mqtt', 'mqtt-ws', 'amqp', 'amqp-ws', 'https'] as const
export type Transport = (typeof TRANSPORTS)[number]

export interface Row {
  readonly number: number
  readonly operation: string
  /** Transports on which the hub has to serve it, and tests have to show it. */
  readonly served: readonly Transport[]
  /** Why the other transports on which the SDK offers it are not served, or the whole row. */
  readonly leftOut?: string
}

const MQTT = ['mqtt', 'mqtt-ws'] as const
const DEVICE = ['mqtt', 'mqtt-ws', 'https'] as const
const AMQP = ['amqp', 'amqp-ws'] as const
const HTTPS = ['https'] as const
const NO_AMQP_DEVICES = 'devices do not speak AMQP to the hub yet'
const NO_AMQP_PROVISIONING = 'provisioning does not speak AMQP yet'

export const ROWS: readonly Row[] = [
  row(1, 'connect with symmetric key', DEVICE, NO_AMQP_DEVICES),
  row(2, 'connect with application-supplied SAS', DEVICE, NO_AMQP_DEVICES),
  row(3, 'connect with policy key', DEVICE, NO_AMQP_DEVICES),
  row(4, 'connect with X.509 thumbprint', DEVICE, NO_AMQP_DEVICES),
  row(5, 'connect with X.509 CA-signed certificate', MQTT, NO_AMQP_DEVICES),
  row(6, 'renewal of SAS', DEVICE, NO_AMQP_DEVICES),
  row(7, 'drop at expiry, take-over, connection state', MQTT, NO_AMQP_DEVICES),
  row(8, 'sendEvent', DEVICE, NO_AMQP_DEVICES),
  row(9, 'sendEventBatch', HTTPS),
  row(10, 'subject, interface and model stamps', DEVICE, NO_AMQP_DEVICES),
  row(11, 'messages to a device: receive, queue, order', DEVICE, NO_AMQP_DEVICES),
  row(12, 'messages to a device: complete', DEVICE, NO_AMQP_DEVICES),
  row(13, 'messages to a device: abandon', HTTPS, NO_AMQP_DEVICES),
  row(14, 'messages to a device: reject', HTTPS, NO_AMQP_DEVICES),
  row(15, 'getTwin', MQTT, NO_AMQP_DEVICES),
  row(16, 'reported properties', MQTT, NO_AMQP_DEVICES),
  row(17, 'desired properties', MQTT, NO_AMQP_DEVICES),
  row(18, 'onDeviceMethod', MQTT, NO_AMQP_DEVICES),
  row(19, 'getBlobSharedAccessSignature, notifyBlobUploadStatus', DEVICE, NO_AMQP_DEVICES),
  row(20, 'uploadToBlob', DEVICE, NO_AMQP_DEVICES),
  row(21, 'ModuleClient: connect, sendEvent', MQTT, NO_AMQP_DEVICES),
  row(
    22,
    'ModuleClient: outputs and inputs',
    [],
    'messages between modules are routed by an edge hub, which is not part of this yet',
  ),
  row(23, 'ModuleClient: twin and methods', MQTT, NO_AMQP_DEVICES),
  row(24, 'ModuleClient.invokeMethod', [], 'it is the REST of an edge gateway, which is not part of this yet'),
  row(25, 'MQTT protocol rules', MQTT),
  row(26, 'ServiceClient.open and close', AMQP),
  row(27, 'ServiceClient.send', AMQP),
  row(28, 'ServiceClient.getFeedbackReceiver', AMQP),
  row(29, 'ServiceClient.getFileNotificationReceiver', AMQP),
  row(30, 'ServiceClient.invokeDeviceMethod', HTTPS),
  row(31, 'Registry: devices', HTTPS),
  row(32, 'Registry: devices in bulk', HTTPS),
  row(33, 'Registry: edge capabilities and scopes', HTTPS),
  row(34, 'Registry: modules', HTTPS),
  row(35, 'Registry: twins', HTTPS),
  row(36, 'Registry: queries', HTTPS),
  row(37, 'Registry: statistics', HTTPS),
  row(38, 'Registry: configurations', [], 'automatic configurations are a later issue'),
  row(39, 'Registry: import and export', [], 'import and export jobs are a later issue'),
  row(40, 'JobClient', [], 'scheduled jobs are a later issue'),
  row(41, 'DigitalTwinClient', [], 'digital twins are a later issue'),
  row(42, 'purge of a queue; feedback over HTTPS', HTTPS),
  row(43, 'Event Hubs: properties, positions, epochs, groups', AMQP),
  row(44, 'Event Hubs: redirect from the hub host', ['amqp']),
  row(45, 'DPS: symmetric key, individual', DEVICE, NO_AMQP_PROVISIONING),
  row(46, 'DPS: symmetric key, group', DEVICE, NO_AMQP_PROVISIONING),
  row(47, 'DPS: X.509, individual', DEVICE, NO_AMQP_PROVISIONING),
  row(48, 'DPS: X.509, group', DEVICE, NO_AMQP_PROVISIONING),
  row(49, 'DPS: TPM', HTTPS, NO_AMQP_PROVISIONING),
  row(50, 'DPS: re-registration, refusals', DEVICE, `${NO_AMQP_PROVISIONING}; custom allocation is a later issue`),
  row(51, 'DPS: register with CSR', DEVICE, NO_AMQP_PROVISIONING),
  row(52, 'a provisioned device connects', DEVICE, NO_AMQP_PROVISIONING),
  row(53, 'DPS service: individual enrolments', HTTPS),
  row(54, 'DPS service: enrolment groups', HTTPS),
  row(55, 'DPS service: bulk and queries', HTTPS),
  row(56, 'DPS service: registration states', HTTPS),
  row(57, 'REST: errors, API versions, rights', HTTPS),
  row(58, 'private CA', DEVICE, 'checked by `node:tls` alone for AMQP'),
]

function row(number: number, operation: string, served: readonly Transport[], leftOut?: string): Row {
  return leftOut === undefined ? { number, operation, served } : { number, operation, served, leftOut }
}
