/**
 * Certificates that devices ask for over MQTT (`$iothub/credentials/POST/issueCertificate`). One request of an identity
 * at a time; its outcome waits for a connection that listens, until it expires.
 */

import type { Clock, Instant, Timestamp } from '@holdfast/base'
import { later, timestampOf } from '@holdfast/base'
import { CredentialError, type CredentialErrorCode } from '@holdfast/credentials'
import { type IdentityKey, identityText } from '@holdfast/identity'
import {
  type CertificateError,
  type CertificateErrorCode,
  type CertificateRequest,
  certificateStatusOf,
  formatCertificateAccepted,
  formatCertificateError,
  formatCertificateIssued,
  formatCertificateResponseTopic,
  HubFormatError,
  readCertificateRequest,
  type SubscriptionTopic,
} from '@holdfast/iothub'
import type { DeviceRequest, Publication } from '@holdfast/messaging'
import type { DeviceHandlers } from './device-handlers.ts'

export interface DeviceCertificatesParts {
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
  /** Whether the gates of admission let the identity have a new certificate. */
  readonly mayRenew: (key: IdentityKey) => boolean
  /**
   * Issues a certificate for the request to the identity that is connected.
   * @returns DER, leaf first, root last. Rejects with CredentialError.
   */
  readonly issue: (key: IdentityKey, csr: Uint8Array) => Promise<readonly Uint8Array[]>
  /** A fault of ours or of the disk's, for the log. */
  readonly fault: (error: unknown) => void
}

/** How long a request is under way, and its outcome waits, in milliseconds. */
const OPERATION_MS = 300_000
/** Requests under way or waiting for their device; some 4 KiB each with the chain. */
const OPERATIONS_MAX = 4_096

interface Outcome {
  readonly status: number
  readonly body: string
}

interface Operation {
  readonly key: IdentityKey
  readonly requestId: string
  readonly correlationId: string
  readonly until: Instant
  readonly expires: Timestamp
  /** Of a request that is done, and whose device does not listen. */
  outcome?: Outcome
}

/** What the device is told of a refusal, where it is not 400037. */
const CODES: Partial<Readonly<Record<CredentialErrorCode, CertificateErrorCode>>> = {
  'renewal-stopped': 403_001,
  'identity-disabled': 403_001,
  busy: 429_001,
  'no-issuer': 503_001,
}

const encoder = new TextEncoder()

export class DeviceCertificates implements DeviceHandlers {
  readonly #parts: DeviceCertificatesParts
  /** By identity, oldest first. */
  readonly #operations = new Map<string, Operation>()
  /** Identities that hear answers. */
  readonly #listening = new Set<string>()

  constructor(parts: DeviceCertificatesParts) {
    this.#parts = parts
  }

  listening(key: IdentityKey, topics: readonly SubscriptionTopic[]): void {
    const text = identityText(key)
    if (!topics.some(({ kind }) => kind === 'certificate-responses')) {
      this.#listening.delete(text)
      return
    }
    this.#listening.add(text)
    this.#prune()
    const operation = this.#operations.get(text)
    if (operation?.outcome !== undefined) this.#conclude(operation, operation.outcome)
  }

  gone(key: IdentityKey): void {
    this.#listening.delete(identityText(key))
  }

  /** A successor of the id hears of nothing. */
  deleted(key: IdentityKey): void {
    for (const [text, operation] of this.#operations) {
      const isOfModule = key.moduleId === undefined || key.moduleId === operation.key.moduleId
      if (operation.key.deviceId === key.deviceId && isOfModule) this.#operations.delete(text)
    }
  }

  request(key: IdentityKey, request: DeviceRequest, payload: Uint8Array): void {
    if (request.kind !== 'certificate-request') return
    this.#prune()
    const { requestId } = request
    let asked: CertificateRequest
    try {
      asked = readCertificateRequest(payload, identityText(key))
    } catch (error) {
      if (!(error instanceof HubFormatError)) throw error
      const errorCode = error.code === 'bad-json' ? 400_006 : 400_004
      this.#answer(key, requestId, this.#refusal({ errorCode, message: error.message }))
      return
    }
    const refusal = this.#conflict(key, asked)
    if (refusal !== undefined) {
      this.#answer(key, requestId, this.#refusal(refusal))
      return
    }
    this.#begin(key, requestId, asked.csr)
  }

