/**
 * Commands and responses of a TPM (Part 1 §18, Part 3 §5; revision 1.59). A command is its bytes and the way to read its
 * response; whoever has a TPM (`platform/tpm-device`) writes the one and hands the other's bytes to `decode`.
 */

import { TpmError } from '../errors.ts'
import { COMMAND_BYTES_MAX, RESPONSE_BYTES_MAX, SESSIONS_MAX } from '../limits.ts'
import { TpmReader, decodeWhole } from '../reader.ts'
import { TpmRefusal } from './refusal.ts'
import { TpmWriter } from '../writer.ts'

const NO_SESSIONS = 0x8001
const SESSIONS = 0x8002
export const HEADER_BYTES = 10

/** A handle: of a key, a session or a hierarchy. 32 bits, the highest byte says what it is (Part 2 §7.2). */
export type Handle = number

/** Hierarchies, the null handle, and the pseudo-session of a plain password (Part 2 §7.4, TPM_RH). */
export const HIERARCHY = {
  owner: 0x4000_0001,
  null: 0x4000_0007,
  password: 0x4000_0009,
  endorsement: 0x4000_000b,
} as const

/** How one handle of a command is authorized. */
export type Authorization =
  /** Its password, which goes to the TPM in the clear; empty for most hierarchies and keys. */
  | { readonly kind: 'password'; readonly password: Uint8Array }
  /** A policy session, begun without salt and binding: nothing but the policy speaks. */
  | { readonly kind: 'policy'; readonly session: Handle; readonly continues: boolean }

/** An empty password. */
export const NO_PASSWORD: Authorization = { kind: 'password', password: new Uint8Array(0) }

export interface TpmCommand<Response> {
  readonly name: string
  readonly bytes: Uint8Array
  /**
   * Reads the whole response.
   * @throws TpmRefusal if the TPM said no; TpmError if it is no response to this command.
   */
  decode(response: Uint8Array): Response
}

export interface CommandShape<Response> {
  readonly name: string
  readonly code: number
  readonly handles?: readonly Handle[]
  /** One for each handle that wants it, in order. */
  readonly authorizations?: readonly Authorization[]
  readonly parameters?: Uint8Array
  /** Whether the response begins with a handle, before its parameters. */
  readonly answersHandle?: boolean
  /** Reads the parameters, all of them. */
  read(parameters: TpmReader, handle: Handle): Response
}

/** @throws TypeError for a command longer than a TPM takes: a bug in the caller. */
export function command<Response>(shape: CommandShape<Response>): TpmCommand<Response> {
  const { name, code, handles = [], authorizations = [], parameters = new Uint8Array(0) } = shape
  if (authorizations.length > SESSIONS_MAX) throw new TypeError('a command has at most three sessions')
  const hasSessions = authorizations.length > 0
  const body = new TpmWriter().u32(code)
  for (const handle of handles) body.u32(handle)
  if (hasSessions) {
    const area = new TpmWriter()
    for (const authorization of authorizations) writeAuthorization(area, authorization)
    const bytes = area.done()
    body.u32(bytes.length).bytes(bytes)
  }
  const rest = body.bytes(parameters).done()
  const length = rest.length + 6
  if (length > COMMAND_BYTES_MAX) throw new TypeError(`a command has at most ${COMMAND_BYTES_MAX} bytes`)
  const tag = hasSessions ? SESSIONS : NO_SESSIONS
  const bytes = new TpmWriter().u16(tag).u32(length).bytes(rest).done()
  return { name, bytes, decode: (response) => decodeResponse(response, shape, tag) }
}

/** What the header of a response says of its length, once it is there; for whoever reads from a stream. @throws TpmError. */
export function responseBytes(header: Uint8Array): number {
  const reader = new TpmReader(header, 'a response')
  reader.u16()
  const length = reader.u32()
  if (length < HEADER_BYTES) throw new TpmError('malformed', 'a response is shorter than its header')
  if (length > RESPONSE_BYTES_MAX) throw new TpmError('too-large', `a response has at most ${RESPONSE_BYTES_MAX} bytes`)
  return length
}

function writeAuthorization(writer: TpmWriter, authorization: Authorization): void {
  // TPMS_AUTH_COMMAND: handle, nonce, attributes, HMAC or password.
  const empty = new Uint8Array(0)
  if (authorization.kind === 'password') {
    writer.u32(HIERARCHY.password).sized(empty).u8(0).sized(authorization.password)
  } else {
    writer
      .u32(authorization.session)
      .sized(empty)
      .u8(authorization.continues ? 1 : 0)
      .sized(empty)
  }
}

function decodeResponse<Response>(bytes: Uint8Array, shape: CommandShape<Response>, tag: number): Response {
  const what = `the response to ${shape.name}`
  const reader = new TpmReader(bytes, what)
  const answered = reader.u16()
  if (reader.u32() !== bytes.length) throw new TpmError('malformed', `${what} has another length than it says`)
  const code = reader.u32()
  if (code !== 0) throw new TpmRefusal(shape.name, code)
  if (answered !== tag) throw new TpmError('malformed', `${what} has another tag than its command`)
  const handle = shape.answersHandle === true ? reader.u32() : 0
  if (tag === NO_SESSIONS) {
    const response = shape.read(reader, handle)
    reader.end()
    return response
  }
  const parameters = reader.take(reader.u32())
  for (let at = 0; at < (shape.authorizations?.length ?? 0); at++) {
    // TPMS_AUTH_RESPONSE. A password has no HMAC, and neither has a session without salt or binding.
    reader.sized()
    reader.u8()
    reader.sized()
  }
  reader.end()
  return decodeWhole(parameters, what, (inner) => shape.read(inner, handle))
}
