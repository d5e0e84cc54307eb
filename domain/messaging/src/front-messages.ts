/**
 * What crosses between a front thread and the core. A `connection` is a number that one front gives and never reuses.
 * Messages are plain data, so that they can be cloned; they travel in arrays, one post a turn of the event loop.
 */

import type { Timestamp } from '@holdfast/base'
import type { Lane } from '@holdfast/identity'
import type { DeviceRequest } from './device-request.ts'

/** What TLS proved of the peer's certificate, as facts; the core decides what they are worth. */
export interface CertificateFacts {
  /** Upper-case hex of the leaf's DER. */
  readonly sha1: string
  readonly sha256: string
  readonly commonName: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** DER of the leaf and what the client sent above it (at most 8 certificates). */
  readonly chain: readonly Uint8Array[]
}

export interface PeerFacts {
  readonly address: string
  readonly port: number
  readonly transport: 'mqtt' | 'mqtt-ws' | 'https' | 'local'
  readonly tlsVersion: string
  /** Of what the peer's TLS library offers and chooses; '' where there is no TLS. */
  readonly tlsFingerprint: string
  readonly certificate?: CertificateFacts
}

export interface HubClaim {
  readonly service: 'hub'
  readonly hostName: string
  readonly deviceId: string
  readonly moduleId?: string
  readonly apiVersion: string
  readonly modelId?: string
  readonly clientType?: string
  readonly cleanSession: boolean
}

export interface ProvisioningClaim {
  readonly service: 'provisioning'
  readonly idScope: string
  readonly registrationId: string
  readonly apiVersion: string
  readonly clientVersion?: string
}

/** A SUBSCRIBE filter that the topic rules allow; QoS as granted. */
export interface Subscription {
  readonly filter: string
  readonly qos: 0 | 1
}

/** Everything an admitted connection's front needs to know of it. */
export interface Admission {
  readonly deviceId: string
  readonly moduleId?: string
  readonly generationId: string
  readonly authMethod: string
  readonly sessionPresent: boolean
  readonly subscriptions: readonly Subscription[]
  /** When the credential ends, in civil time; the front closes the connection then. */
  readonly expires?: Timestamp
}

/** What is left of a publication when its connection ends. */
export interface Unacknowledged {
  readonly ticket: number
  readonly packetId: number
}

export type CloseReason =
  | 'peer-closed'
  | 'disconnect'
  | 'taken-over'
  | 'keep-alive'
  | 'opening-timeout'
  | 'malformed'
  | 'protocol-violation'
  | 'topic-refused'
  | 'too-large'
  | 'slow-reader'
  | 'throttled'
  | 'token-expired'
  | 'credential-revoked'
  | 'identity-disabled'
  | 'identity-deleted'
  /** A gate of admission does not have it any more. */
  | 'not-admitted'
  | 'refused'
  | 'unavailable'
  | 'shutdown'

/** CONNACK return codes of MQTT 3.1.1 §3.2.2.3 that a refusal can carry. */
export type RefusalCode = 1 | 2 | 3 | 4 | 5

export type FrontToCore =
  | {
      readonly kind: 'connect'
      readonly connection: number
      readonly claim: HubClaim | ProvisioningClaim
      /** The MQTT password, when one was sent. Never logged. */
      readonly token?: string
      readonly peer: PeerFacts
    }
  /** Sent once for every `connect`, when nothing of the connection is under way to the store any more. */
  | {
      readonly kind: 'closed'
      readonly connection: number
      readonly reason: CloseReason
      readonly detail?: string
      /** Publications with a ticket that it was sent at QoS 1 and has not acknowledged; absent when there are none. */
      readonly unacknowledged?: readonly Unacknowledged[]
    }
  /** A twin request or the answer to a method call. Twin requests are answered by `deliver`. */
  | {
      readonly kind: 'request'
      readonly connection: number
      readonly request: DeviceRequest
      readonly payload: Uint8Array
    }
  /** The device has what these tickets of `deliver` were given for: acknowledged, or written where QoS 0 was granted. */
  | { readonly kind: 'delivered'; readonly connection: number; readonly tickets: readonly number[] }
  /** The complete list after a SUBSCRIBE or UNSUBSCRIBE; the front answers the device after `subscriptions-kept`. */
  | {
      readonly kind: 'subscriptions'
      readonly connection: number
      readonly ticket: number
      readonly subscriptions: readonly Subscription[]
    }
  | {
      readonly kind: 'provision'
      readonly connection: number
      readonly requestId: string
      readonly operation:
        | { readonly kind: 'register'; readonly body: Uint8Array; readonly force: boolean }
        | { readonly kind: 'poll'; readonly operationId: string }
    }
  /** It has published telemetry outside its lane; said once a lane. */
  | { readonly kind: 'withheld'; readonly connection: number }
  /** These connections have sent telemetry since this was last said; at most every few seconds. */
  | { readonly kind: 'activity'; readonly connections: readonly number[] }
  /** A connection ended before the core knew of it (bad handshake, malformed CONNECT, flood). */
  | {
      readonly kind: 'turned-away'
      readonly address: string
      readonly reason: CloseReason
      readonly detail: string
      readonly count: number
    }

export type CoreToFront =
  | { readonly kind: 'admit'; readonly connection: number; readonly admission: Admission }
  /** `provisioning` connections are admitted with their registration id only. */
  | {
      readonly kind: 'admit-provisioning'
      readonly connection: number
      readonly registrationId: string
      readonly expires?: Timestamp
    }
  | { readonly kind: 'refuse'; readonly connection: number; readonly code: RefusalCode; readonly reason: string }
  /** Before `admit`, where it is not the full lane, and whenever it changes. */
  | { readonly kind: 'lane'; readonly connection: number; readonly lane: Lane }
  | { readonly kind: 'close'; readonly connection: number; readonly reason: CloseReason }
  | { readonly kind: 'subscriptions-kept'; readonly connection: number; readonly ticket: number }
  /** A message for the device, on a topic it is subscribed to; QoS as the subscription grants. */
  | {
      readonly kind: 'deliver'
      readonly connection: number
      readonly topic: string
      readonly payload: Uint8Array
      readonly qos: 0 | 1
      /** Asks for `delivered`. Given once, by whoever sends it; not answered when the device is not subscribed. */
      readonly ticket?: number
      /** Packet id under which an earlier connection of this session was sent the same (MQTT 3.1.1 §4.4). */
      readonly againAs?: number
    }
  /** From now on, batches are sealed with this key. */
  | { readonly kind: 'data-key'; readonly epoch: number; readonly key: Uint8Array }
  | { readonly kind: 'shutdown' }

/** What a front hands to the log thread, and what comes back. `batch` numbers count up from 0 in each front. */
export interface FrontToLog {
  readonly kind: 'append'
  readonly ticket: number
  readonly batches: readonly import('./sealed-batch.ts').SealedBatch[]
}
export type LogToFront =
  | { readonly kind: 'committed'; readonly ticket: number }
  /** The log cannot take more just now; what was handed over is kept and will be tried again. */
  | { readonly kind: 'state'; readonly available: boolean; readonly reason: string }
