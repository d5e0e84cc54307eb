/** Direct methods on live devices: the machine of `@holdfast/methods` between the desk and whoever calls. */

import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { type IdentityKey, identitySubject } from '@holdfast/identity'
import { formatMethodTopic, type SubscriptionTopic } from '@holdfast/iothub'
import type { DeviceRequest, Publication } from '@holdfast/messaging'
import {
  type MethodCall,
  type MethodWaiter,
  type MethodOutcome,
  Methods,
  type MethodsCounters,
} from '@holdfast/methods'
import type { DeviceHandlers } from './device-handlers.ts'

export interface DeviceMethodsParts {
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  /** Bounds the rate of what services may do by the thousand. */
  readonly events: EventSink
  readonly publish: (key: IdentityKey, publication: Publication) => boolean
}

/** Ends of waits are of whole seconds: how late one may be noticed, in milliseconds. */
const TICK_MS_MIN = 50

export class DeviceMethods implements DeviceHandlers {
  readonly #parts: DeviceMethodsParts
  readonly #methods: Methods
  #timer: NodeJS.Timeout | undefined
  #timedFor = Number.POSITIVE_INFINITY

  constructor(parts: DeviceMethodsParts) {
    this.#parts = parts
    this.#methods = new Methods({
      random: parts.random,
      send: (key, { name, requestId, payload }) =>
        parts.publish(key, { topic: formatMethodTopic({ name, requestId }), payload, qos: 0 }),
    })
  }

  get counters(): MethodsCounters {
    return this.#methods.counters
  }

  /** Calls under way. */
  get pending(): number {
    return this.#methods.pending
  }

  /**
   * Resolves with what became of the call, within its own time; never rejects.
   * @param signal aborted when whoever called has gone.
   * @throws TypeError for a call that `faultOf` finds fault with.
   */
  async invoke(key: IdentityKey, call: MethodCall, actor: string, signal?: AbortSignal): Promise<MethodOutcome> {
    const { clock, events } = this.#parts
    const since = clock.monotonic()
    const waiting = this.#methods.invoke(key, call, actor, since, signal && waiterOf(signal))
    this.#time()
    const outcome = await waiting
    events({
      type: 'method.invoked',
      at: clock.wall(),
      subject: identitySubject(key),
      actor,
      detail: {
        method: call.name,
        outcome: outcome.kind,
        ...(outcome.kind === 'answered' ? { status: outcome.status } : {}),
        milliseconds: Math.round(clock.monotonic() - since),
      },
    })
    return outcome
  }

  listening(key: IdentityKey, topics: readonly SubscriptionTopic[]): void {
    const isListening = topics.some(({ kind }) => kind === 'methods')
    this.#methods.listening(key, isListening, this.#parts.clock.monotonic())
    this.#time()
  }

  gone(key: IdentityKey): void {
    this.#methods.gone(key)
  }

  deleted(key: IdentityKey): void {
    this.#methods.deleted(key)
  }

  request(key: IdentityKey, request: DeviceRequest, payload: Uint8Array): void {
    if (request.kind !== 'method-response') return
    this.#methods.answered(key, { requestId: request.requestId, status: request.status, payload })
  }

  /** Answers every caller that still waits: the hub stops. */
  end(): void {
    clearTimeout(this.#timer)
    this.#methods.end()
  }

  /** A timer for the earliest wait, which moves only when one ends earlier: hardly any of them runs to its end. */
  #time(): void {
    const { deadline } = this.#methods
    if (deadline === undefined || deadline >= this.#timedFor) return
    clearTimeout(this.#timer)
    this.#timedFor = deadline
    const wait = Math.max(TICK_MS_MIN, Math.ceil(deadline - this.#parts.clock.monotonic()))
    this.#timer = setTimeout(() => {
      this.#timedFor = Number.POSITIVE_INFINITY
      this.#methods.tick(this.#parts.clock.monotonic())
      this.#time()
    }, wait)
    this.#timer.unref()
  }
}

function waiterOf(signal: AbortSignal): MethodWaiter {
  return {
    onLeft: (left) => {
      if (signal.aborted) left()
      else signal.addEventListener('abort', left, { once: true })
    },
  }
}
