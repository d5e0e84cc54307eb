/**
 * What a device asks of the hub by publishing, apart from telemetry. The service behind twins, methods and certificates
 * is not there yet: requests that wait for an answer get one that says so, and the connection goes on.
 */

import { assertNever } from '@holdfast/base'
import { formatTwinResponseTopic, formatCertificateResponseTopic, type PublishTopic } from '@holdfast/iothub'

/** A publish topic that is no telemetry. */
export type DeviceRequest = Exclude<PublishTopic, { readonly kind: 'telemetry' }>

export interface DeviceAnswer {
  readonly topic: string
  readonly payload: Uint8Array
}

const encoder = new TextEncoder()

/** The answer that nothing serves the request; undefined where the device waits for none. */
export function answerUnserved(request: DeviceRequest, at: string): DeviceAnswer | undefined {
  switch (request.kind) {
    case 'twin-get':
    case 'reported-patch':
      return {
        topic: formatTwinResponseTopic({ status: 501, requestId: request.requestId }),
        payload: unserved('twins', at),
      }
    case 'certificate-request':
      return {
        topic: formatCertificateResponseTopic({ status: 501, requestId: request.requestId }),
        payload: unserved('certificates', at),
      }
    case 'method-response':
      // Nothing was asked of the device, so its request id is unknown: ignored (azure-iot.md section 3.5).
      return undefined
    default:
      return assertNever(request)
  }
}

/** JSON, because Node's SDK parses the body before it looks at the status. */
function unserved(what: string, timestampUtc: string): Uint8Array {
  const message = `This hub does not serve ${what}.`
  return encoder.encode(JSON.stringify({ errorCode: 501001, trackingId: '', message, timestampUtc }))
}
