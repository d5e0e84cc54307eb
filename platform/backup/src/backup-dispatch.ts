/** What the backup thread does: one job, and then it is let go. */

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open as openFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { VolatileFolder } from '@holdfast/keys'
import { connect, type Remote } from '@holdfast/node/threads'
import { type CopiedFiles, countCopies, lastCheckpointOf, settleCopies, uploadFilesOf } from '@holdfast/store'
import { BackupError } from './errors.ts'
import { STREAM_BYTES } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { pack, packedBytes, type Source } from './pack.ts'
import { type Proof, prove } from './prove.ts'
import { open, seal, type Sealing } from './sealing.ts'
import { onDisk, syncFolder, unpack } from './unpack.ts'

export interface BackupThreadData {
  /** Where the core serves `ManifestSigner`. */
  readonly signer: MessagePort
}

export interface ManifestSigner {
  /** A signed note over the manifest's digest; undefined where there is nothing to sign with. */
  sign(digest: string): Promise<Uint8Array | undefined>
}

export interface PackJob {
  /** Copies of the databases, which become part of the archive under their own names. */
  readonly copies: CopiedFiles
  /** Everything else. Contents in memory are overwritten in this thread's copy when they are packed. */
  readonly sources: readonly Source[]
  readonly manifest: Omit<Manifest, 'files' | 'counts' | 'checkpoint'>
  readonly sealing: Sealing
}

export interface Packed {
  /** Of the sealed archive. */
  readonly bytes: number
  readonly sha256: string
  readonly counts: Manifest['counts']
  /** SHA-256 of the manifest, hex. */
  readonly manifestDigest: string
}

export interface ProveJob {
  readonly file: string
  readonly identity: string
  /** A folder that is made for this, and removed. */
  readonly scratch: string
  /** What the hub knows the manifest to be. */
  readonly manifestDigest: string
}

export interface BackupThread {
  /** Files of uploads that a copy of the state wants. */
  uploadFiles(state: string): Promise<readonly string[]>
  /** Counts, and begins to pack; `read` gives the bytes. @returns how many bytes about the archive will have. */
  begin(job: PackJob): Promise<{ readonly counts: Manifest['counts']; readonly bytes: number }>
  /** The next bytes of the sealed archive; undefined at the end. */
  read(): Promise<Uint8Array | undefined>
  /** Writes all of it to a file that is not there yet, by way of another name; durable when it resolves. */
  writeTo(file: string): Promise<void>
  /** After its end. */
  packed(): Packed
  prove(job: ProveJob): Promise<Proof>
}

interface Underway {
  readonly chunks: AsyncIterator<Uint8Array>
  readonly counts: Manifest['counts']
  readonly hash: Hash
  bytes: number
  digest: string | undefined
}

export class BackupDispatch implements BackupThread {
  readonly #signer: Remote<ManifestSigner>
  #underway: Underway | undefined

  constructor({ signer }: BackupThreadData) {
    this.#signer = connect<ManifestSigner>(signer)
  }

  async uploadFiles(state: string): Promise<readonly string[]> {
    return uploadFilesOf(state)
  }

  async begin({
    copies,
    sources,
    manifest,
    sealing,
  }: PackJob): Promise<{ readonly counts: Manifest['counts']; readonly bytes: number }> {
    settleCopies(copies)
    const counts = countCopies(copies)
    const databases = await Promise.all(
      Object.entries(copies).map(async ([name, path]) => ({ name: `${name}.db`, path, bytes: await bytesOf(path) })),
    )
    const all = [...databases, ...sources]
    const underway = { counts, hash: createHash('sha256'), bytes: 0, digest: undefined as string | undefined }
    const sign = async (text: Uint8Array): Promise<Uint8Array | undefined> => {
      underway.digest = createHash('sha256').update(text).digest('hex')
      return this.#signer.sign(underway.digest)
    }
    const checkpoint = lastCheckpointOf(copies.state)
    const facts = { ...manifest, counts, ...(checkpoint === undefined ? {} : { checkpoint }) }
    const plain = pack({ sources: all, manifest: facts, sign })
    const sealed = await seal(sealing, plain)
    this.#underway = Object.assign(underway, { chunks: inChunks(sealed)[Symbol.asyncIterator]() })
    return { counts, bytes: packedBytes(all) }
  }

  async read(): Promise<Uint8Array | undefined> {
    const underway = this.#begun()
    const { done, value } = await underway.chunks.next()
    if (done === true) return undefined
    underway.hash.update(value)
    underway.bytes += value.length
    return value
  }

  async writeTo(path: string): Promise<void> {
    const part = `${path}.part`
    let isOurs = false
    try {
      const file = await openFile(part, 'wx', 0o600)
      isOurs = true
      try {
        for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) await file.writeFile(chunk)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(part, path)
      await syncFolder(dirname(path))
    } catch (error) {
      if (isOurs) await rm(part, { force: true })
      throw onDisk(error, path)
    }
  }

  packed(): Packed {
    const { hash, bytes, counts, digest } = this.#begun()
    if (digest === undefined) throw new TypeError('the archive has not ended yet')
    return { bytes, sha256: hash.digest('hex'), counts, manifestDigest: digest }
  }

  async prove({ file, identity, scratch, manifestDigest }: ProveJob): Promise<Proof> {
    await mkdir(scratch, { recursive: true, mode: 0o700 })
    const opened = await open(
      { kind: 'identities', identities: [identity] },
      createReadStream(file, { highWaterMark: STREAM_BYTES }),
    )
    // Keys stay in memory: where they do not lie in a file beside the data, a drill shall not put them there.
    const unpacked = await unpack(opened, scratch, { isHeld: (name) => name.startsWith(KEYS) })
    if (unpacked.manifestDigest !== manifestDigest) {
      throw new BackupError(
        'does-not-hold',
        'this is another backup than the one that the hub has taken under this name',
      )
    }
    const keys = new VolatileFolder(
      join(scratch, KEYS),
      [...unpacked.held].map(([name, bytes]) => [name.slice(KEYS.length), bytes] as const),
    )
    try {
      return await prove({ folder: scratch, keys, manifest: unpacked.manifest })
    } finally {
      keys.wipe()
      for (const bytes of unpacked.held.values()) bytes.fill(0)
    }
  }

  #begun(): Underway {
    if (this.#underway === undefined) throw new TypeError('nothing is being packed')
    return this.#underway
  }
}

const KEYS = 'keys/'

async function bytesOf(path: string): Promise<number> {
  const file = await openFile(path, 'r')
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** Larger pieces: each of them crosses to another thread, or is a write. */
async function* inChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let held: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    held.push(chunk)
    bytes += chunk.length
    if (bytes < STREAM_BYTES) continue
    yield new Uint8Array(Buffer.concat(held))
    held = []
    bytes = 0
  }
  if (bytes > 0) yield new Uint8Array(Buffer.concat(held))
}
