/** What fuzzing needs of this package: each target takes any bytes and throws only when a rule is broken. */

import { BackupError } from '../errors.ts'
import { formatManifest, parseManifest } from '../manifest.ts'
import { formatRestored, parseRestored } from '../restored.ts'
import { encodeHeader, isEntryName } from '../tar.ts'
import { readHeader } from '../tar-reader.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const MANIFEST = {
  id: 'ab'.repeat(16),
  takenTime: '2026-11-25T00:00:00.000Z',
  hostname: 'localhost',
  version: '0.1.0',
  keyProvider: 'tpm',
  checkpoint: 'localhost/audit/0\n3\nAAAA\n\n— localhost/audit/0 AAAA\n',
  counts: { devices: 1, modules: 0, uploads: 0, partitions: [{ partition: 0, first: 0, next: 7 }], entries: 3 },
  files: [{ name: 'state.db', bytes: 4_096, sha256: 'cd'.repeat(32) }],
}

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof BackupError) return undefined
    throw error
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'backup-header',
    seeds: [
      encodeHeader({ name: 'keys/ring.json', bytes: 700, modifiedSeconds: 1_800_000_000 }),
      encodeHeader({ name: 'history.db', bytes: 2 ** 40, modifiedSeconds: 0 }),
    ],
    run(bytes) {
      const block = new Uint8Array(512)
      block.set(bytes.subarray(0, block.length))
      const read = unlessRefused(() => readHeader(block))
      if (read === undefined) return
      must(isEntryName(read.name) && !read.name.includes('..') && !read.name.startsWith('/'), 'a name stays inside')
      must(Number.isSafeInteger(read.bytes) && read.bytes >= 0, 'a size is one')
    },
  },
  {
    name: 'backup-manifest',
    seeds: [formatManifest(MANIFEST)],
    run(bytes) {
      const manifest = unlessRefused(() => parseManifest(bytes))
      if (manifest === undefined) return
      must(Buffer.compare(formatManifest(manifest), bytes) === 0, 'one content has one text')
      must(
        manifest.files.every(({ name }) => isEntryName(name)),
        'names stay inside',
      )
    },
  },
  {
    name: 'backup-restored-mark',
    seeds: [formatRestored(MANIFEST, 'ef'.repeat(32))],
    run(bytes) {
      const mark = parseRestored(bytes)
      must(mark === undefined || typeof mark.backup === 'string', 'it is a mark or none')
    },
  },
]
