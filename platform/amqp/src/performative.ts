/** Performatives (AMQP 1.0 part 2, §2.7) as the gate looks at them: the fields that bounds depend on, and only legal ones. */

import { AmqpError } from './errors.ts'
import { Described, type Value } from './value-reader.ts'

/** A source or a target, as far as anybody asks. */
export interface Terminus {
  readonly address: string | undefined
  /** Of a source. */
  readonly filter: ReadonlyMap<Value, Value>
}

const NOTHING: ReadonlyMap<Value, Value> = new Map()

export type Performative =
  | { readonly kind: 'open'; readonly frameBytesMax: number; readonly idleTimeOutMs: number }
  | { readonly kind: 'begin' }
  | {
      readonly kind: 'attach'
      readonly name: string
      readonly handle: number
      /** The peer receives on this link. */
      readonly isReceiver: boolean
      readonly source: Terminus | undefined
      readonly target: Terminus | undefined
      /** 0 unsettled, 1 settled, 2 mixed. */
      readonly sendSettleMode: number
      readonly properties: ReadonlyMap<Value, Value>
      readonly desiredCapabilities: readonly string[]
    }
  | {
      readonly kind: 'flow'
      readonly handle: number | undefined
      /** Undefined while the peer does not know of our end. */
      readonly deliveryCount: number | undefined
      readonly credit: number
      readonly drain: boolean
    }
  | {
      readonly kind: 'transfer'
      readonly handle: number
      readonly deliveryId: number | undefined
      readonly format: number
      readonly more: boolean
      readonly aborted: boolean
    }
  | { readonly kind: 'disposition'; readonly isReceiver: boolean; readonly first: number; readonly last: number }
  | { readonly kind: 'detach'; readonly handle: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'close' }

const NAMES = ['open', 'begin', 'attach', 'flow', 'transfer', 'disposition', 'detach', 'end', 'close']
const CODES: ReadonlyMap<Value, number> = new Map<Value, number>([
  ...NAMES.map((_, index): [Value, number] => [index + 0x10, index + 0x10]),
  ...NAMES.map((name, index): [Value, number] => [`amqp:${name}:list`, index + 0x10]),
])
const SOURCE: readonly Value[] = [0x28, 'amqp:source:list']
const TARGET: readonly Value[] = [0x29, 'amqp:target:list']
const ERROR: readonly Value[] = [0x1d, 'amqp:error:list']
const OUTCOMES: readonly Value[] = [
  0x23,
  0x24,
  0x25,
  0x26,
  0x27,
  'amqp:received:list',
  'amqp:accepted:list',
  'amqp:rejected:list',
  'amqp:released:list',
  'amqp:modified:list',
]
const UINT_MAX = 0xffff_ffff
const TEXT_CHARACTERS_MAX = 1_024
/** The library keeps links by name in a plain object. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

/** @throws AmqpError `amqp:decode-error`, `amqp:invalid-field`, `amqp:not-implemented`. */
export function readPerformative(value: Value): Performative {
  const code = value instanceof Described ? CODES.get(value.descriptor) : undefined
  if (code === undefined || !(value instanceof Described) || !Array.isArray(value.value)) {
    throw new AmqpError('amqp:decode-error', 'no performative')
  }
  const fields = new Fields(value.value)
  switch (code) {
    case 0x10: {
      fields.text(0, true)
      fields.text(1)
      const frameBytesMax = fields.uint(2) ?? UINT_MAX
      // §2.7.1: no peer may ask for less.
      if (frameBytesMax < 512) throw new AmqpError('amqp:invalid-field', 'max-frame-size is 512 at least')
      fields.uint(3)
      const idleTimeOutMs = fields.uint(4) ?? 0
      for (const index of [5, 6, 7, 8]) fields.symbols(index)
      fields.map(9)
      return { kind: 'open', frameBytesMax, idleTimeOutMs }
    }
    case 0x11: {
      // We begin no sessions, so that there is none of ours to answer.
      if (fields.uint(0) !== undefined) throw new AmqpError('amqp:not-allowed', 'begin answers no session of ours')
      for (const index of [1, 2, 3]) fields.must(fields.uint(index))
      fields.uint(4)
      for (const index of [5, 6]) fields.symbols(index)
      fields.map(7)
      return { kind: 'begin' }
    }
    case 0x12: {
      const name = fields.must(fields.text(0, true))
      if (RESERVED_NAMES.has(name)) throw new AmqpError('amqp:invalid-field', 'a link cannot have this name')
      const handle = fields.must(fields.uint(1))
      const isReceiver = fields.must(fields.boolean(2))
      const sendSettleMode = fields.uint(3) ?? 2
      fields.uint(4)
      const source = fields.terminus(5, SOURCE)
      const target = fields.terminus(6, TARGET)
      fields.map(7)
      fields.boolean(8)
      fields.uint(9)
      fields.integer(10)
      fields.symbols(11)
      const desiredCapabilities = fields.symbols(12)
      const properties = fields.map(13)
      return {
        kind: 'attach',
        name,
        handle,
        isReceiver,
        source,
        target,
        sendSettleMode,
        properties,
        desiredCapabilities,
      }
    }
    case 0x13: {
      fields.uint(0)
      for (const index of [1, 2, 3]) fields.must(fields.uint(index))
      const handle = fields.uint(4)
      const deliveryCount = fields.uint(5)
      const credit = fields.uint(6) ?? 0
      fields.uint(7)
      const drain = fields.boolean(8) ?? false
      fields.boolean(9)
      fields.map(10)
      return { kind: 'flow', handle, deliveryCount, credit, drain }
    }
    case 0x14: {
      const handle = fields.must(fields.uint(0))
      const deliveryId = fields.uint(1)
      fields.binary(2)
      const format = fields.uint(3) ?? 0
      fields.boolean(4)
      const more = fields.boolean(5) ?? false
      fields.uint(6)
      fields.outcome(7)
      if (fields.boolean(8) === true) throw new AmqpError('amqp:not-implemented', 'deliveries are not resumed')
      return { kind: 'transfer', handle, deliveryId, format, more, aborted: fields.boolean(9) ?? false }
    }
    case 0x15: {
      const isReceiver = fields.must(fields.boolean(0))
      const first = fields.must(fields.uint(1))
      const last = fields.uint(2) ?? first
      fields.boolean(3)
      fields.outcome(4)
      return { kind: 'disposition', isReceiver, first, last }
    }
    case 0x16: {
      const handle = fields.must(fields.uint(0))
      fields.boolean(1)
      fields.error(2)
      return { kind: 'detach', handle }
    }
    default:
      fields.error(0)
      return { kind: code === 0x17 ? 'end' : 'close' }
  }
}

