/** A bundle line by line, from a file or from the hub, with room for one line. */

import { createReadStream } from 'node:fs'
import { BUNDLE_LINE_CHARACTERS_MAX } from '@holdfast/audit'
import { Failure } from '../failure.ts'
import type { HubClient } from '../hub-client.ts'

export type Chunks = AsyncIterable<Buffer | string>

/** The bytes of the hub's own log. */
export async function exportOf(hub: HubClient, options: { readonly bodies: boolean }): Promise<Chunks> {
  return hub.audit.export.bytes({ query: { bodies: options.bodies ? undefined : false } })
}

/** Of a file; `-` is standard input. Faults are told when it is read. */
export function openBundle(file: string): Chunks {
  return file === '-' ? process.stdin : createReadStream(file)
}

/** @throws Failure on what cannot be read, and on a line that is longer than one of a bundle can be. */
export async function* linesOf(chunks: Chunks, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest = ''
  try {
    for await (const chunk of chunks) {
      rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
      let start = 0
      for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', start)) {
        yield rest.slice(start, end)
        start = end + 1
      }
      rest = rest.slice(start)
      if (rest.length > BUNDLE_LINE_CHARACTERS_MAX) throw noBundle(name)
    }
    rest += decoder.decode()
  } catch (error) {
    if (error instanceof Failure) throw error
    // A text decoder says no with a TypeError.
    if (error instanceof TypeError) throw noBundle(name)
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(`${name} could not be read to its end: ${why}`, { code: 'not-read', cause: error })
  }
  if (rest !== '') yield rest
}

function noBundle(name: string): Failure {
  return new Failure(`${name} is no exported log; 'holdfast audit export --to FILE' makes one`, { code: 'no-bundle' })
}
