/** Certificates for devices over MQTT (azure-iot.md §3.1). */

import { type Clock, formatTimestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { formatCertificateResponseTopic } from '@holdfast/iothub'
import type { DeviceRequest, Publication } from '@holdfast/messaging'
import type { DeviceHandlers } from './device-handlers.ts'

export interface DeviceCertificatesParts {
  readonly clock: Clock
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
}

const encoder = new TextEncoder()

export class DeviceCertificates implements DeviceHandlers {
  readonly #parts: DeviceCertificatesParts

  constructor(parts: DeviceCertificatesParts) {
    this.#parts = parts
  }

  request(key: IdentityKey, request: DeviceRequest): void {
    if (request.kind !== 'certificate-request') return
    const { clock, publish } = this.#parts
    const message = 'This hub does not issue certificates over MQTT.'
    const timestampUtc = formatTimestamp(clock.wall())
    // JSON, because clients parse the body before the status.
    const payload = encoder.encode(JSON.stringify({ errorCode: 501001, trackingId: '', message, timestampUtc }))
    const topic = formatCertificateResponseTopic({ status: 501, requestId: request.requestId })
    publish(key, { topic, payload, qos: 0 })
  }
}
