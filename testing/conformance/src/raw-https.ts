/** Requests over HTTPS as no SDK for Node would send them. */

import { request } from 'node:https'
import type { HubProcess } from './hub-process.ts'
import { ADDRESS } from './standard-ports.ts'

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Each on a connection of its own, to the hub whose root it trusts. */
export function askRaw(hub: HubProcess, { method, path, headers = {}, body = '' }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: ADDRESS,
        servername: 'localhost',
        port: hub.ready.httpsPort,
        method,
        path,
        agent: false,
        ca: hub.ca,
        headers: { host: 'localhost', 'content-length': String(Buffer.byteLength(body)), ...headers },
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
        answer.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}
