/**
 * Reading an archive as `tar.ts` writes it, and nothing else: whatever tar can say beyond plain files under plain names
 * (links, devices, folders, absolute paths, `..`, other encodings of one value, a name twice) is refused, for an archive
 * is what a stranger may have made.
 */

import { damaged } from './errors.ts'
import { FILE_BYTES_MAX, FILES_MAX } from './limits.ts'
import { BLOCK_BYTES, encodeHeader, isEntryName } from './tar.ts'

/** One file of the archive. Its content MUST be read to its end before the next entry is asked for. */
export interface ReadEntry {
  readonly name: string
  readonly bytes: number
  readonly content: AsyncIterable<Uint8Array>
}

/**
 * The entries in their order, read no faster than they are taken.
 * @throws BackupError `archive-damaged` where the archive is none of ours, ends early or goes on after its end.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<ReadEntry, void> {
  const bytes = new ByteSource(source)
  const names = new Set<string>()
  for (;;) {
    const header = await bytes.take(BLOCK_BYTES)
    if (isZero(header)) {
      if (!isZero(await bytes.take(BLOCK_BYTES))) throw damaged('it does not end as an archive ends')
      if (!(await bytes.isAtEnd())) throw damaged('something follows its end')
      return
    }
    const entry = readHeader(header)
    if (names.has(entry.name)) throw damaged(`it holds ${entry.name} twice`)
    if (names.size >= FILES_MAX) throw damaged(`it holds more than ${FILES_MAX} files`)
    names.add(entry.name)
    let left = entry.bytes
    yield {
      ...entry,
      content: (async function* content() {
        while (left > 0) {
          const chunk = await bytes.some(left)
          left -= chunk.length
          yield chunk
        }
      })(),
    }
    if (left > 0) throw new TypeError('the entry before was not read to its end')
    const padding = (BLOCK_BYTES - (entry.bytes % BLOCK_BYTES)) % BLOCK_BYTES
    if (!isZero(await bytes.take(padding))) throw damaged('there is something between two of its files')
  }
}

/** @throws BackupError. A header is accepted if it is, to the byte, the one we would have written for what it says. */
export function readHeader(header: Uint8Array): { readonly name: string; readonly bytes: number } {
  const name = textOf(header.subarray(0, 100))
  if (!isEntryName(name)) throw damaged('it holds a file whose name is no name of a backup')
  const bytes = sizeOf(header.subarray(124, 136))
  const modified = textOf(header.subarray(136, 148))
  if (bytes === undefined || bytes > FILE_BYTES_MAX || !/^[0-7]{11}$/.test(modified)) {
    throw damaged(`the header of ${name} is none`)
  }
  const expected = encodeHeader({ name, bytes, modifiedSeconds: Number.parseInt(modified, 8) })
  if (Buffer.compare(expected, header) !== 0) throw damaged(`the header of ${name} is not that of a plain file`)
  return { name, bytes }
}

function textOf(field: Uint8Array): string {
  const end = field.indexOf(0)
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString('latin1')
}

function sizeOf(field: Uint8Array): number | undefined {
  if (field[0] === 0x80) {
    const size = Buffer.from(field).readBigUInt64BE(4)
    return size <= BigInt(FILE_BYTES_MAX) ? Number(size) : undefined
  }
  const digits = textOf(field)
  return /^[0-7]{11}$/.test(digits) ? Number.parseInt(digits, 8) : undefined
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

/** Chunks as they come, cut as they are wanted; holds one chunk. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** Exactly `count` bytes. */
  async take(count: number): Promise<Uint8Array> {
    const taken = new Uint8Array(count)
    for (let at = 0; at < count; ) {
      const some = await this.some(count - at)
      taken.set(some, at)
      at += some.length
    }
    return taken
  }

  /** Between one and `most` bytes, as they are there. */
  async some(most: number): Promise<Uint8Array> {
    if (!(await this.#fill())) throw damaged('it is cut off')
    const some = this.#chunk.subarray(0, most)
    this.#chunk = this.#chunk.subarray(some.length)
    return some
  }

  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill())
  }

  async #fill(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done === true) return false
      this.#chunk = value
    }
    return true
  }
}
