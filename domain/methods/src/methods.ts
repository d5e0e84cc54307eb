/**
 * Direct methods: calls that wait for their device, for its answer, or for the end of their time. Sans-IO: the device is
 * reached through `MethodsEffects`, what it does comes in as calls, time is handed in.
 *
 * An answer counts when it carries the request id of a call that is waiting and comes from the identity that was asked.
 * Every other one (late, twice, made up) is counted and otherwise ignored.
 */

import { type Instant, later } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { outcomeOf } from './answer.ts'
import { CALLS_MAX, CALLS_PER_IDENTITY_MAX, REQUEST_ID_BYTES, WAITING_BYTES_MAX } from './limits.ts'
import { faultOf, type MethodCall, type MethodWaiter, type MethodOutcome } from './method-call.ts'

/** What is sent to a device. */
export interface MethodRequest {
  readonly requestId: string
  readonly name: string
  /** JSON text. */
  readonly payload: Uint8Array
}

export interface MethodsEffects {
  /**
   * Hands the request to the identity's live connection; false when there is none. MUST NOT call the machine from within.
   */
  send(key: IdentityKey, request: MethodRequest): boolean
  /** That many fresh, unpredictable bytes. */
  random(count: number): Uint8Array
}

export interface MethodsLimits {
  readonly callsMax: number
  readonly callsPerIdentityMax: number
  readonly waitingBytesMax: number
}

export interface MethodsCounters {
  /** Calls that were begun. */
  readonly invoked: number
  readonly answered: number
  /** Calls refused because too many were under way. */
  readonly busy: number
  /** Answers that no call was waiting for. */
  readonly strayAnswers: number
}

interface Call {
  readonly key: IdentityKey
  readonly actor: string
  readonly responseMs: number
  /** Undefined once it has been sent. */
  waiting: Omit<MethodRequest, 'requestId'> | undefined
  requestId: string | undefined
  deadline: Instant
  readonly end: (outcome: MethodOutcome) => void
}

interface Target {
  readonly calls: Set<Call>
  isListening: boolean
}

export class Methods {
  readonly #effects: MethodsEffects
  readonly #limits: MethodsLimits
  /** Identities that listen or have calls. */
  readonly #targets = new Map<string, Target>()
  readonly #asked = new Map<string, Call>()
  readonly #calls = new Set<Call>()
  readonly #byActor = new Map<string, number>()
  #waitingBytes = 0
  #deadline: Instant | undefined
  #counters = { invoked: 0, answered: 0, busy: 0, strayAnswers: 0 }

