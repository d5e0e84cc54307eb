/**
 * The server's half of SASL in AMQP (part 5, §5.3): mechanisms, init, outcome. One exchange, no challenges. EXTERNAL
 * and MSSBCBS prove nothing by themselves: the certificate of the TLS connection or a token on a link does that later.
 */

import { AmqpError } from './errors.ts'
import { Described, ValueReader } from './value-reader.ts'
import { ValueWriter } from './value-writer.ts'

export const SASL_MECHANISMS = ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

/** What a peer said of itself. `name` and `password` are PLAIN's (RFC 4616); the password is never logged. */
export type SaslInit =
  | { readonly mechanism: Exclude<SaslMechanism, 'PLAIN'> }
  | { readonly mechanism: 'PLAIN'; readonly name: string; readonly password: string }

const HEADER_BYTES = 8
const INIT_BYTES_MAX = 8_192
const NAME_CHARACTERS_MAX = 512
/** sasl-outcome codes, §5.3.3.6. */
export const SASL_OK = 0
export const SASL_AUTH = 1
export const SASL_TEMPORARY = 4

export const PROTOCOL_HEADER_BYTES = 8
export const AMQP_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 1, 0, 0])
export const SASL_HEADER = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0])

export function saslMechanismsFrame(): Buffer {
  return saslFrame(0x40, (writer) => {
    writer.list(1, () => {
      // An array of symbols.
      writer.raw(symbolArray(SASL_MECHANISMS))
    })
  })
}

export function saslOutcomeFrame(code: number): Buffer {
  return saslFrame(0x44, (writer) => {
    writer.list(1, () => {
      writer.u8(0x50)
      writer.u8(code)
    })
  })
}

/**
 * Bytes that the frame at the beginning of `bytes` takes, or undefined when not even that is there.
 * @throws AmqpError for a frame that is no SASL frame, or too large.
 */
export function saslFrameBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const [a = 0, b = 0, c = 0, d = 0, offset = 0, type = 0] = bytes
  const size = a * 0x100_0000 + (b << 16) + (c << 8) + d
  if (size < HEADER_BYTES || size > INIT_BYTES_MAX || offset < 2 || offset * 4 > size || type !== 1) {
    throw new AmqpError('amqp:connection:framing-error', 'a SASL frame was due')
  }
  return size
}

/**
 * Reads a sasl-init.
 * @returns undefined for a mechanism that is not offered, or a response that it does not know.
 * @throws AmqpError `amqp:decode-error` for anything else than a sasl-init.
 */
export function readSaslInit(frame: Uint8Array): SaslInit | undefined {
  const reader = new ValueReader(frame, (frame[4] ?? 0) * 4)
  const value = reader.read()
  if (!(value instanceof Described) || (value.descriptor !== 0x41 && value.descriptor !== 'amqp:sasl-init:list')) {
    throw new AmqpError('amqp:decode-error', 'sasl-init was due')
  }
  const fields = value.value
  if (!Array.isArray(fields)) throw new AmqpError('amqp:decode-error', 'sasl-init was due')
  const [mechanism, response] = fields
  const offered = SASL_MECHANISMS.find((one) => one === mechanism)
  if (offered === undefined) return undefined
  if (offered !== 'PLAIN') return { mechanism: offered }
  if (!(response instanceof Uint8Array)) return undefined
  const [, name, password, ...more] = new TextDecoder().decode(response).split('\0')
  if (name === undefined || password === undefined || more.length > 0 || name.length > NAME_CHARACTERS_MAX) {
    return undefined
  }
  return { mechanism: 'PLAIN', name, password }
}

function saslFrame(code: number, write: (writer: ValueWriter) => void): Buffer {
  const writer = new ValueWriter(256)
  for (const byte of [0, 0, 0, 0, 2, 1, 0, 0]) writer.u8(byte)
  writer.described(code)
  write(writer)
  const frame = writer.take()
  frame.writeUInt32BE(frame.length, 0)
  return frame
}

function symbolArray(symbols: readonly string[]): Buffer {
  const items = symbols.map((symbol) => Buffer.concat([Buffer.from([symbol.length]), Buffer.from(symbol, 'ascii')]))
  const content = Buffer.concat([Buffer.from([symbols.length, 0xa3]), ...items])
  return Buffer.concat([Buffer.from([0xe0, content.length]), content])
}
