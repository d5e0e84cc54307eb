/** What the rows do with the registry of the service SDK, and with the REST below it. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { request } from 'node:https'
import { failure } from './sdk-client.ts'

export type Fields = Record<string, unknown>
/** What the SDK gives back: the identity, and the answer it came in. */
type Result = { readonly responseBody: unknown; readonly httpResponse: { readonly statusCode?: number } }

export const key = (): string => randomBytes(32).toString('base64')
export const sasKeys = (
  primaryKey = key(),
  secondaryKey = key(),
): { symmetricKey: { primaryKey: string; secondaryKey: string } } => ({
  symmetricKey: { primaryKey, secondaryKey },
})
export const isRecent = (time: unknown): boolean => Math.abs(Date.parse(String(time)) - Date.now()) < 60_000
/** As Azure's look: base64 of eight bytes, without quotes. */
export const ETAG = /^[A-Za-z0-9+/]{11}=$/
export const NEVER = '0001-01-01T00:00:00Z'

/** The object of a call that succeeded with this status. */
export async function gives(promise: Promise<Result>, status = 200): Promise<Fields> {
  const { responseBody, httpResponse } = await promise
  assert.equal(httpResponse.statusCode, status)
  assert.ok(typeof responseBody === 'object' && responseBody !== null)
  return { ...responseBody }
}

/** What the SDK makes of a refusal, and the code that stands in it. */
export async function failsWith(name: string, status: number, code: string, promise: Promise<unknown>): Promise<void> {
  const error = await failure(promise)
  assert.equal(error.name, name, String(error.stack))
  const { response, responseBody } = error as Error & {
    response?: { statusCode?: number; headers?: Fields }
    responseBody?: string
  }
  assert.equal(response?.statusCode, status)
  assert.equal(response.headers?.['iothub-errorcode'], code)
  const body = JSON.parse(responseBody ?? '') as Fields
  assert.match(String(body.Message), new RegExp(`^ErrorCode:${code};.`))
  assert.match(String(body.ExceptionMessage), /^Tracking ID:[0-9a-f-]{36}-G:0-TimeStamp:\d{4}-/)
}

interface Raw {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
}

/** One request as it stands, for what the SDK does not send; the hub is trusted by this process. */
export function raw({
  method,
  path,
  body,
  headers = {},
}: Raw): Promise<{ readonly status: number; readonly headers: Fields; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: 'localhost', port: 443, agent: false, method, path, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Status and code of a refusal. */
export const code = ({ status, headers }: Awaited<ReturnType<typeof raw>>): readonly unknown[] => [
  status,
  headers['iothub-errorcode'],
]

/** As the SDK asks. */
export const VERSION = 'api-version=2021-04-12'
