/** From files that nobody changes any more to the bytes of an archive; read, digested and passed on in one go. */

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { BackupError } from './errors.ts'
import { READ_BYTES } from './limits.ts'
import { formatManifest, type Manifest, MANIFEST_FILE, type PackedFile, SIGNATURE_FILE } from './manifest.ts'
import { encodeHeader, entryBytes, paddingOf, TRAILER } from './tar.ts'

/** What to pack: what it is called in the archive, and its bytes in memory or where they lie and how many they are. */
export type Source = FileSource | { readonly name: string; readonly content: Uint8Array }

export interface FileSource {
  readonly name: string
  readonly path: string
  readonly bytes: number
}

export interface Packing {
  readonly sources: readonly Source[]
  readonly manifest: Omit<Manifest, 'files'>
  /** Signs the manifest's digest; undefined where nobody can. */
  readonly sign: (manifest: Uint8Array) => Promise<Uint8Array | undefined>
}

/** How many bytes an archive of these files has, without manifest and signature. */
export function packedBytes(sources: readonly Source[]): number {
  return sources.reduce((sum, source) => sum + entryBytes(bytesOf(source)), TRAILER.length)
}

/**
 * The archive's bytes, and at the end its manifest.
 * @throws BackupError `unavailable` where a file cannot be read or is not as long as it was.
 */
export async function* pack({ sources, manifest, sign }: Packing): AsyncGenerator<Uint8Array, Manifest> {
  const modifiedSeconds = Math.floor(Date.parse(manifest.takenTime) / 1_000)
  const files: PackedFile[] = []
  for (const source of sources) {
    const { name } = source
    const bytes = bytesOf(source)
    yield encodeHeader({ name, bytes, modifiedSeconds })
    const hash = createHash('sha256')
    for await (const chunk of 'content' in source ? [source.content] : contentOf(source)) {
      hash.update(chunk)
      yield chunk
    }
    yield paddingOf(bytes)
    files.push({ name, bytes, sha256: hash.digest('hex') })
  }
  const complete = { ...manifest, files }
  const text = formatManifest(complete)
  yield* whole(MANIFEST_FILE, text, modifiedSeconds)
  const signature = await sign(text)
  if (signature !== undefined) yield* whole(SIGNATURE_FILE, signature, modifiedSeconds)
  yield TRAILER
  return complete
}

function* whole(name: string, content: Uint8Array, modifiedSeconds: number): Generator<Uint8Array> {
  yield encodeHeader({ name, bytes: content.length, modifiedSeconds })
  yield content
  yield paddingOf(content.length)
}

function bytesOf(source: Source): number {
  return 'content' in source ? source.content.length : source.bytes
}

async function* contentOf({ name, path, bytes }: FileSource): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new BackupError('unavailable', `${name} cannot be read for the backup`, cause)
  })
  try {
    let left = bytes
    while (left > 0) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(Math.min(left, READ_BYTES)))
      if (bytesRead === 0) throw new BackupError('unavailable', `${name} became shorter while it was read`)
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
