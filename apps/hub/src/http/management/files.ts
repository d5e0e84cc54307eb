/** Uploaded files for the operator and for back ends: list, download, delete. */

import { isDeviceId } from '@holdfast/iothub'
import { formatTimestamp } from '@holdfast/base'
import type { Api } from '@holdfast/api'
import type { Upload } from '@holdfast/uploads'
import { badRequest, Problem } from '../problem.ts'
import { readQuery, text, wholeNumber } from '../query.ts'
import { actorName } from './actor.ts'
import type { Lease } from './open-streams.ts'
import { PAGE_ITEMS, PAGE_ITEMS_MAX } from './page.ts'
import { type Call, json, parameter, type Route } from './route.ts'

export const FILE_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/v1/files', rights: ['ServiceConnect'], answer: list },
  { method: 'GET', path: '/api/v1/files/:id/content', rights: ['ServiceConnect'], answer: download },
  { method: 'DELETE', path: '/api/v1/files/:id', rights: ['ServiceConnect'], answer: remove },
]

async function list({ context, services }: Call): Promise<Response> {
  const {
    device,
    after,
    limit = PAGE_ITEMS,
  } = readQuery(context, {
    device: text(128),
    after: text(64),
    limit: wholeNumber(1, PAGE_ITEMS_MAX),
  })
  if (device !== undefined && !isDeviceId(device)) throw badRequest([{ path: '?device', message: 'is no device id' }])
  const uploads = await services.files.list({
    limit,
    ...(device === undefined ? {} : { deviceId: device }),
    ...(after === undefined ? {} : { after }),
  })
  const last = uploads.at(-1)
  const page: Api.Page<Api.File> = {
    items: uploads.flatMap((upload) => fileJson(upload)),
    ...(last === undefined || uploads.length < limit ? {} : { next: last.correlationId }),
  }
  return json(page)
}

async function download(call: Call): Promise<Response> {
  // First, for what cannot be streamed was not read either.
  const lease = call.streams.open(call.actor)
  const file = await call.services.files.read(parameter(call, 'id'), actorName(call.actor)).catch((error: unknown) => {
    lease.end()
    throw error
  })
  if (file === undefined) {
    lease.end()
    throw noSuchFile()
  }
  return new Response(streamOf(file.body, lease), {
    headers: {
      // What the device said it is is not repeated: nothing that a device made may be run by who downloads it.
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'content-length': String(file.bytes),
    },
  })
}

async function remove(call: Call): Promise<Response> {
  if (!(await call.services.files.delete(parameter(call, 'id'), actorName(call.actor)))) throw noSuchFile()
  return new Response(null, { status: 204 })
}

function fileJson({ correlationId, deviceId, blobName, state, blob }: Upload): readonly Api.File[] {
  if (blob === undefined || state === 'open') return []
  return [
    {
      id: correlationId,
      deviceId,
      blobName,
      state,
      bytes: blob.bytes,
      uploadedTime: formatTimestamp(blob.uploadedTime),
      ...(blob.contentType === undefined ? {} : { contentType: blob.contentType }),
    },
  ]
}

/** No faster than it is read; ends with the lease, and breaks off where the file is not what was written. */
function streamOf(body: AsyncIterable<Uint8Array>, lease: Lease): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]()
  const finish = async (): Promise<void> => {
    lease.end()
    await chunks.return?.()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await chunks.next()
          if (done === true) {
            lease.end()
            controller.close()
          } else if (lease.signal.aborted) {
            await finish()
            controller.error(new Error('the credential that asked for it has ended'))
          } else controller.enqueue(value)
        } catch (error) {
          lease.end()
          throw error
        }
      },
      cancel: finish,
    },
    { highWaterMark: 0 },
  )
}

function noSuchFile(): Problem {
  return new Problem({
    status: 404,
    code: 'no-such-file',
    title: 'there is no such file',
    detail: 'list the files for those that exist',
  })
}
