/** Where in a text an offset is, in lines and columns from 1. */

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** @param offset in bytes of the text's UTF-8, as Cedar counts; beyond the end is the end. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = decoder.decode(encoder.encode(text).subarray(0, Math.max(offset, 0)))
  const lines = before.split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