class Fields {
  readonly #values: readonly Value[]

  constructor(values: readonly Value[]) {
    this.#values = values
  }

  must<T>(value: T | undefined): T {
    if (value === undefined) throw new AmqpError('amqp:invalid-field', 'a mandatory field is missing')
    return value
  }

  uint(index: number): number | undefined {
    const value = this.#at(index)
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > UINT_MAX) throw wrong()
    return value
  }

  integer(index: number): void {
    const value = this.#at(index)
    if (value !== undefined && typeof value !== 'number' && typeof value !== 'bigint') throw wrong()
  }

  boolean(index: number): boolean | undefined {
    const value = this.#at(index)
    if (value !== undefined && typeof value !== 'boolean') throw wrong()
    return value
  }

  text(index: number, isMandatory = false): string | undefined {
    const value = this.#at(index)
    if (value === undefined) {
      if (isMandatory) throw new AmqpError('amqp:invalid-field', 'a mandatory field is missing')
      return undefined
    }
    if (typeof value !== 'string' || value.length > TEXT_CHARACTERS_MAX) throw wrong()
    return value
  }

  binary(index: number): void {
    const value = this.#at(index)
    // §2.8.7: a delivery tag has 32 bytes at most.
    if (value !== undefined && !(value instanceof Uint8Array && value.length <= 32)) throw wrong()
  }

  symbols(index: number): readonly string[] {
    const value = this.#at(index)
    if (value === undefined) return []
    const listed: readonly Value[] = Array.isArray(value) ? value : [value]
    return listed.map((one) => {
      if (typeof one !== 'string') throw wrong()
      return one
    })
  }

  map(index: number): ReadonlyMap<Value, Value> {
    const value = this.#at(index)
    if (value === undefined) return NOTHING
    if (!(value instanceof Map)) throw wrong()
    return value
  }

  terminus(index: number, descriptors: readonly Value[]): Terminus | undefined {
    const value = this.#at(index)
    if (value === undefined) return undefined
    // A coordinator of transactions is a target too.
    if (!(value instanceof Described && descriptors.includes(value.descriptor))) {
      throw new AmqpError('amqp:not-implemented', 'a source or target of this kind is not there')
    }
    if (!Array.isArray(value.value)) throw wrong()
    const terminus = new Fields(value.value)
    terminus.map(5)
    return { address: terminus.text(0), filter: descriptors === SOURCE ? terminus.map(7) : NOTHING }
  }

  outcome(index: number): void {
    this.#described(index, OUTCOMES)
  }

  error(index: number): void {
    this.#described(index, ERROR)
  }

  #described(index: number, descriptors: readonly Value[]): void {
    const value = this.#at(index)
    if (value === undefined) return
    if (!(value instanceof Described && descriptors.includes(value.descriptor) && Array.isArray(value.value))) {
      throw wrong()
    }
  }

  #at(index: number): Exclude<Value, null> | undefined {
    return this.#values[index] ?? undefined
  }
}

function wrong(): AmqpError {
  return new AmqpError('amqp:invalid-field', 'a field has the wrong type')
}
