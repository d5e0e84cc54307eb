/** The management API over the socket in the data folder, as its operator has it. */

import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Api } from '@holdfast/api'
import { parseConnectionString } from '@holdfast/tokens'

const ANSWER_MS_MAX = 30_000

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** The hub refused: `status` is HTTP's. */
export class HubRefusal extends Error {
  override readonly name = 'HubRefusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export class HubApi {
  readonly #socketPath: string

  constructor(data: string) {
    this.#socketPath = join(data, 'hub.sock')
  }

  status(): Promise<Api.Status> {
    return this.#expect<Api.Status>('GET', '/api/v1/status')
  }

  /** Makes a device with a key. @returns its key. */
  async createDevice(deviceId: string): Promise<string> {
    await this.#expect('POST', '/api/v1/devices', { deviceId, auth: 'sas' })
    return this.keyOf(deviceId)
  }

  async keyOf(deviceId: string): Promise<string> {
    const path = `/api/v1/devices/${encodeURIComponent(deviceId)}/connection-string`
    const found = parseConnectionString((await this.#expect<Api.ConnectionString>('GET', path)).connectionString)
    if (found.credential.kind !== 'key') throw new Error(`${deviceId} has no key`)
    return found.credential.key
  }

  /** The primary key of a shared access policy. */
  async policyKey(name: string): Promise<string> {
    const path = `/api/v1/policies/${encodeURIComponent(name)}/connection-string`
    const found = parseConnectionString((await this.#expect<Api.ConnectionString>('GET', path)).connectionString)
    if (found.credential.kind !== 'key') throw new Error(`the policy ${name} has no key`)
    return found.credential.key
  }

  rotateKeys(): Promise<Api.DataKey> {
    return this.#expect<Api.DataKey>('POST', '/api/v1/keys/rotate')
  }

  dropKey(epoch: number): Promise<Api.DataKeyDropped> {
    return this.#expect<Api.DataKeyDropped>('DELETE', `/api/v1/keys/${epoch}`)
  }

  async keys(): Promise<readonly Api.DataKey[]> {
    return (await this.#expect<Api.Page<Api.DataKey>>('GET', '/api/v1/keys?limit=1000')).items
  }

  /** What a load balancer sees; also when it is no success. */
  ready(): Promise<Answer> {
    return this.call('GET', '/health/ready')
  }

  /** Stored messages of a partition from `sequence`, or of a device, up to what is committed. */
  async *messages(
    what: { readonly partition: number; readonly sequence: number } | { readonly device: string },
  ): AsyncGenerator<Api.Message> {
    const query =
      'device' in what
        ? `device=${encodeURIComponent(what.device)}`
        : `partition=${what.partition}&sequence=${what.sequence}`
    const answer = await this.#open('GET', `/api/v1/messages?${query}`)
    if (answer.statusCode !== 200) throw new HubRefusal(answer.statusCode ?? 0, await textOf(answer))
    for await (const line of createInterface({ input: answer })) yield JSON.parse(line) as Api.Message
    // A reader's lines end quietly also when the answer breaks off.
    if (!answer.complete) throw new Error('the answer broke off')
  }

  async call(method: string, path: string, body?: object): Promise<Answer> {
    const answer = await this.#open(method, path, body)
    const text = await textOf(answer)
    return { status: answer.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) }
  }

  async #expect<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.call(method, path, body)
    if (answer.status >= 200 && answer.status < 300) return answer.body as T
    throw new HubRefusal(answer.status, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }

  #open(method: string, path: string, body?: object): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers =
      payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.#socketPath, host: 'localhost', method, path, headers }, resolve)
      call.setTimeout(ANSWER_MS_MAX, () => call.destroy(new Error(`${method} ${path}: no answer in time`)))
      call.once('error', reject)
      call.end(payload)
    })
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  answer.setEncoding('utf8')
  for await (const chunk of answer) text += String(chunk)
  return text
}
