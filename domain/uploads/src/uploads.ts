/**
 * File uploads (azure-iot.md §4): a device asks for a grant, writes a blob with it, and says how it went. The blob's bytes
 * go to a `BlobStore`; nothing here holds more of them than a chunk.
 */

import { createHash } from 'node:crypto'
import type { EventSink, EventType, SecurityEvent } from '@holdfast/audit'
import { type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import { type RandomBytes, identitySubject } from '@holdfast/identity'
import { UPLOADS_MAX } from '@holdfast/iothub'
import { blobNameOf } from './blob-name.ts'
import { type BodyChecks, checkedBody } from './body-check.ts'
import { UploadError } from './errors.ts'
import { formatGrantToken, readGrantToken, verifyGrantToken } from './grant-token.ts'
import {
  GRANT_LIFE_MS,
  OPEN_UPLOADS_MAX,
  STAGED_BLOCKS_MAX,
  SWEEP_UPLOADS_MAX,
  UPLOAD_PAGE_MAX,
  type UploadLimits,
  WRITES_MAX,
  WRITES_PER_DEVICE_MAX,
} from './limits.ts'
import { type FileNotification, fileNotification, type UploadOutcome } from './notification.ts'
import { PendingUpload } from './pending-upload.ts'
import type { BlobStore, Extent, UploadPage, UploadStore } from './ports.ts'
import type { Upload, UploadedBlob } from './upload.ts'

export interface UploadsParts {
  readonly store: UploadStore
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  readonly limits: UploadLimits
  /** The generation of a device that exists and is enabled. Asked at each request with a grant. */
  readonly generationOf: (deviceId: string) => Promise<string | undefined>
  /** Puts a notification into the back ends' queue; durable when it resolves. */
  readonly notify: (notification: FileNotification) => Promise<void>
}

export interface Granted {
  readonly correlationId: string
  readonly blobName: string
  /** Begins with `?`. */
  readonly sasToken: string
}

/** One block, or a whole blob, as a request brings it. */
export interface BlobBody extends BodyChecks {
  /** Its length, as the request says. */
  readonly bytes: number
  readonly stream: AsyncIterable<Uint8Array>
}

/** What a client is told of a blob that is complete. */
export type Committed = Pick<UploadedBlob, 'etag' | 'uploadedTime'>

/** A request whose grant was found good, for writing. */
export interface Writer {
  putBlock(blockId: string, body: BlobBody): Promise<void>
  /** The same list again has the same answer. */
  putBlockList(blockIds: readonly string[], contentType?: string): Promise<Committed>
  putBlob(body: BlobBody, contentType?: string): Promise<Committed>
}

const CORRELATION_ID_BYTES = 16
const KEY_BYTES = 32
const ETAG_BYTES = 8
/** A file on the disk may be so many times its blob: blocks that were sent again leave room behind. */
const DISK_SHARE_MAX = 2

export class Uploads {
  readonly #parts: UploadsParts
  readonly #key: Uint8Array
  readonly #pending = new Map<string, PendingUpload>()
  readonly #keptBytes: Map<string, number>
  #keptTotal = 0
  #writes = 0
  /** Bytes that requests under way have room for and may not have written yet. */
  #writingBytes = 0
  readonly #writesByDevice = new Map<string, number>()
  #stagedBlocks = 0

  private constructor(parts: UploadsParts, key: Uint8Array, kept: ReadonlyMap<string, number>) {
    this.#parts = parts
    this.#key = key
    this.#keptBytes = new Map(kept)
    for (const bytes of kept.values()) this.#keptTotal += bytes
  }

  /** Takes up what was granted before, and removes the files that no row points to: uploads that a stop interrupted. */
  static async open(parts: UploadsParts): Promise<Uploads> {
    const { store, blobs, clock, random } = parts
    const key = await store.uploadKey(Buffer.from(random(KEY_BYTES)).toString('base64'))
    const totals = await store.uploadTotals()
    const kept = new Map(totals.map(({ deviceId, bytes }) => [deviceId, bytes]))
    const uploads = new Uploads(parts, Buffer.from(key, 'base64'), kept)
    await blobs.keepOnly(new Set(await store.listUploadFiles()))
    for (const upload of await store.listPendingUploads(clock.wall())) {
      uploads.#pending.set(upload.correlationId, new PendingUpload(upload))
    }
    return uploads
  }

  /**
   * A place to upload to, for an hour.
   * @throws UploadError `bad-name`, `too-many-uploads`, `no-room`.
   */
  async grant(
    device: { readonly deviceId: string; readonly generationId: string },
    requested: string,
  ): Promise<Granted> {
    const { clock, random, store } = this.#parts
    const { deviceId, generationId } = device
    const blobName = blobNameOf(deviceId, requested)
    const now = clock.wall()
    if (this.#openOf(deviceId, now) >= UPLOADS_MAX || this.#pending.size >= OPEN_UPLOADS_MAX) {
      throw new UploadError('too-many-uploads', `${UPLOADS_MAX} uploads of the device are open; end one first`)
    }
    this.#checkRoom(deviceId, 0)
    const upload: Upload = {
      correlationId: correlationIdOf(now, random(CORRELATION_ID_BYTES)),
      deviceId,
      generationId,
      blobName,
      createdTime: now,
      // Whole seconds, as the token says them.
      expires: timestampOf(Math.floor((now + GRANT_LIFE_MS) / 1000) * 1000),
      state: 'open',
    }
    // Before it is stored: two requests at once must not both find the last place.
    this.#pending.set(upload.correlationId, new PendingUpload(upload))
    try {
      const detail = { upload: upload.correlationId }
      await store.insertUpload(upload, this.#event('upload.granted', upload, identitySubject({ deviceId }), detail))
    } catch (error) {
      this.#pending.delete(upload.correlationId)
      throw error
    }
    return { correlationId: upload.correlationId, blobName, sasToken: formatGrantToken(upload, this.#key) }
  }

  /**
   * The way to write with a grant.
   * @param query of the request; @param blobNames what its path may mean, decoded and as it is.
   * @throws UploadError `not-authorized`, for every reason alike.
   */
  async authorize(query: URLSearchParams, blobNames: readonly string[]): Promise<Writer> {
    const claim = readGrantToken(query)
    const pending = claim === undefined ? undefined : this.#pending.get(claim.correlationId)
    if (pending === undefined) throw notAuthorized()
    const { upload } = pending
    const isGood = verifyGrantToken(query, upload, this.#key) && blobNames.includes(upload.blobName)
    if (!isGood || upload.expires <= this.#parts.clock.wall()) throw notAuthorized()
    if ((await this.#parts.generationOf(upload.deviceId)) !== upload.generationId) throw notAuthorized()
    return {
      putBlock: (blockId, body) => this.#putBlock(pending, blockId, body),
      putBlockList: (ids, contentType) => pending.inTurn(() => this.#putBlockList(pending, ids, contentType)),
      putBlob: (body, contentType) => this.#putBlob(pending, body, contentType),
    }
  }

  /**
   * The device says how it went. Success tells the back ends; anything else destroys what was uploaded.
   * @param blobUri where the blob is, for a success.
   * @throws UploadError `unknown-upload`, `nothing-uploaded`.
   */
  async conclude(
    device: { readonly deviceId: string; readonly generationId: string },
    outcome: UploadOutcome,
    blobUri: (blobName: string) => string,
  ): Promise<void> {
    const pending = await this.#ofDevice(device, outcome.correlationId)
    await pending.inTurn(async () => {
      const { upload } = pending
      if (upload.state === 'completed') {
        // The answer to the same words may have been lost.
        if (outcome.isSuccess) return
        throw new UploadError('unknown-upload', 'the upload has been completed')
      }
      if (outcome.isSuccess) await this.#complete(pending, blobUri(upload.blobName))
      else await this.#discard(pending, identitySubject(device), { reason: 'device', status: outcome.statusCode ?? 0 })
    })
  }

  /** Ends what has expired, and what was kept for as long as it is to be. To be called about once a minute. */
  async sweep(): Promise<void> {
    const { clock, limits, store } = this.#parts
    const now = clock.wall()
    for (const pending of this.#pending.values()) {
      if (pending.upload.expires > now) continue
      await pending.inTurn(async () => {
        if (pending.upload.state === 'open') await this.#discard(pending, 'hub', { reason: 'expired' })
        // What is complete stays, though its device never said so: it may be all that is left of it.
        else this.#pending.delete(pending.upload.correlationId)
      })
    }
    const outdated = await store.listOutdatedUploads({
      expiredBefore: now,
      uploadedBefore: limits.retentionMs === undefined ? undefined : timestampOf(Math.max(0, now - limits.retentionMs)),
      limit: SWEEP_UPLOADS_MAX,
    })
    for (const upload of outdated) {
      if (this.#pending.has(upload.correlationId)) continue
      if (upload.state !== 'open') await this.delete(upload.correlationId, 'hub')
      // Granted before a start, and never used since.
      else await this.#discard(new PendingUpload(upload), 'hub', { reason: 'expired' })
    }
  }

  /** Files, oldest first. */
  list(page: UploadPage): Promise<readonly Upload[]> {
    return this.#parts.store.listUploads({ ...page, limit: Math.min(page.limit, UPLOAD_PAGE_MAX) })
  }

  /** Whose a file is, without the key of its bytes; undefined where there is none. */
  find(correlationId: string): Promise<Upload | undefined> {
    return this.#parts.store.findUpload(correlationId)
  }

  /** A file and its plain bytes; undefined where there is none. */
  async read(
    correlationId: string,
    actor: string,
  ): Promise<
    { readonly upload: Upload; readonly bytes: number; readonly body: AsyncIterable<Uint8Array> } | undefined
  > {
    const upload = await this.#parts.store.readUpload(correlationId)
    if (upload?.blob === undefined) return undefined
    this.#parts.events(this.#event('file.read', upload, actor, { upload: correlationId, bytes: upload.blob.bytes }))
    return { upload, bytes: upload.blob.bytes, body: this.#parts.blobs.read(upload.blob) }
  }

  /** Destroys a file: its key first, so that nothing of it can be read whatever happens to its bytes. */
  async delete(correlationId: string, actor: string): Promise<boolean> {
    const pending = this.#pending.get(correlationId)
    const remove = async (): Promise<boolean> => {
      if (pending?.upload.state === 'open') return false
      const { store } = this.#parts
      const found = await store.findUpload(correlationId)
      if (found === undefined) {
        this.#pending.delete(correlationId)
        return false
      }
      const deleted = this.#event('file.deleted', found, actor, { upload: correlationId })
      const upload = await store.deleteUpload(correlationId, deleted)
      this.#pending.delete(correlationId)
      if (upload === undefined) return false
      await this.#removeFile(upload)
      return true
    }
    return pending === undefined ? remove() : pending.inTurn(remove)
  }

  async #putBlock(pending: PendingUpload, blockId: string, body: BlobBody): Promise<void> {
    const [first] = pending.blocks.keys()
    // Azure compares ids of one blob by length first; two lengths are two clients.
    if (first !== undefined && first.length !== blockId.length) {
      throw new UploadError('bad-block-id', 'the blocks of one blob have ids of one length')
    }
    if (!pending.blocks.has(blockId) && this.#stagedBlocks >= STAGED_BLOCKS_MAX) {
      throw new UploadError('too-many-blocks', 'too many blocks of all devices are not in a list yet; try again later')
    }
    const extent = await this.#write(pending, body)
    // A list may have closed the blob between the end of the write and now.
    if (pending.isStopped) throw new UploadError('already-uploaded', 'the blob is complete')
    const before = pending.blocks.get(blockId)
    // In the same turn: a block that comes twice at once must not give its place back twice.
    pending.blocks.set(blockId, extent)
    if (before === undefined) this.#stagedBlocks += 1
    else await this.#release(pending, before)
  }

  async #putBlockList(pending: PendingUpload, ids: readonly string[], contentType?: string): Promise<Committed> {
    const listHash = createHash('sha256').update(ids.join('\n')).digest('hex')
    const { blob } = pending.upload
    if (blob !== undefined) {
      if (blob.listHash === listHash) return blob
      throw new UploadError('already-uploaded', 'the blob is complete')
    }
    const extents: Extent[] = []
    for (const id of ids) {
      const extent = pending.blocks.get(id)
      if (extent === undefined) throw new UploadError('unknown-block', 'the list names a block that was not uploaded')
      extents.push(extent)
    }
    return this.#commit(pending, extents, { listHash, contentType })
  }

  async #putBlob(pending: PendingUpload, body: BlobBody, contentType?: string): Promise<Committed> {
    if (pending.upload.blob !== undefined) throw new UploadError('already-uploaded', 'the blob is complete')
    const extent = await this.#write(pending, body)
    return pending.inTurn(async () => {
      if (pending.upload.blob !== undefined) throw new UploadError('already-uploaded', 'the blob is complete')
      return this.#commit(pending, body.bytes === 0 ? [] : [extent], { listHash: '', contentType })
    })
  }

  async #write(pending: PendingUpload, body: BlobBody): Promise<Extent> {
    const { blobs, limits } = this.#parts
    const { bytes } = body
    if (pending.bytes + bytes > limits.blobBytesMax) {
      throw new UploadError('blob-too-large', `a blob has at most ${limits.blobBytesMax} bytes`)
    }
    const { deviceId } = pending.upload
    const writesOfDevice = this.#writesByDevice.get(deviceId) ?? 0
    if (this.#writes >= WRITES_MAX || writesOfDevice >= WRITES_PER_DEVICE_MAX) {
      throw new UploadError('too-many-writes', 'too many requests write at once')
    }
    this.#checkRoom(deviceId, bytes)
    pending.beginWrite(bytes)
    this.#writes += 1
    this.#writingBytes += bytes
    this.#writesByDevice.set(deviceId, writesOfDevice + 1)
    let lost = bytes
    try {
      const staged = await pending.staged(blobs)
      if (staged.diskBytes + bytes > Math.max(limits.blobBytesMax, 1_048_576) * DISK_SHARE_MAX) {
        throw new UploadError('blob-too-large', 'too many blocks of the blob were replaced')
      }
      const extent = await staged.write(bytes, checkedBody(body.stream, body, pending.stopped))
      lost = 0
      return extent
    } finally {
      this.#writes -= 1
      this.#writingBytes -= bytes
      const others = (this.#writesByDevice.get(deviceId) ?? 1) - 1
      if (others === 0) this.#writesByDevice.delete(deviceId)
      else this.#writesByDevice.set(deviceId, others)
      pending.endWrite(lost)
    }
  }

  async #release(pending: PendingUpload, extent: Extent): Promise<void> {
    pending.dropped(extent.bytes)
    const staged = await pending.staged(this.#parts.blobs)
    staged.release(extent)
  }

  /** Within the upload's turn. The answer is given when file, folder and row are on disk. */
  async #commit(
    pending: PendingUpload,
    extents: readonly Extent[],
    facts: { readonly listHash: string; readonly contentType: string | undefined },
  ): Promise<Committed> {
    const { blobs, clock, limits, random, store } = this.#parts
    const { upload } = pending
    const bytes = extents.reduce((sum, extent) => sum + extent.bytes, 0)
    // A list may name a block as often as it likes.
    if (bytes > limits.blobBytesMax) {
      throw new UploadError('blob-too-large', `a blob has at most ${limits.blobBytesMax} bytes`)
    }
    await pending.stop()
    const staged = await pending.staged(blobs)
    try {
      const stored = await staged.commit(extents)
      const blob: UploadedBlob = {
        ...stored,
        etag: `0x${Buffer.from(random(ETAG_BYTES)).toString('hex').toUpperCase()}`,
        uploadedTime: clock.wall(),
        listHash: facts.listHash,
        ...(facts.contentType === undefined ? {} : { contentType: facts.contentType }),
      }
      if (!(await store.commitUpload(upload.correlationId, blob))) throw notAuthorized()
      this.#stagedBlocks -= pending.blocks.size
      pending.blocks.clear()
      pending.upload = { ...upload, state: 'uploaded', blob }
      this.#keep(upload.deviceId, bytes)
      return blob
    } catch (error) {
      // Nothing can be written any more: the device has to begin anew, with another grant.
      await this.#discard(pending, 'hub', { reason: 'storage' })
      throw error
    }
  }

  async #complete(pending: PendingUpload, blobUri: string): Promise<void> {
    const { clock, notify, store } = this.#parts
    const { upload } = pending
    const { blob, blobName, correlationId, deviceId } = upload
    if (blob === undefined) throw new UploadError('nothing-uploaded', 'no blob was uploaded with this grant')
    // Before the row changes: a stop in between tells the back ends twice, the other way round never.
    await notify(
      fileNotification({
        deviceId,
        blobUri,
        blobName,
        uploaded: blob.uploadedTime,
        bytes: blob.bytes,
        now: clock.wall(),
      }),
    )
    const detail = { upload: correlationId, bytes: blob.bytes }
    await store.completeUpload(
      correlationId,
      this.#event('upload.completed', upload, identitySubject({ deviceId }), detail),
    )
    pending.upload = { ...upload, state: 'completed' }
    this.#pending.delete(correlationId)
  }

  /** Within the upload's turn. */
  async #discard(pending: PendingUpload, actor: string, detail: SecurityEvent['detail']): Promise<void> {
    const { upload } = pending
    this.#pending.delete(upload.correlationId)
    this.#stagedBlocks -= pending.blocks.size
    const stored = await this.#parts.store.deleteUpload(
      upload.correlationId,
      this.#event('upload.failed', upload, actor, { ...detail, upload: upload.correlationId }),
    )
    await pending.discard()
    if (stored !== undefined) await this.#removeFile(stored)
  }

  async #removeFile({ deviceId, blob }: Upload): Promise<void> {
    if (blob === undefined) return
    this.#keep(deviceId, -blob.bytes)
    await this.#parts.blobs.remove(blob.file)
  }

  async #ofDevice(
    device: { readonly deviceId: string; readonly generationId: string },
    correlationId: string,
  ): Promise<PendingUpload> {
    const pending = this.#pending.get(correlationId)
    const upload = pending?.upload ?? (await this.#parts.store.readUpload(correlationId))
    if (upload === undefined || upload.deviceId !== device.deviceId || upload.generationId !== device.generationId) {
      throw new UploadError('unknown-upload', 'there is no such upload of this device')
    }
    return pending ?? new PendingUpload(upload)
  }

  /** @throws UploadError `no-room`. */
  #checkRoom(deviceId: string, bytes: number): void {
    const { blobs, limits } = this.#parts
    let staged = 0
    let stagedOfDevice = 0
    for (const pending of this.#pending.values()) {
      staged += pending.upload.state === 'open' ? pending.bytes : 0
      if (pending.upload.deviceId === deviceId && pending.upload.state === 'open') stagedOfDevice += pending.bytes
    }
    if ((this.#keptBytes.get(deviceId) ?? 0) + stagedOfDevice + bytes > limits.deviceBytesMax) {
      throw new UploadError('no-room', 'the device has as many bytes of files as it may have')
    }
    if (this.#keptTotal + staged + bytes > limits.totalBytesMax) {
      throw new UploadError('no-room', 'the hub has as many bytes of files as it may have')
    }
    // What others have been promised counts: together they must not take what is kept for the registry.
    if (blobs.shortageOfRoom(bytes + this.#writingBytes) !== undefined)
      throw new UploadError('no-room', 'the disk has no room for it')
  }

  #keep(deviceId: string, bytes: number): void {
    this.#keptTotal += bytes
    const kept = (this.#keptBytes.get(deviceId) ?? 0) + bytes
    if (kept <= 0) this.#keptBytes.delete(deviceId)
    else this.#keptBytes.set(deviceId, kept)
  }

  #openOf(deviceId: string, now: Timestamp): number {
    let open = 0
    for (const { upload } of this.#pending.values()) if (upload.deviceId === deviceId && upload.expires > now) open += 1
    return open
  }

  #event(
    type: EventType,
    { deviceId }: Pick<Upload, 'deviceId'>,
    actor: string,
    detail: SecurityEvent['detail'],
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: identitySubject({ deviceId }), actor, detail }
  }
}

/** Begins with the time, so that ids are in the order of the grants; the rest is chance. */
function correlationIdOf(now: Timestamp, chance: Uint8Array): string {
  return `${now.toString(16).padStart(12, '0')}${Buffer.from(chance).toString('hex')}`
}

function notAuthorized(): UploadError {
  return new UploadError('not-authorized', 'the signature does not permit this')
}