  constructor(effects: MethodsEffects, limits: Partial<MethodsLimits> = {}) {
    this.#effects = effects
    this.#limits = {
      callsMax: CALLS_MAX,
      callsPerIdentityMax: CALLS_PER_IDENTITY_MAX,
      waitingBytesMax: WAITING_BYTES_MAX,
      ...limits,
    }
  }

  get counters(): MethodsCounters {
    return this.#counters
  }

  /** Calls under way. */
  get pending(): number {
    return this.#calls.size
  }

  /** Identities that are remembered: those that listen, and those that are called. */
  get identities(): number {
    return this.#targets.size
  }

  /** When to call `tick` if nothing happens before; undefined: not at all. May be earlier than anything is due. */
  get deadline(): Instant | undefined {
    return this.#deadline
  }

  /**
   * Calls a method of a device or module; resolves with what became of it, and never rejects.
   * @param actor whose call it is, e.g. `policy/service`.
   * @param caller whose leaving ends the call: a device that comes later is not asked what nobody wants to know.
   * @throws TypeError for a call that `faultOf` finds fault with.
   */
  invoke(
    key: IdentityKey,
    call: MethodCall,
    actor: string,
    now: Instant,
    caller?: MethodWaiter,
  ): Promise<MethodOutcome> {
    const fault = faultOf(call)
    if (fault !== undefined) throw new TypeError(`the call's ${fault} is out of bounds`)
    const name = identityText(key)
    const target = this.#targets.get(name)
    const full = this.#fullness(target, call, actor)
    if (full !== undefined) {
      this.#counters.busy += 1
      return Promise.resolve({ kind: 'busy', of: full })
    }
    this.#counters.invoked += 1
    const isListening = target?.isListening === true
    if (!isListening && call.connectTimeoutSeconds === 0) return Promise.resolve({ kind: 'not-online' })
    return new Promise((resolve) => {
      const { name: method, payload, connectTimeoutSeconds, responseTimeoutSeconds } = call
      const begun: Call = {
        key,
        actor,
        responseMs: responseTimeoutSeconds * 1000,
        waiting: { name: method, payload },
        requestId: undefined,
        deadline: later(now, connectTimeoutSeconds * 1000),
        end: resolve,
      }
      this.#calls.add(begun)
      this.#byActor.set(actor, (this.#byActor.get(actor) ?? 0) + 1)
      this.#waitingBytes += payload.length
      this.#target(name).calls.add(begun)
      caller?.onLeft(() => this.#end(begun, { kind: 'left' }))
      if (!this.#calls.has(begun)) return
      if (isListening) this.#send(begun, now)
      else this.#await(begun.deadline)
    })
  }

  /** The identity listens to methods from now on, or does no more though it is still connected. */
  listening(key: IdentityKey, isListening: boolean, now: Instant): void {
    const name = identityText(key)
    if (!isListening) {
      const target = this.#targets.get(name)
      if (target === undefined) return
      target.isListening = false
      this.#forget(name, target)
      return
    }
    const target = this.#target(name)
    target.isListening = true
    for (const call of target.calls) if (call.waiting !== undefined) this.#send(call, now)
  }

  /** The identity's connection has ended: who asked it gets no answer. Calls that wait for it go on waiting. */
  gone(key: IdentityKey): void {
    const name = identityText(key)
    const target = this.#targets.get(name)
    if (target === undefined) return
    target.isListening = false
    for (const call of target.calls) if (call.waiting === undefined) this.#end(call, { kind: 'closed' })
    this.#forget(name, target)
  }

  /** The identity is deleted, of a device its modules too: calls of it are not its successor's to hear of. */
  deleted(key: IdentityKey): void {
    const text = identityText(key)
    for (const [name, target] of this.#targets) {
      if (name !== text && (key.moduleId !== undefined || !name.startsWith(`${text}/`))) continue
      target.isListening = false
      for (const call of target.calls) this.#end(call, { kind: 'deleted' })
      this.#forget(name, target)
    }
  }

  /** The identity answered. `payload` is as received, and not kept. */
  answered(
    key: IdentityKey,
    answer: { readonly requestId: string; readonly status: number; readonly payload: Uint8Array },
  ): void {
    const call = this.#asked.get(answer.requestId)
    if (call === undefined || identityText(call.key) !== identityText(key)) {
      this.#counters.strayAnswers += 1
      return
    }
    this.#counters.answered += 1
    this.#end(call, outcomeOf(answer))
  }

  tick(now: Instant): void {
    if (this.#deadline === undefined || now < this.#deadline) return
    this.#deadline = undefined
    for (const call of this.#calls) {
      if (now < call.deadline) this.#await(call.deadline)
      else this.#end(call, { kind: call.waiting === undefined ? 'no-answer' : 'not-online' })
    }
  }

  /** Ends every call: the hub stops. */
  end(): void {
    for (const call of this.#calls) this.#end(call, { kind: 'ended' })
  }

  #fullness(target: Target | undefined, call: MethodCall, actor: string): 'identity' | 'actor' | 'hub' | undefined {
    const { callsMax, callsPerIdentityMax, waitingBytesMax } = this.#limits
    if ((target?.calls.size ?? 0) >= callsPerIdentityMax) return 'identity'
    const isWaiting = target?.isListening !== true
    if (isWaiting && this.#waitingBytes + call.payload.length > waitingBytesMax) return 'hub'
    // While there is plenty of room anybody may have it; what is left then is for those who have less than their share.
    if (this.#calls.size < callsMax / 2) return undefined
    if (this.#calls.size >= callsMax) return 'hub'
    const own = this.#byActor.get(actor) ?? 0
    const actors = this.#byActor.size + (own === 0 ? 1 : 0)
    return own >= callsMax / (actors + 1) ? 'actor' : undefined
  }

  #target(name: string): Target {
    let target = this.#targets.get(name)
    if (target === undefined) {
      target = { calls: new Set(), isListening: false }
      this.#targets.set(name, target)
    }
    return target
  }

  #forget(name: string, target: Target): void {
    if (!target.isListening && target.calls.size === 0) this.#targets.delete(name)
  }

  #send(call: Call, now: Instant): void {
    const { waiting } = call
    if (waiting === undefined) return
    const requestId = hexOf(this.#effects.random(REQUEST_ID_BYTES))
    // A connection that has just ended is told of at once by `gone`; until then the call waits as before.
    if (!this.#effects.send(call.key, { requestId, ...waiting })) {
      this.#await(call.deadline)
      return
    }
    call.waiting = undefined
    call.requestId = requestId
    call.deadline = later(now, call.responseMs)
    this.#waitingBytes -= waiting.payload.length
    this.#asked.set(requestId, call)
    this.#await(call.deadline)
  }

  #end(call: Call, outcome: MethodOutcome): void {
    if (!this.#calls.delete(call)) return
    const own = (this.#byActor.get(call.actor) ?? 1) - 1
    if (own === 0) this.#byActor.delete(call.actor)
    else this.#byActor.set(call.actor, own)
    if (call.waiting !== undefined) this.#waitingBytes -= call.waiting.payload.length
    if (call.requestId !== undefined) this.#asked.delete(call.requestId)
    const name = identityText(call.key)
    const target = this.#targets.get(name)
    if (target !== undefined) {
      target.calls.delete(call)
      this.#forget(name, target)
    }
    call.end(outcome)
  }

  #await(deadline: Instant): void {
    if (this.#deadline === undefined || deadline < this.#deadline) this.#deadline = deadline
  }
}

function hexOf(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}
