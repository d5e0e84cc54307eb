/**
 * What the hub and the process that holds the token say to each other: one JSON object a line over a pipe of their own
 * (file descriptor 3), bytes in base64. Neither believes the other: each line is bounded and checked.
 */

import { MESSAGE_BYTES_MAX } from './limits.ts'

/** How a key-encryption key encrypts: AES-256-GCM, or RSA-2048 with OAEP where the token has no GCM. */
export type WrappingAlgorithm = 'aes-gcm' | 'rsa-oaep'

export type TokenRequest =
  | { readonly op: 'login'; readonly module: string; readonly token: string; readonly pin: string }
  | {
      readonly op: 'make-wrapping-key'
      readonly id: string
      readonly label: string
      readonly algorithm: WrappingAlgorithm | 'any'
    }
  | { readonly op: 'list-wrapping-keys'; readonly prefix: string }
  | { readonly op: 'encrypt'; readonly id: string; readonly nonce: string; readonly aad: string; readonly data: string }
  | { readonly op: 'decrypt'; readonly id: string; readonly nonce: string; readonly aad: string; readonly data: string }
  | { readonly op: 'public-key'; readonly id: string }
  | { readonly op: 'make-signing-key'; readonly id: string; readonly label: string }
  | { readonly op: 'sign'; readonly id: string; readonly data: string }
  | { readonly op: 'destroy'; readonly id: string }

/** What the token says to a request; which members are there depends on it. */
export interface TokenAnswer {
  readonly data?: string
  readonly algorithm?: WrappingAlgorithm
  readonly ids?: readonly string[]
}

export type TokenFault =
  /** The PIN is wrong. Never tried again: a token locks itself. */
  | 'refused'
  /** No such key, or none that may be used: it could be taken out of the token. */
  | 'missing'
  /** What was to be decrypted does not verify. */
  | 'damaged'
  /** The module, the token or the session is not there, or does not do it. */
  | 'unavailable'

export type TokenReply =
  | { readonly id: number; readonly answer: TokenAnswer }
  | { readonly id: number; readonly fault: TokenFault; readonly message: string }

/** Gives whole lines of a stream. */
export class LineReader {
  readonly #taken: (line: string) => void
  #rest = Buffer.alloc(0)

  constructor(taken: (line: string) => void) {
    this.#taken = taken
  }

  /** @returns false when a line is longer than it may be: nothing more of the stream is to be believed. */
  push(chunk: Uint8Array): boolean {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let end = this.#rest.indexOf(0x0a); end !== -1; end = this.#rest.indexOf(0x0a)) {
      if (end > MESSAGE_BYTES_MAX) return false
      const line = this.#rest.toString('utf8', 0, end)
      this.#rest = this.#rest.subarray(end + 1)
      this.#taken(line)
    }
    return this.#rest.length <= MESSAGE_BYTES_MAX
  }
}

/** Undefined for what is no reply. */
export function parseReply(line: string): TokenReply | undefined {
  const value = parseObject(line)
  const id = value?.id
  if (value === undefined || typeof id !== 'number') return undefined
  if (value.fault !== undefined) {
    const fault = FAULTS.find((candidate) => candidate === value.fault)
    if (fault === undefined || typeof value.message !== 'string') return undefined
    return { id, fault, message: value.message.slice(0, MESSAGE_CHARACTERS_MAX) }
  }
  const answer = value.answer
  if (typeof answer !== 'object' || answer === null) return undefined
  const { data, algorithm, ids }: { data?: unknown; algorithm?: unknown; ids?: unknown } = answer
  if (data !== undefined && !isText(data)) return undefined
  if (algorithm !== undefined && algorithm !== 'aes-gcm' && algorithm !== 'rsa-oaep') return undefined
  if (ids !== undefined && !(Array.isArray(ids) && ids.every(isText))) return undefined
  return {
    id,
    answer: {
      ...(data === undefined ? {} : { data }),
      ...(algorithm === undefined ? {} : { algorithm }),
      ...(ids === undefined ? {} : { ids }),
    },
  }
}

/** Undefined for what is no request. */
export function parseRequest(line: string): { readonly id: number; readonly request: TokenRequest } | undefined {
  const value = parseObject(line)
  if (value === undefined || typeof value.id !== 'number') return undefined
  const request = value.request
  if (typeof request !== 'object' || request === null || !('op' in request)) return undefined
  const op = Object.keys(MEMBERS).find((candidate) => candidate === request.op)
  if (op === undefined) return undefined
  const members = MEMBERS[op] ?? []
  if (!members.every((name) => typeof Reflect.get(request, name) === 'string')) return undefined
  // Of these members and no others: checked above, which the compiler cannot see.
  const own = Object.fromEntries(['op', ...members].map((name) => [name, Reflect.get(request, name)]))
  return { id: value.id, request: own as unknown as TokenRequest }
}

const MESSAGE_CHARACTERS_MAX = 300
const FAULTS: readonly TokenFault[] = ['refused', 'missing', 'damaged', 'unavailable']

/** Each request's members; all are texts. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  login: ['module', 'token', 'pin'],
  'make-wrapping-key': ['id', 'label', 'algorithm'],
  'list-wrapping-keys': ['prefix'],
  encrypt: ['id', 'nonce', 'aad', 'data'],
  decrypt: ['id', 'nonce', 'aad', 'data'],
  'public-key': ['id'],
  'make-signing-key': ['id', 'label'],
  sign: ['id', 'data'],
  destroy: ['id'],
} satisfies Record<TokenRequest['op'], readonly string[]>

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
