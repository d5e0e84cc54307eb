/** Lines of a file that comes in pieces, each bounded: a file without line breaks takes no more memory than a line may. */

import { MANIFEST_LINE_BYTES_MAX, MANIFEST_LINES_MAX } from './limits.ts'

export interface ManifestLine {
  /** From 1. */
  readonly number: number
  /** Undefined where the line is too long or no UTF-8; `fault` says which. */
  readonly text: string | undefined
  readonly fault?: string
}

const LF = 0x0a
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Lines as groups, a group for each piece that ends some. A line break at the end begins no line; CR before LF is
 * white space to JSON. Ends after MANIFEST_LINES_MAX and a head.
 */
export async function* manifestLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly ManifestLine[]> {
  let number = 0
  let held: Uint8Array[] = []
  let heldBytes = 0
  const take = (end: Uint8Array): ManifestLine => {
    number += 1
    const bytes = heldBytes + end.length
    const parts = bytes > MANIFEST_LINE_BYTES_MAX ? undefined : [...held, end]
    held = []
    heldBytes = 0
    return parts === undefined ? tooLong(number) : lineOf(number, parts)
  }
  const hold = (rest: Uint8Array): void => {
    if (rest.length === 0) return
    heldBytes += rest.length
    // What is longer is counted, and not kept.
    if (heldBytes > MANIFEST_LINE_BYTES_MAX) held = []
    else held.push(rest.slice())
  }
  for await (const chunk of chunks) {
    const lines: ManifestLine[] = []
    let start = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      lines.push(take(chunk.subarray(start, end)))
      start = end + 1
      if (number > MANIFEST_LINES_MAX) break
    }
    if (lines.length > 0) yield lines
    if (number > MANIFEST_LINES_MAX) return
    hold(chunk.subarray(start))
  }
  if (heldBytes > 0) yield [take(new Uint8Array())]
}

function lineOf(number: number, parts: readonly Uint8Array[]): ManifestLine {
  try {
    return { number, text: decoder.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts)) }
  } catch {
    return { number, text: undefined, fault: 'is not UTF-8' }
  }
}

function tooLong(number: number): ManifestLine {
  return { number, text: undefined, fault: `is longer than ${MANIFEST_LINE_BYTES_MAX} bytes` }
}
