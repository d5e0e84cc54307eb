/**
 * Where blobs are uploaded to: Put Block, Put Block List and Put Blob of Azure Storage, as far as `uploadStream` of
 * `@azure/storage-blob` and single-shot clients speak them, and nothing else. Bodies are streams; see `isBlobUpload`.
 */

import { type Context, Hono } from 'hono'
import { isBlobUpload, UPLOAD_CONTAINER } from '@holdfast/iothub'
import { BLOCK_LIST_BYTES_MAX, checkBlockId, parseBlockList, UploadError, type Writer } from '@holdfast/uploads'
import type { HttpEnvironment } from '../environment.ts'
import { withAnswerHeaders } from '../guard.ts'
import { trackingId } from '../hub/answer.ts'
import { type BlobRefusal, blobCreated, blobRefused, commonHeaders, UPLOAD_REFUSALS } from './blob-answer.ts'
import type { DeviceServices } from './services.ts'

type BlobContext = Context<HttpEnvironment>

/** Refused outright: a client that sends one of these expects something that would not be done. */
const UNSPOKEN_HEADERS = [
  'x-ms-copy-source',
  'x-ms-encryption-key',
  'x-ms-encryption-scope',
  'x-ms-structured-body',
  'x-ms-lease-id',
]
const CONTENT_TYPE = /^[\x20-\x7e]{1,256}$/

class BlobError extends Error {
  override readonly name = 'BlobError'
  readonly refusal: BlobRefusal

  constructor(refusal: BlobRefusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** The client went away, or its connection broke, in the middle of a body. */
class BodyBrokenError extends Error {
  override readonly name = 'BodyBrokenError'
}

/** The path of a request, as a URL library made it. */
export function isBlobPath(pathname: string): boolean {
  return isBlobUpload('PUT', pathname)
}

export function blobRoutes(services: DeviceServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  app.all('*', async (context) => {
    const headers = commonHeaders({
      requestId: trackingId(services),
      at: new Date(services.clock.wall()),
      version: context.req.header('x-ms-version'),
      clientId: context.req.header('x-ms-client-request-id'),
    })
    try {
      const created = { ...headers, ...(await put(context, services)) }
      await services.events.durable?.()
      return withAnswerHeaders(blobCreated(created))
    } catch (error) {
      const refusal = refusalOf(error) ?? internal(error, context, services)
      if (refusal.status === 403) tell(context, services)
      await services.events.durable?.()?.catch(() => undefined)
      return withAnswerHeaders(blobRefused(refusal, headers))
    }
  })
  return app
}

/** @returns what the answer says besides. */
async function put(context: BlobContext, services: DeviceServices): Promise<Record<string, string>> {
  const { req } = context
  if (req.method !== 'PUT') {
    throw new BlobError({
      status: 405,
      code: 'UnsupportedHttpVerb',
      message: 'Blobs can be uploaded here, nothing else.',
    })
  }
  const url = new URL(req.url)
  const writer = await services.uploads.authorize(url.searchParams, namesOf(url.pathname))
  const unspoken = UNSPOKEN_HEADERS.find((name) => req.header(name) !== undefined)
  if (unspoken !== undefined) {
    throw new BlobError({ status: 400, code: 'UnsupportedHeader', message: `The header ${unspoken} is not supported.` })
  }
  switch (url.searchParams.get('comp')) {
    case 'block':
      return putBlock(context, writer, url.searchParams.get('blockid') ?? '')
    case 'blocklist':
      return putBlockList(context, writer)
    case null:
      return putBlob(context, writer)
    default:
      throw new BlobError({ status: 400, code: 'InvalidQueryParameterValue', message: 'This comp is not supported.' })
  }
}

async function putBlock(context: BlobContext, writer: Writer, blockId: string): Promise<Record<string, string>> {
  const body = bodyOf(context)
  await writer.putBlock(checkBlockId(blockId), body)
  return echoed(context)
}

async function putBlockList(context: BlobContext, writer: Writer): Promise<Record<string, string>> {
  const { bytes, stream } = bodyOf(context)
  if (bytes > BLOCK_LIST_BYTES_MAX) throw new UploadError('bad-block-list', 'the block list is too long')
  const chunks: Uint8Array[] = []
  let read = 0
  for await (const chunk of stream) {
    read += chunk.length
    if (read > bytes) break
    chunks.push(chunk)
  }
  if (read !== bytes) throw new UploadError('incomplete', 'the body is not as long as it said')
  const type = contentTypeOf(context, 'x-ms-blob-content-type')
  const { etag, uploadedTime } = await writer.putBlockList(parseBlockList(Buffer.concat(chunks)), type)
  return { etag: `"${etag}"`, 'last-modified': new Date(uploadedTime).toUTCString() }
}

async function putBlob(context: BlobContext, writer: Writer): Promise<Record<string, string>> {
  if (context.req.header('x-ms-blob-type')?.toLowerCase() !== 'blockblob') {
    throw new BlobError({ status: 400, code: 'InvalidHeaderValue', message: 'x-ms-blob-type has to be BlockBlob.' })
  }
  const type = contentTypeOf(context, 'x-ms-blob-content-type') ?? contentTypeOf(context, 'content-type')
  const { etag, uploadedTime } = await writer.putBlob(bodyOf(context), type)
  return { etag: `"${etag}"`, 'last-modified': new Date(uploadedTime).toUTCString(), ...echoed(context) }
}

/** The checksum that was sent was found right. */
function echoed({ req }: BlobContext): Record<string, string> {
  const md5 = req.header('content-md5')
  const crc64 = req.header('x-ms-content-crc64')
  return {
    ...(md5 === undefined ? {} : { 'content-md5': md5 }),
    ...(crc64 === undefined ? {} : { 'x-ms-content-crc64': crc64 }),
  }
}

/** The body and what is said of it. @throws BlobError without a length, which has to be known before room is given. */
function bodyOf({ req }: BlobContext): {
  readonly bytes: number
  readonly stream: AsyncIterable<Uint8Array>
  readonly md5?: string
  readonly crc64?: string
} {
  const length = req.header('content-length')
  if (length === undefined || !/^\d{1,15}$/.test(length)) {
    const message = 'The request has to say its Content-Length.'
    throw new BlobError({ status: 411, code: 'MissingContentLengthHeader', message })
  }
  const md5 = checksum(req.header('content-md5'), 16)
  const crc64 = checksum(req.header('x-ms-content-crc64'), 8)
  return {
    bytes: Number(length),
    stream: unbroken(req.raw.body),
    ...(md5 === undefined ? {} : { md5 }),
    ...(crc64 === undefined ? {} : { crc64 }),
  }
}

function checksum(text: string | undefined, bytes: number): string | undefined {
  if (text === undefined) return undefined
  if (Buffer.from(text, 'base64').length === bytes && /^[A-Za-z0-9+/]+={0,2}$/.test(text)) return text
  throw new BlobError({ status: 400, code: 'InvalidHeaderValue', message: 'A checksum has a wrong form.' })
}

async function* unbroken(body: AsyncIterable<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const iterator = (body ?? empty())[Symbol.asyncIterator]()
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>
      try {
        next = await iterator.next()
      } catch (cause) {
        throw new BodyBrokenError('the body broke off', { cause })
      }
      if (next.done === true) return
      yield next.value
    }
  } finally {
    iterator.return?.()?.catch(() => undefined)
  }
}

