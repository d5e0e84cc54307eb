/** Calls of the hub's own API (`protocol/api`), over the local socket or HTTPS. */

import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import {
  type Answered,
  type Client,
  type ClientCall,
  createClient,
  OPERATIONS,
  type Operations,
  PROPOSED_STATUS,
} from '@holdfast/api'
import type { Address } from './address.ts'
import { Failure } from './failure.ts'
import { plain } from './plain-text.ts'

/** A whole answer, in bytes; a page of a thousand devices is a tenth of it. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024
/** One line of a stream, in characters: a message of 256 KiB whose every byte is escaped is a third of it. */
const LINE_CHARACTERS_MAX = 8 * 1024 * 1024
/** How long the hub may take to begin its answer, in milliseconds. */
const ANSWER_MS_MAX = 30_000
/** How long the hub may take to look at a file before it answers, in milliseconds: half a gigabyte over a slow line. */
const UPLOAD_MS_MAX = 3_600_000

/** What is sent as it is read. */
export interface Upload {
  readonly body: Readable
  readonly bytes: number
  readonly type: string
}

/** Every operation of `/api/v1`, typed; and what else a hub serves. */
export interface HubClient extends Client<Operations, Upload, IncomingMessage> {
  readonly address: Address
  /** Addresses that are none of `/api/v1`: Azure's, those of the pages of people, and of the log's tiles. */
  readonly outside: Outside
}

export interface Outside {
  get<T extends object>(target: string): Promise<T>
  send<T extends object>(
    method: 'POST' | 'PATCH',
    target: string,
    body: object,
    options?: { readonly ifMatch?: string },
  ): Promise<T>
  /** The bytes of an answer. Breaks off, and does not end, where the hub does. */
  stream(target: string): Promise<IncomingMessage>
}

/** @param interrupted ends what is under way: a stream in order, any other call as a failure. */
export function connectHub(address: Address, interrupted: AbortSignal): HubClient {
  const where = { address, interrupted }
  const callOf = ({ operation, target, body, file, headers, waitMs }: ClientCall<Upload>): Call => ({
    ...where,
    method: operation.method,
    target,
    ...(body !== undefined && { body }),
    ...(file !== undefined && { file }),
    headers,
    waitMs: file === undefined ? waitMs : UPLOAD_MS_MAX,
  })
  const api = createClient<Operations, Upload, IncomingMessage>(OPERATIONS, {
    json: async (asked) => call(callOf(asked)),
    lines: (asked) => lines(callOf(asked)),
    bytes: async (asked) => stream(callOf(asked)),
  })
  // An answer has the form that whoever asks for it knows.
  const outside: Outside = {
    get: async <T>(target: string) => (await call({ ...where, method: 'GET', target })).value as T,
    send: async <T>(method: string, target: string, body: object, { ifMatch }: { readonly ifMatch?: string } = {}) => {
      const headers = ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }
      return (await call({ ...where, method, target, body, headers })).value as T
    },
    stream: async (target) => stream({ ...where, method: 'GET', target }),
  }
  return { ...api, address, outside }
}

interface Call {
  readonly address: Address
  readonly interrupted: AbortSignal
  readonly method: string
  readonly target: string
  readonly body?: unknown
  readonly file?: Upload
  readonly headers?: Readonly<Record<string, string>>
  /** What the call may take longer than others, in milliseconds. */
  readonly waitMs?: number
}

async function call(what: Call): Promise<Answered> {
  const answer = await open(what)
  const text = await readAll(answer)
  const status = answer.statusCode ?? 0
  if (status < 200 || status >= 300) throw refusal(status, text)
  const value = text === '' ? {} : parseObject(text)
  if (status === PROPOSED_STATUS) throw proposed(value)
  return { value, etag: answer.headers.etag?.replaceAll('"', '') }
}

async function stream(what: Call): Promise<IncomingMessage> {
  const answer = await open(what)
  const status = answer.statusCode ?? 0
  if (status >= 200 && status < 300) return answer
  throw refusal(status, await readAll(answer))
}

async function* lines(what: Call): AsyncGenerator<object> {
  const answer = await open(what)
  const status = answer.statusCode ?? 0
  if (status < 200 || status >= 300) throw refusal(status, await readAll(answer))
  answer.setEncoding('utf8')
  let rest = ''
  try {
    for await (const chunk of answer) {
      rest += String(chunk)
      let start = 0
      for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n', start)) {
        if (end > start) yield parseObject(rest.slice(start, end))
        start = end + 1
      }
      rest = rest.slice(start)
      if (rest.length > LINE_CHARACTERS_MAX) throw garbled()
    }
  } catch (error) {
    if (what.interrupted.aborted) return
    if (error instanceof Failure) throw error
    throw new Failure('the hub ended the answer in the middle: it was stopped or the connection broke; start again', {
      code: 'interrupted',
      cause: error,
    })
  } finally {
    answer.destroy()
  }
  if (rest !== '') yield parseObject(rest)
}

