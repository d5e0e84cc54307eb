/** A back end over HTTPS: the hub's service REST interface with the token of a policy, on connections that are kept. */

import { Agent, request } from 'node:https'
import { formatSasToken } from '@holdfast/tokens'

const TOKEN_SECONDS = 86_400
const ANSWER_MS_MAX = 60_000

export interface ServiceCallerOptions {
  readonly hostname: string
  readonly httpsPort: number
  /** PEM of the root. */
  readonly authority: string
  /** Whose the key is; empty: the device's that `resource` names. */
  readonly policy: string
  readonly key: string
  /** What the token is for; the whole hub unless told. */
  readonly resource?: string
  /** Connections at most; a call more waits. */
  readonly connectionsMax: number
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

export class ServiceCaller {
  readonly #options: ServiceCallerOptions
  readonly #agent: Agent
  readonly #token: string

  constructor(options: ServiceCallerOptions) {
    this.#options = options
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connectionsMax, ca: options.authority })
    this.#token = formatSasToken({
      resource: options.resource ?? options.hostname,
      key: options.key,
      ...(options.policy === '' ? {} : { policyName: options.policy }),
      expirySeconds: Math.floor(Date.now() / 1000) + TOKEN_SECONDS,
    })
  }

  /** @param path as Azure's, without `api-version`, or the hub's own. @param body JSON, or its text. */
  call(
    method: string,
    path: string,
    body?: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ServiceAnswer> {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const { hostname, httpsPort } = this.#options
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          servername: hostname,
          port: httpsPort,
          agent: this.#agent,
          method,
          path: path.startsWith('/api/v1/') ? path : `${path}${path.includes('?') ? '&' : '?'}api-version=2021-04-12`,
          headers: {
            host: hostname,
            authorization: this.#token,
            ...(payload !== undefined && {
              'content-type': 'application/json; charset=utf-8',
              'content-length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          answer.on('error', reject)
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }))
        },
      )
      call.setTimeout(ANSWER_MS_MAX, () => call.destroy(new Error(`${method} ${path}: no answer in time`)))
      call.once('error', reject)
      call.end(payload)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
