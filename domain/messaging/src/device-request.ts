/**
 * What a device asks of the hub by publishing, apart from telemetry. The core answers; only what the hub does not serve
 * is answered here, so that the device hears it and the connection goes on.
 */

import { formatCertificateResponseTopic, type PublishTopic } from '@holdfast/iothub'

/** A request that the core serves: twins, and answers to method calls. */
export type DeviceRequest = Exclude<PublishTopic, { readonly kind: 'telemetry' | 'certificate-request' }>

export interface DeviceAnswer {
  readonly topic: string
  readonly payload: Uint8Array
}

const encoder = new TextEncoder()

/** The answer that no certificates are issued over MQTT. JSON, because clients parse the body before the status. */
export function answerUnserved(requestId: string, timestampUtc: string): DeviceAnswer {
  const message = 'This hub does not issue certificates over MQTT.'
  return {
    topic: formatCertificateResponseTopic({ status: 501, requestId }),
    payload: encoder.encode(JSON.stringify({ errorCode: 501001, trackingId: '', message, timestampUtc })),
  }
}
