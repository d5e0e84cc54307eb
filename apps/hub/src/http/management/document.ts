/**
 * What may be read about the API itself. Its OpenAPI document is for whoever is known here, whatever else they may do: it
 * says which version of the hub this is. What the codes of refusals mean is for anybody, since anybody is refused.
 */

import { createHash } from 'node:crypto'
import type { Hono } from 'hono'
import { ALL_OPERATIONS, openApiDocument, PROBLEMS, PROBLEMS_PATH } from '@holdfast/api'
import { SESSION_COOKIE } from '@holdfast/operators'
import { VERSION } from '../../version.ts'
import type { HttpEnvironment } from '../environment.ts'
import { readQuery } from '../query.ts'
import { authenticate, type AuthenticationServices } from './authenticate.ts'
import { isKnown } from './entity-tag.ts'

const OPENAPI_PATH = '/api/v1/openapi.json'

interface Page {
  readonly text: string
  readonly etag: string
}

/** Made once, when somebody asks. */
let openApi: Page | undefined
let problems: Page | undefined

export function bindDocuments(app: Hono<HttpEnvironment>, services: AuthenticationServices): void {
  app.get(OPENAPI_PATH, async (context) => {
    await authenticate(context, services, 'all')
    readQuery(context, {})
    openApi ??= pageOf(openApiText())
    const headers = { etag: `"${openApi.etag}"`, 'content-type': 'application/json' }
    if (isKnown(context, openApi.etag)) return new Response(null, { status: 304, headers })
    return new Response(openApi.text, { headers })
  })
  app.get(PROBLEMS_PATH, (context) => {
    readQuery(context, {})
    problems ??= pageOf(problemPage())
    const headers = { etag: `"${problems.etag}"`, 'content-type': 'text/html; charset=utf-8' }
    if (isKnown(context, problems.etag)) return new Response(null, { status: 304, headers })
    return new Response(problems.text, { headers })
  })
}

function openApiText(): string {
  return JSON.stringify(openApiDocument(ALL_OPERATIONS, { version: VERSION, sessionCookie: SESSION_COOKIE }))
}

function pageOf(text: string): Page {
  return { text, etag: createHash('sha256').update(text).digest('base64url').slice(0, 27) }
}

function problemPage(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { statuses, meaning }]) =>
      `<dt id="${code}">${code} (${statuses.join(', ')})</dt><dd>${escaped(meaning)}</dd>`,
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Holdfast: refusals</title><h1>Refusals</h1><p>What the codes of problems mean. What to do stands in the detail of each.</p><dl>${rows.join('\n')}</dl></html>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
