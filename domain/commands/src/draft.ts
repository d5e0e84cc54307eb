/** What a sender may send: the form of every field, and the size of all together (azure-iot.md §10). */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { isIdentityKey } from '@holdfast/identity'
import {
  COMMAND_BYTES_MAX,
  COMMAND_LIFE_MS,
  COMMAND_LIFE_MS_MAX,
  COMMAND_LIFE_MS_MIN,
  MESSAGE_ID_CHARACTERS_MAX,
} from '@holdfast/iothub'
import { ACKS, type Ack, type CommandDraft, type CommandProperty } from './command.ts'
import { CommandError } from './errors.ts'
import {
  CONTENT_FIELD_CHARACTERS_MAX,
  ENCODED_PROPERTIES_CHARACTERS_MAX,
  PROPERTY_NAME_CHARACTERS_MAX,
} from './limits.ts'

/** A draft that was checked, with what it left open filled in. */
export interface CheckedDraft {
  readonly messageId?: string
  readonly correlationId?: string
  readonly userId?: string
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly ack: Ack
  readonly enqueued: Timestamp
  readonly expires: Timestamp
  readonly properties: readonly CommandProperty[]
  readonly body: Uint8Array
}

/** RFC 9110 §5.6.2: over HTTPS a property is a header. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** C0 and DEL: they end a header, and no application needs them. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/
const FIELDS = {
  messageId: MESSAGE_ID_CHARACTERS_MAX,
  correlationId: MESSAGE_ID_CHARACTERS_MAX,
  userId: MESSAGE_ID_CHARACTERS_MAX,
  contentType: CONTENT_FIELD_CHARACTERS_MAX,
  contentEncoding: CONTENT_FIELD_CHARACTERS_MAX,
} as const
/** The property under which AMQP and MQTT carry `ack`: beside it, a property of that name would say something else. */
const ACK_PROPERTY = 'iothub-ack'

const encoder = new TextEncoder()

/**
 * @param makeMessageId a fresh id, for a message whose sender wants feedback and gave none.
 * @throws CommandError `invalid`, `too-large`.
 */
export function checkDraft(draft: CommandDraft, now: Timestamp, makeMessageId: () => string): CheckedDraft {
  if (!isIdentityKey(draft.key)) throw invalid('the message is addressed to no possible id')
  const { ack = 'none', body } = draft
  if (!ACKS.includes(ack)) throw invalid('ack is none, positive, negative or full')
  const fields: Partial<Record<keyof typeof FIELDS, string>> = {}
  let bytes = body.length
  let encoded = 0
  for (const [name, charactersMax] of Object.entries(FIELDS) as [keyof typeof FIELDS, number][]) {
    const value = draft[name]
    if (value === undefined || value === '') continue
    if (value.length > charactersMax) throw invalid(`${name} has at most ${charactersMax} characters`)
    if (!value.isWellFormed() || CONTROL.test(value)) throw invalid(`${name} is text without control characters`)
    fields[name] = value
    bytes += encoder.encode(value).length
    encoded += encodeURIComponent(value).length + 8
  }
  if (fields.messageId === undefined && ack !== 'none') fields.messageId = makeMessageId()
  const properties: CommandProperty[] = []
  for (const [name, value] of draft.properties ?? []) {
    if (name.length > PROPERTY_NAME_CHARACTERS_MAX || !TOKEN.test(name) || name.startsWith('$.')) {
      throw invalid(
        `a property's name has 1 to ${PROPERTY_NAME_CHARACTERS_MAX} of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ \` | ~ and does not begin with $.`,
      )
    }
    if (!value.isWellFormed() || CONTROL.test(value))
      throw invalid("a property's value is text without control characters")
    if (name.toLowerCase() === ACK_PROPERTY) continue
    bytes += name.length + encoder.encode(value).length
    if (bytes > COMMAND_BYTES_MAX) throw tooLarge()
    encoded += encodeURIComponent(name).length + encodeURIComponent(value).length + 2
    properties.push([name, value])
  }
  if (bytes > COMMAND_BYTES_MAX) throw tooLarge()
  if (encoded > ENCODED_PROPERTIES_CHARACTERS_MAX) {
    throw new CommandError('too-large', 'the properties, percent-encoded, are longer than an MQTT topic may be')
  }
  return { ...fields, ack, enqueued: now, expires: expiryOf(draft, now), properties, body }
}

function expiryOf({ expires, lifeMs }: CommandDraft, now: Timestamp): Timestamp {
  if (expires !== undefined) return timestampOf(Math.min(expires, now + COMMAND_LIFE_MS_MAX))
  if (lifeMs === undefined) return timestampOf(now + COMMAND_LIFE_MS)
  if (!Number.isSafeInteger(lifeMs) || lifeMs < COMMAND_LIFE_MS_MIN || lifeMs > COMMAND_LIFE_MS_MAX) {
    throw invalid('a message lives from a minute to two days')
  }
  return timestampOf(now + lifeMs)
}

function invalid(message: string): CommandError {
  return new CommandError('invalid', message)
}

function tooLarge(): CommandError {
  return new CommandError('too-large', `a message has at most ${COMMAND_BYTES_MAX} bytes, properties included`)
}
