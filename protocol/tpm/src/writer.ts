/** Writing the wire form of TPM 2.0; the counterpart of `reader.ts`. */

const U16_MAX = 0xffff
const U32_MAX = 0xffff_ffff

export class TpmWriter {
  readonly #parts: Uint8Array[] = []

  /** @throws TypeError, as the other integers do, for what does not fit: a bug in the caller. */
  u8(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xff) throw new TypeError('a u8 is 0 to 255')
    return this.bytes(Uint8Array.of(value))
  }

  u16(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > U16_MAX) throw new TypeError('a u16 is 0 to 65535')
    return this.bytes(Uint8Array.of(value >>> 8, value & 0xff))
  }

  u32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > U32_MAX) throw new TypeError('a u32 is 0 to 2^32-1')
    return this.u16(Math.floor(value / 0x1_0000)).u16(value % 0x1_0000)
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new TypeError('a u64 is 0 to 2^64-1')
    return this.u32(Number(value >> 32n)).u32(Number(value & 0xffff_ffffn))
  }

  /** As they are; not copied before `done`. */
  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes)
    return this
  }

  /** As a TPM2B. */
  sized(bytes: Uint8Array): this {
    return this.u16(bytes.length).bytes(bytes)
  }

  /** All that was written, in memory of its own. */
  done(): Uint8Array {
    let length = 0
    for (const part of this.#parts) length += part.length
    const whole = new Uint8Array(length)
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  }
}
