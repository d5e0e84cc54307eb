/** What a manufacturer's file may hold, and what an owner may type: anything. */

import { strict as assert } from 'node:assert'
import { normaliseCode } from '../claim-code.ts'
import { MANIFEST_LINE_BYTES_MAX } from '../limits.ts'
import { readManifestEntry, readManifestHead } from '../manifest-entry.ts'
import { type ManifestLine, manifestLines } from '../manifest-lines.ts'

const KEY = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE='
const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

const entrySeeds = [
  text({ serial: 'SN-1', model: 'pump-3', hardwareRevision: 'A', publicKey: KEY }),
  text({ serial: 'SN-2', model: 'pump-3', hardwareRevision: 'A', certificate: KEY, claimCodeSha256: 'AB'.repeat(32) }),
  text({ serial: 'SN-3', model: 'p', hardwareRevision: 'A', endorsementKey: 'ADoAAQALAAMAsgAg', keyStorage: 'tpm' }),
  text({ manifest: 'batch', manufacturer: 'acme', entries: 3 }),
]

export const fuzzTargets = [
  {
    name: 'manifest-entry',
    seeds: entrySeeds,
    run(bytes: Uint8Array): void {
      const line = Buffer.from(bytes).toString('utf8')
      const [entry, head] = [readManifestEntry(line), readManifestHead(line)]
      if (!('member' in entry)) {
        assert.match(entry.key.digest, /^[0-9A-F]{64}$/)
        assert.ok(entry.serial.length <= 128 && entry.key.bytes.length > 0)
      }
      if (!('member' in head)) assert.ok(head.entries >= 0)
    },
  },
  {
    name: 'claim-code',
    seeds: [Buffer.from('MFRG-GZDF-MZTW-Q2LK'), Buffer.from('abcdef ghijkl')],
    run(bytes: Uint8Array): void {
      const code = normaliseCode(Buffer.from(bytes).toString('utf8'))
      if (code !== undefined) assert.equal(normaliseCode(code), code)
    },
  },
] as const

/** Lines do not depend on how the bytes came, and none is longer than it may be. */
export async function checkLines(bytes: Uint8Array, cuts: readonly number[]): Promise<void> {
  const whole = await linesOf([bytes])
  const pieces: Uint8Array[] = []
  let start = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const end = Math.min(cut, bytes.length)
    pieces.push(bytes.subarray(start, end))
    start = end
  }
  pieces.push(bytes.subarray(start))
  assert.deepEqual(await linesOf(pieces), whole)
  for (const { text: line } of whole) assert.ok(line === undefined || line.length <= MANIFEST_LINE_BYTES_MAX)
}

async function linesOf(pieces: readonly Uint8Array[]): Promise<readonly ManifestLine[]> {
  const lines: ManifestLine[] = []
  for await (const group of manifestLines(streamOf(pieces))) lines.push(...group)
  return lines
}

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}
