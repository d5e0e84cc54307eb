/** The device side over MQTT: what a `provision` message of a front is answered with (azure-iot.md §6). */

import {
  DPS_ERRORS,
  DpsError,
  type Operation,
  checkApiVersion,
  formatError,
  formatOperation,
  formatResponseTopic,
  parseRegisterRequest,
} from '@holdfast/dps'
import type { FrontToCore, ProvisioningClaim } from '@holdfast/messaging'
import { type Credentials, type Provisioning, RETRY_AFTER_SECONDS } from '@holdfast/provisioning'
import { trackingId } from './answer.ts'
import type { ProvisioningServices } from './services.ts'

type ProvisionMessage = Extract<FrontToCore, { kind: 'provision' }>

export interface ProvisioningAnswer {
  readonly topic: string
  /** JSON, always: Node's SDK parses it before it looks at the status. */
  readonly payload: Uint8Array
}

/**
 * Answers a request of a connection that was let in by `Provisioning.authenticate`. Credentials are those of its CONNECT:
 * they are judged anew, for the enrolment may be gone. Never rejects for what a device or a store does.
 * @param claim as the front sent it in `connect`.
 */
export type MqttProvisioning = (
  message: Pick<ProvisionMessage, 'requestId' | 'operation'>,
  claim: ProvisioningClaim,
  credentials: Credentials,
) => Promise<ProvisioningAnswer>

export function mqttProvisioning(
  provisioning: Provisioning,
  services: Pick<ProvisioningServices, 'clock' | 'random' | 'failed'> & {
    /** Resolves when what the request has told is on disk: it is answered then. */
    readonly durable: () => Promise<void> | undefined
  },
): MqttProvisioning {
  return async ({ requestId, operation }, claim, credentials) => {
    try {
      checkApiVersion(claim.apiVersion)
      const done =
        operation.kind === 'register'
          ? await provisioning.register(claim, credentials, parseRegisterRequest(operation.body))
          : await provisioning.poll(claim, credentials, operation.operationId)
      await services.durable()
      return answer(requestId, done)
    } catch (error) {
      if (!(error instanceof DpsError)) services.failed(error, { method: 'MQTT', path: operation.kind })
      const known =
        error instanceof DpsError
          ? error
          : new DpsError('unavailable', 'The service cannot answer just now.', { retryAfterSeconds: 10 })
      // A refusal waits too, and is one whatever becomes of it.
      await services.durable()?.catch(() => undefined)
      return refusal(requestId, known, services)
    }
  }
}

function answer(requestId: string, operation: Operation): ProvisioningAnswer {
  const isDone = operation.status !== 'assigning'
  return {
    topic: formatResponseTopic({
      status: isDone ? 200 : 202,
      requestId,
      ...(!isDone && { retryAfterSeconds: RETRY_AFTER_SECONDS }),
    }),
    payload: bytesOf(formatOperation(operation)),
  }
}

function refusal(
  requestId: string,
  error: DpsError,
  services: Pick<ProvisioningServices, 'clock' | 'random'>,
): ProvisioningAnswer {
  const { status } = DPS_ERRORS[error.code]
  const { retryAfterSeconds } = error
  return {
    topic: formatResponseTopic({ status, requestId, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }),
    payload: bytesOf(formatError(error, { trackingId: trackingId(services), now: services.clock.wall() })),
  }
}

function bytesOf(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document), 'utf8')
}
