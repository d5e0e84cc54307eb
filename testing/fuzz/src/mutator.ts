/** Makes inputs of inputs: by bytes, by numbers, by words, and by crossing two of them. */

import type { Random } from '@holdfast/testing-simulation/random'
import { MUTATIONS_MAX } from './limits.ts'

/** Values at the edges of what formats use for lengths and counts. */
const EDGES = [0, 1, 2, 4, 7, 16, 32, 64, 100, 127, 128, 254, 255, 256, 1023, 1024, 32_767, 32_768, 65_535, 0xffff_ffff]
/** Numbers as text, at the edges of what parsers hold them in. */
const NUMERALS = ['0', '-1', '1', '00', '1e9', '0.5', '2147483648', '4294967296', '9007199254740993', '1'.repeat(40)]

interface MutatorOptions {
  readonly random: Random
  readonly dictionary: readonly string[]
  readonly bytesMax: number
}

type Bytes = number[]
type Mutation = (bytes: Bytes) => void

export class Mutator {
  readonly #random: Random
  readonly #words: readonly Uint8Array[]
  readonly #bytesMax: number
  readonly #mutations: readonly Mutation[]

  constructor({ random, dictionary, bytesMax }: MutatorOptions) {
    this.#random = random
    this.#words = dictionary.map((word) => Buffer.from(word))
    this.#bytesMax = bytesMax
    this.#mutations = [
      (it) => this.#flip(it),
      (it) => this.#set(it),
      (it) => this.#insertBytes(it),
      (it) => this.#remove(it),
      (it) => this.#repeat(it),
      (it) => this.#cut(it),
      (it) => this.#number(it),
      (it) => this.#numeral(it),
      (it) => this.#exchange(it),
      (it) => this.#percent(it),
      ...(this.#words.length > 0 ? [(it: Bytes) => this.#insertWord(it), (it: Bytes) => this.#replaceWord(it)] : []),
    ]
  }

  /** A new input made of `bytes`, sometimes crossed with `other`; a plain array of its own. */
  mutate(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const result = this.#random.chance(0.15) ? this.#cross(bytes, other) : [...bytes]
    // Mostly one or two: a heap of wounds is refused at the first.
    let count = 1
    while (count < MUTATIONS_MAX && this.#random.chance(0.4)) count += 1
    for (let done = 0; done < count; done++) this.#random.pick(this.#mutations)(result)
    return Uint8Array.from(result.slice(0, this.#bytesMax))
  }

  /** A place between two bytes. */
  #gap(bytes: Bytes): number {
    return this.#random.between(0, bytes.length)
  }

  /** Some bytes in a row; short ones more often. Empty when there are none. */
  #span(bytes: Bytes): { readonly at: number; readonly count: number } {
    const count = Math.min(bytes.length, this.#random.chance(0.7) ? this.#random.between(1, 8) : this.#gap(bytes))
    return { at: this.#random.between(0, bytes.length - count), count }
  }

  #cross(bytes: Uint8Array, other: Uint8Array): Bytes {
    const head = this.#random.between(0, bytes.length)
    const tail = this.#random.between(0, other.length)
    return [...bytes.subarray(0, head), ...other.subarray(tail)]
  }

  #flip(bytes: Bytes): void {
    if (bytes.length === 0) return
    const at = this.#random.between(0, bytes.length - 1)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#random.between(0, 7))
  }

  #set(bytes: Bytes): void {
    if (bytes.length === 0) return
    bytes[this.#random.between(0, bytes.length - 1)] = this.#random.bits() & 0xff
  }

  #insertBytes(bytes: Bytes): void {
    bytes.splice(this.#gap(bytes), 0, ...this.#random.bytes(this.#random.between(1, 4)))
  }

  #remove(bytes: Bytes): void {
    const { at, count } = this.#span(bytes)
    bytes.splice(at, count)
  }

  /** Doubles a part, or piles it up until the input is full: what nests or adds up is found so. */
  #repeat(bytes: Bytes): void {
    const { at, count } = this.#span(bytes)
    if (count === 0) return
    const part = bytes.slice(at, at + count)
    const room = Math.floor((this.#bytesMax - bytes.length) / count)
    const times = this.#random.chance(0.1) ? room : Math.min(room, this.#random.between(1, 3))
    if (times < 1) return
    bytes.splice(at, 0, ...Array.from({ length: times }, () => part).flat())
  }

  #cut(bytes: Bytes): void {
    bytes.length = this.#gap(bytes)
  }

  /** A big-endian number of one, two or four bytes: an edge, or a step away from what stands there. */
  #number(bytes: Bytes): void {
    const width = this.#random.pick([1, 2, 4])
    if (bytes.length < width) return
    const at = this.#random.between(0, bytes.length - width)
    let value = 0
    for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0)
    value = this.#random.chance(0.5) ? this.#random.pick(EDGES) : value + this.#random.between(-4, 4)
    for (let i = width - 1; i >= 0; i--) {
      bytes[at + i] = value & 0xff
      value = Math.floor(value / 256)
    }
  }

  /** A number in digits becomes another. */
  #numeral(bytes: Bytes): void {
    const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39
    const from = this.#gap(bytes)
    const at = bytes.findIndex((byte, index) => index >= from && isDigit(byte))
    if (at < 0) return
    let end = at
    while (isDigit(bytes[end])) end += 1
    bytes.splice(at, end - at, ...Buffer.from(this.#random.pick(NUMERALS)))
  }

  /** Two neighbouring parts change places. */
  #exchange(bytes: Bytes): void {
    const { at, count } = this.#span(bytes)
    const part = bytes.splice(at, count)
    bytes.splice(this.#gap(bytes), 0, ...part)
  }

  /** A byte becomes its percent-encoding, in either case. */
  #percent(bytes: Bytes): void {
    if (bytes.length === 0) return
    const at = this.#random.between(0, bytes.length - 1)
    const digits = (bytes[at] ?? 0).toString(16).padStart(2, '0')
    bytes.splice(at, 1, ...Buffer.from(`%${this.#random.chance(0.5) ? digits : digits.toUpperCase()}`))
  }

  #insertWord(bytes: Bytes): void {
    bytes.splice(this.#gap(bytes), 0, ...this.#random.pick(this.#words))
  }

  /** A run of letters and digits becomes a word of the dictionary. */
  #replaceWord(bytes: Bytes): void {
    const isLetter = (byte: number | undefined): boolean =>
      byte !== undefined && /[A-Za-z0-9_.$-]/.test(String.fromCharCode(byte))
    let at = this.#gap(bytes)
    while (at > 0 && isLetter(bytes[at - 1])) at -= 1
    let end = at
    while (isLetter(bytes[end])) end += 1
    bytes.splice(at, end - at, ...this.#random.pick(this.#words))
  }
}