  #conflict(key: IdentityKey, { replace }: CertificateRequest): CertificateError | undefined {
    const { mayRenew } = this.#parts
    if (!mayRenew(key)) {
      return { errorCode: 403_001, message: 'the hub does not renew the certificate of this device just now' }
    }
    const active = this.#operations.get(identityText(key))
    if (replace?.kind === 'request' && active?.requestId !== replace.requestId) {
      const message = 'no request of this id is under way; leave replace out, or send *'
      return { errorCode: 412_001, message, info: { requestId: replace.requestId } }
    }
    if (active !== undefined && replace === undefined) {
      const { requestId, correlationId, expires } = active
      const info = { requestId, operationExpires: new Date(expires).toISOString(), correlationId }
      return { errorCode: 409_004, message: 'a request is under way; wait for it, or send replace', info }
    }
    if (active === undefined && this.#operations.size >= OPERATIONS_MAX) {
      return { errorCode: 429_001, message: 'too many certificates are being issued; try again later' }
    }
    return undefined
  }

  #begin(key: IdentityKey, requestId: string, csr: Uint8Array): void {
    const { clock, random, issue } = this.#parts
    const operation: Operation = {
      key,
      requestId,
      correlationId: Buffer.from(random(16)).toString('hex'),
      until: later(clock.monotonic(), OPERATION_MS),
      expires: timestampOf(clock.wall() + OPERATION_MS),
    }
    const text = identityText(key)
    this.#operations.delete(text)
    this.#operations.set(text, operation)
    this.#answer(key, requestId, {
      status: 202,
      body: formatCertificateAccepted({
        correlationId: operation.correlationId,
        operationExpires: operation.expires,
      }),
    })
    issue(key, csr)
      .then((chain) => ({
        status: 200,
        body: formatCertificateIssued({ correlationId: operation.correlationId, chain }),
      }))
      .catch((error: unknown) => this.#failed(operation, error))
      .then((outcome) => this.#conclude(operation, outcome))
      .catch(this.#parts.fault)
  }

  #failed({ correlationId }: Operation, error: unknown): Outcome {
    if (error instanceof CredentialError) {
      const errorCode = CODES[error.code] ?? 400_037
      const info = { correlationId, credentialError: error.code, credentialMessage: error.message }
      return this.#refusal({ errorCode, message: `no certificate was issued: ${error.message}`, info })
    }
    this.#parts.fault(error)
    const message = 'the hub cannot issue certificates just now; try again later'
    return this.#refusal({ errorCode: 503_001, message, info: { correlationId } })
  }

  /** Its device hears of it if it listens, or as soon as it does. */
  #conclude(operation: Operation, outcome: Outcome): void {
    const text = identityText(operation.key)
    // Another request has taken its place, or it has expired: nobody waits for it.
    if (this.#operations.get(text) !== operation) return
    if (this.#listening.has(text) && this.#answer(operation.key, operation.requestId, outcome)) {
      this.#operations.delete(text)
      return
    }
    operation.outcome = outcome
  }

  #answer(key: IdentityKey, requestId: string, { status, body }: Outcome): boolean {
    const topic = formatCertificateResponseTopic({ status, requestId })
    return this.#parts.publish(key, { topic, payload: encoder.encode(body), qos: 1 })
  }

  #refusal(error: CertificateError): Outcome {
    const { clock, random } = this.#parts
    const stamp = { trackingId: Buffer.from(random(16)).toString('hex'), at: clock.wall() }
    return { status: certificateStatusOf(error.errorCode), body: formatCertificateError(error, stamp) }
  }

  #prune(): void {
    const now = this.#parts.clock.monotonic()
    for (const [text, { until }] of this.#operations) {
      if (until > now) return
      this.#operations.delete(text)
    }
  }
}
