/** Twins as live devices see them (azure-iot.md §3.4): what they ask is answered, what is desired of them is pushed. */

import { type Clock, LruMap } from '@holdfast/base'
import { type IdentityKey, identitySubject, identityText, type Lane } from '@holdfast/identity'
import {
  formatDesiredPatch,
  formatDesiredPatchTopic,
  formatDeviceTwin,
  formatTwinError,
  formatTwinResponseTopic,
  readReportedPatch,
  REST_ERRORS,
  type RestErrorCode,
  type Twin,
} from '@holdfast/iothub'
import type { DeviceRequest, Publication } from '@holdfast/messaging'
import type { DesiredChange, Twins } from '@holdfast/twins'
import type { DeviceHandlers } from './device-handlers.ts'
import { hubPartOfTwin, hubPartOf, isHubPart, withoutNonce } from './hub-part.ts'
import type { Throttling } from './throttling.ts'
import { type TwinRefusal, twinRefusalOf } from './twin-refusals.ts'

/** Requests under way of one device; a front lets a burst of 100 in. */
const REQUESTS_MAX = 100
/** Bytes of bodies under way of all devices, while the disk takes its time. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024
/** What a request takes beside its body: the promise, its place in the maps. */
const REQUEST_BYTES = 512
/** Characters of a twin, or bytes of a patch, that are one operation: what is longer takes as many times longer. */
const OPERATION_CHARACTERS = 32_768
/** Identities whose twins are long, remembered by what their last request came to; some 100 bytes each. */
const COSTS_MAX = 10_000

export interface DeviceTwinsParts {
  readonly twins: Twins
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
  readonly throttling: Pick<Throttling, 'take'>
  /** Asked of each patch in the turn in which it came, before it is written. MUST NOT throw. */
  readonly vet?: (key: IdentityKey, patch: string) => TwinRefusal | undefined
  /** Of the identity's live connection. */
  readonly laneOf: (key: IdentityKey) => Lane
  /** A fault of ours or of the disk's, for the log. */
  readonly fault: (error: unknown) => void
}

type Ask =
  | Extract<DeviceRequest, { readonly kind: 'twin-get' }>
  | Extract<DeviceRequest, { readonly kind: 'reported-patch' }>

/** What is answered. Request ids are a connection's own: the next one of the device may have the same. */
interface Asked<R extends Ask = Ask> {
  readonly key: IdentityKey
  readonly request: R
  readonly lane: Lane
  readonly connection: { isGone: boolean }
}

/** The requests under way of one identity. */
interface UnderWay {
  count: number
  lastPatch: Promise<unknown>
  /** That on which the next one comes. */
  connection: { isGone: boolean }
}

/** Whether it was the disk or we is for the log; the device can try again after either. */
const UNAVAILABLE: TwinRefusal = {
  code: 'ServiceUnavailable',
  message: 'the hub cannot read or write twins just now; try again later',
}

const encoder = new TextEncoder()
const NOTHING = new Uint8Array()

export class DeviceTwins implements DeviceHandlers {
  readonly #parts: DeviceTwinsParts
  /** By identity; of those that have any. */
  readonly #underWay = new Map<string, UnderWay>()
  #bytes = 0
  /** Of those that are more than one operation: a few long twins must not take what many short ones share. */
  readonly #costs = new LruMap<string, number>(COSTS_MAX)

  constructor(parts: DeviceTwinsParts) {
    this.#parts = parts
  }

