/**
 * The checksum of `x-ms-content-crc64`: CRC-64/NVME (reflected polynomial 0x9a6c9329ac4bc9b5, all ones before and after),
 * its eight bytes little-endian in base64. In two halves of 32 bits, for the language has no fast integers of 64.
 */

const HIGH = new Uint32Array(256)
const LOW = new Uint32Array(256)
const POLYNOMIAL_HIGH = 0x9a6c9329
const POLYNOMIAL_LOW = 0xac4bc9b5

for (let byte = 0; byte < 256; byte++) {
  let high = 0
  let low = byte
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1
    low = ((low >>> 1) | (high << 31)) >>> 0
    high >>>= 1
    if (isOdd) {
      high = (high ^ POLYNOMIAL_HIGH) >>> 0
      low = (low ^ POLYNOMIAL_LOW) >>> 0
    }
  }
  HIGH[byte] = high
  LOW[byte] = low
}

export class Crc64 {
  #high = 0xffffffff
  #low = 0xffffffff

  update(bytes: Uint8Array): void {
    let high = this.#high
    let low = this.#low
    for (const byte of bytes) {
      const at = (low ^ byte) & 0xff
      low = (((low >>> 8) | (high << 24)) ^ (LOW[at] ?? 0)) >>> 0
      high = ((high >>> 8) ^ (HIGH[at] ?? 0)) >>> 0
    }
    this.#high = high
    this.#low = low
  }

  /** Eight bytes, little-endian. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, ~this.#low >>> 0, true)
    view.setUint32(4, ~this.#high >>> 0, true)
    return bytes
  }
}