function open({ address, interrupted, method, target, body, file, headers, waitMs }: Call): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const options: RequestOptions = {
    method,
    path: target,
    headers: {
      accept: 'application/json, application/x-ndjson, application/problem+json',
      ...(payload !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(payload),
      }),
      ...(file !== undefined && { 'content-type': file.type, 'content-length': file.bytes }),
      ...headers,
      ...(address.kind === 'remote' && address.token !== '' && { authorization: address.token }),
    },
    signal: interrupted,
  }
  return new Promise((resolve, reject) => {
    const begin =
      address.kind === 'local'
        ? // A connection of its own costs nothing here, and none is found closed by a hub that was restarted meanwhile.
          httpRequest({ ...options, socketPath: address.socket, host: 'localhost', agent: false }, resolve)
        : httpsRequest(
            {
              ...options,
              host: address.url.hostname.replace(/^\[(.*)\]$/, '$1'),
              port: address.url.port === '' ? 443 : Number(address.url.port),
              minVersion: 'TLSv1.2',
              ...(address.authorities !== undefined && { ca: address.authorities }),
            },
            resolve,
          )
    begin.setTimeout(ANSWER_MS_MAX + (waitMs ?? 0), () =>
      begin.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    )
    // A stream that follows is silent for as long as nothing happens.
    begin.once('response', () => begin.setTimeout(0))
    begin.once('error', (error) => reject(unreachable(address, error)))
    if (file === undefined) begin.end(payload)
    else file.body.once('error', (error) => begin.destroy(error)).pipe(begin)
  })
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue
    bytes += chunk.length
    if (bytes > ANSWER_BYTES_MAX) {
      answer.destroy()
      throw garbled()
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below.
  }
  throw garbled()
}

function garbled(): Failure {
  return new Failure('what answered does not speak the API of a hub; check --data or --url', { code: 'garbled' })
}

/** Not refused, and not done: it waits for the word of another. */
function proposed(proposal: { readonly id?: unknown }): Failure {
  const safe = plain(String(proposal.id))
  return new Failure(
    `this takes the word of two people: it was proposed as ${safe}; another operator approves it: holdfast proposal approve ${safe}`,
    { code: 'proposed' },
  )
}

/**
 * A refusal as one line: a problem+json (RFC 9457), whose `title` is what and why and `detail` what to do, or what
 * Azure's interfaces answer: `{"Message":"ErrorCode:<code>;<text>"}`.
 */
function refusal(status: number, text: string): Failure {
  let problem: { title?: unknown; detail?: unknown; code?: unknown; Message?: unknown } = {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) problem = value
  } catch {
    // Not a hub's words: the status must do.
  }
  const azure = typeof problem.Message === 'string' ? /^ErrorCode:([A-Za-z]+);(.+)/s.exec(problem.Message) : null
  if (azure !== null) return new Failure(plain(azure[2] ?? ''), { code: azure[1] ?? '' })
  const title = typeof problem.title === 'string' ? problem.title : `the hub answered with HTTP status ${status}`
  const detail = typeof problem.detail === 'string' ? problem.detail : adviceFor(status)
  return new Failure(plain(detail === '' ? title : `${title}: ${detail}`), {
    code: typeof problem.code === 'string' ? problem.code : `http-${status}`,
  })
}

function adviceFor(status: number): string {
  if (status === 401) return 'the token was not accepted; make a new one from a service policy of this hub'
  if (status === 403) return 'the policy of this token lacks the right for it; use one that has it'
  if (status === 404) return 'check the name'
  if (status === 503) return "see 'holdfast status' for what the hub waits for"
  return ''
}

function unreachable(address: Address, error: Error & { readonly code?: string }): Failure {
  const code = error.code ?? 'unknown'
  if (code === 'ABORT_ERR') {
    return new Failure('interrupted before the hub answered; whether it did what was asked is not known', {
      code: 'interrupted',
    })
  }
  if (address.kind === 'local') {
    const start = `start it with 'holdfast up', or name its folder with --data`
    if (code === 'ENOENT') {
      return new Failure(`no hub runs on ${address.data}: there is no socket in it; ${start}`, { code: 'not-running' })
    }
    if (code === 'ECONNREFUSED') {
      return new Failure(`no hub runs on ${address.data}: its socket is left over; ${start}`, { code: 'not-running' })
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return new Failure(
        `may not use the socket in ${address.data}: it belongs to another user; run this as that user`,
        {
          code: 'not-allowed',
        },
      )
    }
  }
  const where = address.kind === 'local' ? address.socket : address.url.origin
  const advice = /^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_|ERR_TLS_CERT)/.test(code)
    ? "its certificate is not trusted here; give the hub's root with --ca FILE"
    : 'check that the hub runs and the address is right'
  return new Failure(
    `cannot reach the hub at ${where}: ${plain(code === 'unknown' ? error.message : code)}; ${advice}`,
    {
      code: 'unreachable',
      cause: error,
    },
  )
}