  /** To be called in the order of versions, as `Twins` does. Who is not connected and listening misses it. */
  desiredChanged({ key, patch, version }: DesiredChange): void {
    const part = this.#parts.laneOf(key) === 'full' ? patch : hubPartOf(patch)
    if (part === '{}' && patch !== '{}') return
    this.#parts.publish(key, {
      topic: formatDesiredPatchTopic(version),
      payload: encoder.encode(formatDesiredPatch(part, version)),
      qos: 0,
    })
  }

  /** What it asked for is done, but its answers are for nobody: the next connection did not ask. */
  gone(key: IdentityKey): void {
    const underWay = this.#underWay.get(identityText(key))
    if (underWay === undefined) return
    underWay.connection.isGone = true
    underWay.connection = { isGone: false }
  }

  request(key: IdentityKey, request: DeviceRequest, payload: Uint8Array, lane: Lane): void {
    if (request.kind !== 'twin-get' && request.kind !== 'reported-patch') return
    const text = identityText(key)
    const bytes = payload.length + REQUEST_BYTES
    const underWay: UnderWay = this.#underWay.get(text) ?? {
      count: 0,
      lastPatch: Promise.resolve(),
      connection: { isGone: false },
    }
    const { connection } = underWay
    if (lane === 'renewal') {
      this.#refuse(
        { key, request, lane, connection },
        'IotHubSuspended',
        'the device may only renew its certificate now',
      )
      return
    }
    if (underWay.count >= REQUESTS_MAX || this.#bytes + bytes > REQUEST_BYTES_MAX) {
      this.#refuse(
        { key, request, lane, connection },
        'ThrottlingException',
        'too many requests are under way; try again later',
      )
      return
    }
    const operation = request.kind === 'twin-get' ? 'device.twin-read' : 'device.twin-report'
    const cost = Math.max(this.#costs.get(text) ?? 1, Math.ceil(payload.length / OPERATION_CHARACTERS))
    const verdict = this.#parts.throttling.take(operation, identitySubject(key), cost)
    if (verdict.kind === 'refused') {
      const { retryAfterSeconds } = verdict
      this.#refuse(
        { key, request, lane, connection },
        'ThrottlingException',
        `too many requests; try again in ${retryAfterSeconds} s`,
      )
      return
    }
    this.#underWay.set(text, underWay)
    underWay.count += 1
    this.#bytes += bytes
    // A device that reports and asks at once sees what it reported; its patches keep their order by themselves.
    const after = underWay.lastPatch
    const done =
      request.kind === 'twin-get'
        ? after.then(() => this.#get({ key, request, lane, connection }))
        : this.#patch({ key, request, lane, connection }, payload)
    const settled = done
      .catch((error: unknown) => this.#failed({ key, request, lane, connection }, error))
      .finally(() => {
        this.#bytes -= bytes
        underWay.count -= 1
        if (underWay.count === 0) this.#underWay.delete(text)
      })
    if (request.kind === 'reported-patch') underWay.lastPatch = settled
  }

  async #get(asked: Asked): Promise<void> {
    const twin = await this.#parts.twins.read(asked.key)
    this.#weigh(asked.key, twin)
    const shown = asked.lane === 'full' ? twin : hubPartOfTwin(twin)
    this.#answer(asked, { status: 200 }, encoder.encode(formatDeviceTwin(shown)))
  }

  async #patch(asked: Asked<Extract<Ask, { kind: 'reported-patch' }>>, payload: Uint8Array): Promise<void> {
    const { key, request, lane } = asked
    const patch = readReportedPatch(payload)
    if (lane !== 'full' && !isHubPart(patch)) {
      this.#refuse(asked, 'IotHubSuspended', 'the device may only report the member holdfast now')
      return
    }
    const refusal = this.#parts.vet?.(key, patch)
    if (refusal !== undefined) {
      this.#refuse(asked, refusal.code, refusal.message)
      return
    }
    const twin = await this.#parts.twins.report(key, withoutNonce(patch), request.version)
    this.#weigh(key, twin)
    this.#answer(asked, { status: 204, version: twin.reported.version }, NOTHING)
  }

  #weigh(key: IdentityKey, { tags, desired, reported }: Twin): void {
    const texts = [tags, desired.properties, desired.metadata, reported.properties, reported.metadata]
    const characters = texts.reduce((sum, text) => sum + text.length, 0)
    const cost = Math.ceil(characters / OPERATION_CHARACTERS)
    if (cost > 1) this.#costs.set(identityText(key), cost)
    else this.#costs.delete(identityText(key))
  }

  #failed(asked: Asked, error: unknown): void {
    const refusal = twinRefusalOf(error)
    if (refusal === undefined) this.#parts.fault(error)
    const { code, message } = refusal ?? UNAVAILABLE
    this.#refuse(asked, code, message)
  }

  #refuse(asked: Asked, code: RestErrorCode, message: string): void {
    const { clock, random } = this.#parts
    const trackingId = Buffer.from(random(16)).toString('hex')
    const body = formatTwinError({ code, message, trackingId, at: clock.wall() })
    this.#answer(asked, { status: REST_ERRORS[code].status }, encoder.encode(body))
  }

  #answer(
    { key, request, connection }: Asked,
    response: { readonly status: number; readonly version?: number },
    payload: Uint8Array,
  ): void {
    if (connection.isGone) return
    const topic = formatTwinResponseTopic({ ...response, requestId: request.requestId })
    this.#parts.publish(key, { topic, payload, qos: 0 })
  }
}
