/**
 * Reading the wire form of TPM 2.0: big-endian integers and sized buffers (TCG TPM 2.0 Library, Part 1 §5.3 and Part 2
 * §10.4, revision 1.59). Whatever is read is a view into the bytes that were given, which the caller keeps unchanged.
 */

import { TpmError } from './errors.ts'
import { SIZED_BYTES_MAX } from './limits.ts'

export class TpmReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #at = 0

  /** @param what names the structure in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** Bytes read so far: for what is digested as it stood. */
  get offset(): number {
    return this.#at
  }

  u8(): number {
    const [value = 0] = this.take(1)
    return value
  }

  u16(): number {
    const [high = 0, low = 0] = this.take(2)
    return high * 0x100 + low
  }

  u32(): number {
    return this.u16() * 0x1_0000 + this.u16()
  }

  u64(): bigint {
    const high = BigInt(this.u32())
    return (high << 32n) | BigInt(this.u32())
  }

  /** YES or NO (TPMI_YES_NO, Part 2 §9.2): one or zero and nothing else. */
  yesNo(): boolean {
    const value = this.u8()
    if (value > 1) throw new TpmError('malformed', `${this.#what}: a yes or no is 1 or 0`)
    return value === 1
  }

  /** @throws TpmError `truncated` if there are fewer than `length`. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new TpmError('truncated', `${this.#what} ends early`)
    const bytes = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return bytes
  }

  /** A TPM2B: two bytes of length, then so many. @throws TpmError `too-large`, `truncated`. */
  sized(bytesMax: number = SIZED_BYTES_MAX): Uint8Array {
    const length = this.u16()
    if (length > bytesMax) throw new TpmError('too-large', `${this.#what}: a buffer has more than ${bytesMax} bytes`)
    return this.take(length)
  }

  /** @throws TpmError `trailing` unless all was read. */
  end(): void {
    if (this.left > 0) throw new TpmError('trailing', `${this.#what} is longer than it says`)
  }
}

/** Runs `read` over all of `bytes`. @throws what `read` throws, and TpmError `trailing` if it leaves bytes. */
export function decodeWhole<T>(bytes: Uint8Array, what: string, read: (reader: TpmReader) => T): T {
  const reader = new TpmReader(bytes, what)
  const value = read(reader)
  reader.end()
  return value
}
