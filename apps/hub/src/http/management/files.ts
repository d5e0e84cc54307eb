/** Uploaded files for the operator and for back ends: list, download, delete. */

import { isDeviceId } from '@holdfast/iothub'
import { formatTimestamp } from '@holdfast/base'
import { type Api, OPERATIONS } from '@holdfast/api'
import type { Upload } from '@holdfast/uploads'
import { badRequest, Problem } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { byteStream } from './byte-stream.ts'
import { narrowedPage, type PageOf } from './page.ts'
import { type Asked, type Call, type Route, serve } from './route.ts'

const { file: fileOperations } = OPERATIONS

export const FILE_ROUTES: readonly Route[] = [
  serve(fileOperations.list, list),
  serve(fileOperations.content, download),
  serve(fileOperations.delete, async (call) => {
    await demandWithin(call)
    if (!(await call.services.files.delete(call.path.file, actorName(call.actor)))) throw noSuchFile()
    return undefined
  }),
]

async function list({ services, query, reach }: Asked<typeof fileOperations.list>): Promise<PageOf<Api.File>> {
  const { device, after, limit } = query
  if (device !== undefined && !isDeviceId(device)) throw badRequest([{ path: '?device', message: 'is no device id' }])
  const page = await narrowedPage(
    { reach, after, limit },
    (part) => services.files.list({ ...part, ...(device === undefined ? {} : { deviceId: device }) }),
    { name: ({ correlationId }) => correlationId, about: (upload) => upload, shown: fileJson },
  )
  return { ...page, items: page.items.flat() }
}

/** @throws Problem 404, for a file of a device out of reach as for one that is not there. */
async function demandWithin({ services, path, reach }: Call & { readonly path: { readonly file: string } }) {
  if (reach.within === undefined) return
  const upload = await services.files.find(path.file)
  if (upload === undefined || !(await reach.includes(upload.deviceId, upload.generationId))) throw noSuchFile()
}

async function download(call: Asked<typeof fileOperations.content>): Promise<Response> {
  await demandWithin(call)
  // First, for what cannot be streamed was not read either.
  const lease = call.streams.open(call.actor)
  const file = await call.services.files.read(call.path.file, actorName(call.actor)).catch((error: unknown) => {
    lease.end()
    throw error
  })
  if (file === undefined) {
    lease.end()
    throw noSuchFile()
  }
  return new Response(byteStream(file.body, lease), {
    headers: {
      // What the device said it is is not repeated: nothing that a device made may be run by who downloads it.
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'content-length': String(file.bytes),
    },
  })
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

function noSuchFile(): Problem {
  return new Problem({
    status: 404,
    code: 'no-such-file',
    title: 'there is no such file',
    detail: 'list the files for those that exist',
  })
}
