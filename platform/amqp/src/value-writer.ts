/** Writing of AMQP 1.0 values (part 1, §1.6) into one growing buffer. The type of a value is chosen by the caller. */

const BYTES_FIRST = 1_024

export class ValueWriter {
  #bytes: Buffer
  #at = 0

  constructor(bytesFirst = BYTES_FIRST) {
    this.#bytes = Buffer.allocUnsafe(bytesFirst)
  }

  /** What was written, in memory of its own; the writer begins anew. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.#at)
    this.#bytes.copy(taken, 0, 0, this.#at)
    this.#at = 0
    return taken
  }

  null(): void {
    this.u8(0x40)
  }

  boolean(value: boolean): void {
    this.u8(value ? 0x41 : 0x42)
  }

  uint(value: number): void {
    this.#room(5)
    if (value === 0) this.#bytes[this.#at++] = 0x43
    else if (value < 256) {
      this.#bytes[this.#at++] = 0x52
      this.#bytes[this.#at++] = value
    } else {
      this.#bytes[this.#at++] = 0x70
      this.#at = this.#bytes.writeUInt32BE(value, this.#at)
    }
  }

  int(value: number): void {
    this.#room(5)
    this.#bytes[this.#at++] = 0x71
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
  }

  ulong(value: bigint): void {
    this.#room(9)
    this.#bytes[this.#at++] = 0x80
    this.#at = this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), this.#at)
  }

  /** A safe integer as `long`. */
  long(value: number): void {
    this.#eight(0x81, value)
  }

  /** Milliseconds since 1970. */
  timestamp(value: number): void {
    this.#eight(0x83, value)
  }

  string(value: string): void {
    this.#text(0xa1, 0xb1, value)
  }

  symbol(value: string): void {
    this.#text(0xa3, 0xb3, value)
  }

  binary(value: Uint8Array): void {
    this.#room(5 + value.length)
    if (value.length < 256) {
      this.#bytes[this.#at++] = 0xa0
      this.#bytes[this.#at++] = value.length
    } else {
      this.#bytes[this.#at++] = 0xb0
      this.#at = this.#bytes.writeUInt32BE(value.length, this.#at)
    }
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** 16 bytes. */
  uuid(value: Uint8Array): void {
    this.u8(0x98)
    this.raw(value)
  }

  /** The constructor of a described value; what it describes follows. */
  described(code: number): void {
    this.#room(3)
    this.#bytes[this.#at++] = 0x00
    this.#bytes[this.#at++] = 0x53
    this.#bytes[this.#at++] = code
  }

  /** A list of `count` values that `write` writes. */
  list(count: number, write: () => void): void {
    this.#compound(0xd0, count, write)
  }

  /** A map of `pairs` keys and values that `write` writes in turn. */
  map(pairs: number, write: () => void): void {
    this.#compound(0xd1, pairs * 2, write)
  }

  /** An array of strings. */
  stringArray(values: readonly string[]): void {
    this.#compound(0xf0, values.length, () => {
      this.u8(0xb1)
      for (const value of values) {
        const bytes = Buffer.from(value, 'utf8')
        this.#room(4)
        this.#at = this.#bytes.writeUInt32BE(bytes.length, this.#at)
        this.raw(bytes)
      }
    })
  }

  /** A value that is encoded already. */
  raw(value: Uint8Array): void {
    this.#room(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  #compound(code: number, count: number, write: () => void): void {
    this.#room(9)
    this.#bytes[this.#at++] = code
    const sizeAt = this.#at
    this.#at = this.#bytes.writeUInt32BE(count, sizeAt + 4)
    write()
    this.#bytes.writeUInt32BE(this.#at - sizeAt - 4, sizeAt)
  }

  #eight(code: number, value: number): void {
    this.#room(9)
    this.#bytes[this.#at++] = code
    const high = Math.floor(value / 0x1_0000_0000)
    this.#at = this.#bytes.writeInt32BE(high, this.#at)
    this.#at = this.#bytes.writeUInt32BE(value - high * 0x1_0000_0000, this.#at)
  }

  #text(short: number, long: number, value: string): void {
    // A character takes three bytes of UTF-8 at most (four for two units).
    this.#room(5 + value.length * 3)
    if (value.length < 64) {
      const written = this.#bytes.write(value, this.#at + 2, 'utf8')
      this.#bytes[this.#at] = short
      this.#bytes[this.#at + 1] = written
      this.#at += 2 + written
      return
    }
    const written = this.#bytes.write(value, this.#at + 5, 'utf8')
    this.#bytes[this.#at] = long
    this.#bytes.writeUInt32BE(written, this.#at + 1)
    this.#at += 5 + written
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