async function* empty(): AsyncGenerator<Uint8Array> {
  // Nothing comes.
}

function contentTypeOf({ req }: BlobContext, header: string): string | undefined {
  const type = req.header(header)
  return type !== undefined && CONTENT_TYPE.test(type) ? type : undefined
}

/** What a path may mean: decoded, and as it stands, for some clients do not encode a percent sign. */
function namesOf(pathname: string): readonly string[] {
  const raw = pathname.slice(UPLOAD_CONTAINER.length + 2)
  try {
    return [decodeURIComponent(raw), raw]
  } catch {
    return [raw]
  }
}

function refusalOf(error: unknown): BlobRefusal | undefined {
  if (error instanceof BlobError) return error.refusal
  if (error instanceof UploadError) return { ...UPLOAD_REFUSALS[error.code], message: `${error.message}.` }
  // Nobody is left to read it.
  if (error instanceof BodyBrokenError) return { status: 400, code: 'InvalidInput', message: 'The body broke off.' }
  if (error instanceof Error && 'code' in error && error.code === 'STORE_UNAVAILABLE') {
    return 'reason' in error && error.reason === 'disk-full'
      ? { status: 413, code: 'InsufficientStorage', message: 'The disk of the hub is full.' }
      : { status: 503, code: 'ServerBusy', message: 'The disk of the hub takes nothing just now.' }
  }
  return undefined
}

/** Somebody tries signatures, or uses one that is over. */
function tell({ env, req }: BlobContext, services: DeviceServices): void {
  services.events.sink({
    type: 'request.refused',
    at: services.clock.wall(),
    subject: 'hub',
    actor: `address/${env.peer.address}`,
    detail: { method: req.method, reason: 'upload-signature', address: env.peer.address },
  })
}

function internal(error: unknown, context: BlobContext, services: DeviceServices): BlobRefusal {
  // Not the path: that is the peer's text, and its query a credential.
  services.failed(error, { method: context.req.method, path: `/${UPLOAD_CONTAINER}` })
  return { status: 500, code: 'InternalError', message: 'The hub failed to answer.' }
}
