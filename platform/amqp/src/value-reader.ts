/**
 * Reading of AMQP 1.0 values (part 1, §1.6) with bounds on depth and count, so that the cost of a value is that of its
 * bytes. A size that does not agree with what it encloses is refused: there is one reading of a value.
 */

import { AmqpError } from './errors.ts'
import { VALUE_DEPTH_MAX, VALUES_MAX } from './limits.ts'

/** A value with a descriptor, e.g. a performative, a section, or a filter. */
export class Described {
  readonly descriptor: Value
  readonly value: Value

  constructor(descriptor: Value, value: Value) {
    this.descriptor = descriptor
    this.value = value
  }
}

/** 16 bytes that are an identifier (RFC 9562). */
export class Uuid {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Canonical text, lower case. */
  toString(): string {
    const hex = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length).toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }
}

/**
 * A value as it is read. Symbols and strings are text; timestamps are numbers (milliseconds); integers that a number
 * cannot hold are bigints; decimals are their bytes.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Uuid
  | Described
  | readonly Value[]
  | ReadonlyMap<Value, Value>

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class ValueReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number
  #left = VALUES_MAX

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = at
    this.#end = end
  }

  get at(): number {
    return this.#at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** @throws AmqpError `amqp:decode-error`, `amqp:resource-limit-exceeded`. */
  read(): Value {
    return this.#value(this.#end, 0)
  }

  #value(end: number, depth: number): Value {
    this.#count(1)
    if (depth > VALUE_DEPTH_MAX) throw new AmqpError('amqp:resource-limit-exceeded', 'values are nested too deep')
    const code = this.#u8(end)
    if (code !== 0) return this.#ofCode(code, end, depth)
    const descriptor = this.#value(end, depth + 1)
    return new Described(descriptor, this.#value(end, depth + 1))
  }

  #ofCode(code: number, end: number, depth: number): Value {
    switch (code) {
      case 0x40:
        return null
      case 0x41:
        return true
      case 0x42:
        return false
      case 0x43:
      case 0x44:
        return 0
      case 0x45:
        return []
      case 0x50:
      case 0x52:
      case 0x53:
        return this.#u8(end)
      case 0x51:
      case 0x54:
      case 0x55:
        return (this.#u8(end) << 24) >> 24
      case 0x56: {
        const one = this.#u8(end)
        if (one > 1) throw malformed('a boolean is 0 or 1')
        return one === 1
      }
      case 0x60:
        return this.#view.getUint16(this.#skip(2, end))
      case 0x61:
        return this.#view.getInt16(this.#skip(2, end))
      case 0x70:
        return this.#view.getUint32(this.#skip(4, end))
      case 0x71:
        return this.#view.getInt32(this.#skip(4, end))
      case 0x72:
        return this.#view.getFloat32(this.#skip(4, end))
      case 0x73: {
        const point = this.#view.getUint32(this.#skip(4, end))
        if (point > 0x10_ffff || (point >= 0xd800 && point <= 0xdfff)) throw malformed('a char is a Unicode character')
        return String.fromCodePoint(point)
      }
      case 0x80:
        return narrow(this.#view.getBigUint64(this.#skip(8, end)))
      case 0x81:
      case 0x83:
        return narrow(this.#view.getBigInt64(this.#skip(8, end)))
      case 0x82:
        return this.#view.getFloat64(this.#skip(8, end))
      case 0x74:
        return this.#slice(4, end)
      case 0x84:
        return this.#slice(8, end)
      case 0x94:
        return this.#slice(16, end)
      case 0x98:
        return new Uuid(this.#slice(16, end))
      case 0xa0:
        return this.#slice(this.#u8(end), end)
      case 0xb0:
        return this.#slice(this.#u32(end), end)
      case 0xa1:
      case 0xa3:
        return text(this.#slice(this.#u8(end), end), code === 0xa3)
      case 0xb1:
      case 0xb3:
        return text(this.#slice(this.#u32(end), end), code === 0xb3)
      case 0xc0:
      case 0xd0:
        return this.#compound(code === 0xd0, end, depth)
      case 0xc1:
      case 0xd1:
        return mapOf(this.#compound(code === 0xd1, end, depth))
      case 0xe0:
      case 0xf0:
        return this.#array(code === 0xf0, end, depth)
      default:
        throw malformed('an unknown type code')
    }
  }

  #compound(isWide: boolean, end: number, depth: number): Value[] {
    const { count, to } = this.#extent(isWide, end)
    const items: Value[] = []
    for (let index = 0; index < count; index += 1) items.push(this.#value(to, depth + 1))
    if (this.#at !== to) throw malformed('a list or map does not fill its size')
    return items
  }

  #array(isWide: boolean, end: number, depth: number): Value[] {
    const { count, to } = this.#extent(isWide, end)
    this.#count(count)
    let code = this.#u8(to)
    const descriptors: Value[] = []
    while (code === 0) {
      if (depth + descriptors.length >= VALUE_DEPTH_MAX) {
        throw new AmqpError('amqp:resource-limit-exceeded', 'values are nested too deep')
      }
      descriptors.unshift(this.#value(to, depth + 1))
      code = this.#u8(to)
    }
    const items: Value[] = []
    if (depth >= VALUE_DEPTH_MAX) throw new AmqpError('amqp:resource-limit-exceeded', 'values are nested too deep')
    for (let index = 0; index < count; index += 1) {
      let item = this.#ofCode(code, to, depth + 1)
      for (const descriptor of descriptors) item = new Described(descriptor, item)
      items.push(item)
    }
    if (this.#at !== to) throw malformed('an array does not fill its size')
    return items
  }

  #extent(isWide: boolean, end: number): { readonly count: number; readonly to: number } {
    const size = isWide ? this.#u32(end) : this.#u8(end)
    const to = this.#at + size
    if (to > end) throw malformed('a value passes the end')
    return { count: isWide ? this.#u32(to) : this.#u8(to), to }
  }

  /** Counted before anything is made of them: an array of nulls takes no bytes. */
  #count(values: number): void {
    this.#left -= values
    if (this.#left < 0) throw new AmqpError('amqp:resource-limit-exceeded', 'too many values')
  }

  #skip(bytes: number, end: number): number {
    const from = this.#at
    if (from + bytes > end) throw malformed('a value passes the end')
    this.#at = from + bytes
    return from
  }

  #slice(bytes: number, end: number): Uint8Array {
    const from = this.#skip(bytes, end)
    return this.#bytes.subarray(from, from + bytes)
  }

  #u8(end: number): number {
    return this.#view.getUint8(this.#skip(1, end))
  }

  #u32(end: number): number {
    return this.#view.getUint32(this.#skip(4, end))
  }
}

function mapOf(items: readonly Value[]): ReadonlyMap<Value, Value> {
  if (items.length % 2 !== 0) throw malformed('a map has a key without a value')
  const map = new Map<Value, Value>()
  for (let index = 0; index < items.length; index += 2) {
    const key = items[index] ?? null
    // rhea makes objects of maps; a name of `Object.prototype` would be more than a key there.
    if (key === '__proto__') throw malformed('a map has a key that cannot be')
    map.set(key, items[index + 1] ?? null)
  }
  return map
}

function text(bytes: Uint8Array, isSymbol: boolean): string {
  try {
    const read = utf8.decode(bytes)
    if (isSymbol && read.length !== bytes.length) throw malformed('a symbol is ASCII')
    return read
  } catch (error) {
    throw error instanceof AmqpError ? error : malformed('a string is not UTF-8')
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function malformed(message: string): AmqpError {
  return new AmqpError('amqp:decode-error', message)
}
