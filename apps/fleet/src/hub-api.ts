/** The few calls of the hub's API that a fleet needs, over the socket in the data folder. */

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join, resolve } from 'node:path'
import type { Api } from '@holdfast/api'
import { ANSWER_BYTES_MAX } from './limits.ts'

const SOCKET_PATH_BYTES_MAX = 100
const ANSWER_MS_MAX = 15_000

/** The hub said no, or was not there: `status` is HTTP's, 0 where there was no answer. */
export class HubError extends Error {
  override readonly name = 'HubError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export class HubApi {
  readonly #socket: string
  readonly #data: string

  constructor(data: string) {
    this.#data = resolve(data)
    const socket = join(this.#data, 'hub.sock')
    this.#socket = Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX ? socket : readLink(socket)
  }

  status(): Promise<Api.Status> {
    return this.#call('GET', ['status'])
  }

  /** True when it was made, false when there was one of that id. */
  createDevice(device: Api.DeviceCreate): Promise<boolean> {
    return this.#create(['devices'], device)
  }

  changeDevice(id: string, change: Api.DeviceChange): Promise<Api.Changed> {
    return this.#call('PATCH', ['devices', id], change)
  }

  showDevice(id: string): Promise<Api.Device> {
    return this.#call('GET', ['devices', id])
  }

  async connectionString(id: string): Promise<string> {
    const found: Api.ConnectionString = await this.#call('GET', ['devices', id, 'connection-string'])
    return found.connectionString
  }

  createGroup(enrollment: Api.EnrollmentCreate): Promise<boolean> {
    return this.#create(['enrollment-groups'], enrollment)
  }

  async derivedKey(group: string, registrationId: string): Promise<string> {
    const found: { readonly key: string } = await this.#call('GET', [
      'enrollment-groups',
      group,
      'derived-key',
      registrationId,
    ])
    return found.key
  }

  async #create(path: readonly string[], body: object): Promise<boolean> {
    try {
      await this.#call('POST', path, body)
      return true
    } catch (error) {
      if (error instanceof HubError && error.status === 409) return false
      throw error
    }
  }

  #call<T extends object>(method: string, segments: readonly string[], body?: object): Promise<T> {
    const path = `/api/v1/${segments.map(encodeURIComponent).join('/')}`
    const payload = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const headers =
        payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
      const call = request({ socketPath: this.#socket, host: 'localhost', method, path, headers }, (answer) => {
        const chunks: Buffer[] = []
        let bytes = 0
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > ANSWER_BYTES_MAX) answer.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const status = answer.statusCode ?? 0
          if (status >= 200 && status < 300) resolve((text === '' ? {} : JSON.parse(text)) as T)
          else reject(new HubError(status, reasonOf(text) ?? `the hub answered ${method} ${path} with ${status}`))
        })
      })
      call.setTimeout(ANSWER_MS_MAX, () => call.destroy(new Error('the hub does not answer')))
      call.on('error', (error: Error & { readonly code?: string }) => {
        const isAbsent = error.code === 'ENOENT' || error.code === 'ECONNREFUSED'
        const what = isAbsent
          ? `no hub runs on ${this.#data}; start it with 'holdfast up', or name its folder with --data`
          : error.message
        reject(new HubError(0, what))
      })
      call.end(payload)
    })
  }
}

function readLink(socket: string): string {
  try {
    return readFileSync(`${socket}.path`, 'utf8').trim()
  } catch {
    return socket
  }
}

function reasonOf(text: string): string | undefined {
  try {
    const problem: unknown = JSON.parse(text)
    if (typeof problem !== 'object' || problem === null) return undefined
    const said = [Reflect.get(problem, 'title'), Reflect.get(problem, 'detail')].filter((it) => typeof it === 'string')
    return said.length === 0 ? undefined : said.join(': ')
  } catch {
    return undefined
  }
}
