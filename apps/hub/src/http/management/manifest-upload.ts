/** Where manifests come in: a body longer than others', read as a stream, and a report that is one. */

import { Hono } from 'hono'
import { OPERATIONS, type SupplyApi } from '@holdfast/api'
import { MANIFEST_BYTES_MAX, SIGNATURE_BYTES_MAX } from '@holdfast/supply'
import type { ManifestReports } from '../../trust/supply/manifest-intake.ts'
import type { HttpEnvironment } from '../environment.ts'
import { guard } from '../guard.ts'
import { badRequest } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { bindRoutes } from './bind.ts'
import { OpenStreams } from './open-streams.ts'
import { explain } from './refusals.ts'
import { type Route, serve } from './route.ts'
import type { ManagementServices } from './services.ts'
import { manifestJson } from './supply.ts'

const SIGNATURE_HEADER = 'holdfast-signature'

export const MANIFEST_UPLOAD_ROUTES: readonly Route[] = [
  serve(OPERATIONS.manifest.upload, async ({ context, services, query: { manufacturer }, actor }) => {
    const signature = signatureOf(context.req.header(SIGNATURE_HEADER))
    const body = context.req.raw.body ?? new ReadableStream<Uint8Array>()
    const reports = await services.supply.manifests.take({ manufacturer, signature, body }, actorName(actor))
    return new Response(reportStream(reports), { headers: { 'content-type': 'application/x-ndjson' } })
  }),
]

export function manifestUploadRoutes(services: ManagementServices): Hono<HttpEnvironment> {
  const app = new Hono<HttpEnvironment>()
  const { failed, events, clock } = services
  guard(app, { explain, failed, events, clock, bodyBytesMax: MANIFEST_BYTES_MAX })
  bindRoutes(app, MANIFEST_UPLOAD_ROUTES, { services, streams: new OpenStreams(clock) })
  return app
}

/** Strict base64, so that one signature has one form. */
function signatureOf(header: string | undefined): Uint8Array {
  const bytes = Buffer.from(header ?? '', 'base64')
  if (bytes.length > 0 && bytes.length <= SIGNATURE_BYTES_MAX && bytes.toString('base64') === header) return bytes
  throw badRequest([{ path: '', message: `has its signature as base64 in the header ${SIGNATURE_HEADER}` }])
}

const encoder = new TextEncoder()

/** Lines as they are read; whoever stops reading stops the import. */
function reportStream(reports: ManifestReports): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const step = await reports.next()
        if (step.kind === 'reports') {
          controller.enqueue(encoder.encode(`${step.reports.map((report) => JSON.stringify(report)).join('\n')}\n`))
          return
        }
        const end: SupplyApi.ImportEnd = { manifest: manifestJson(step.manifest) }
        controller.enqueue(encoder.encode(`${JSON.stringify(end)}\n`))
        controller.close()
      },
      cancel: () => reports.end(),
    },
    { highWaterMark: 0 },
  )
}
