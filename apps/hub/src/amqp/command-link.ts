/** Messages to devices as a back end sends them (azure-iot.md §5.5). */

import type { AmqpMessage, AmqpRefusal, IncomingDelivery, IncomingHandler, MessageId, Value } from '@holdfast/amqp'
import { Uuid } from '@holdfast/amqp'
import type { Ack, CommandDraft, CommandProperty } from '@holdfast/commands'
import { timestampOf } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import { pathOf } from './address.ts'
import type { CommandOutcome } from './contract.ts'

export interface CommandLinkParts {
  readonly send: (draft: CommandDraft) => Promise<CommandOutcome>
  readonly failed: (error: unknown) => void
}

const ACK_PROPERTY = 'iothub-ack'
/** The last moment that a timestamp can name. */
const TIME_MAX = 8_640_000_000_000_000

const CONDITIONS: Readonly<Record<string, AmqpRefusal['condition']>> = {
  'device-missing': 'amqp:not-found',
  'module-missing': 'amqp:not-found',
  'queue-full': 'amqp:resource-limit-exceeded',
  'too-large': 'amqp:link:message-size-exceeded',
  invalid: 'com.microsoft:argument-error',
  throttled: 'com.microsoft:device-container-throttled',
}

/** The handler of one `/messages/devicebound` link. */
export function commandLink({ send, failed }: CommandLinkParts): IncomingHandler {
  const take = async (delivery: IncomingDelivery): Promise<void> => {
    const draft = draftOf(delivery.message)
    if ('condition' in draft) {
      delivery.reject(draft)
      return
    }
    const outcome = await send(draft)
    if (outcome.kind === 'sent') delivery.accept()
    else delivery.reject({ condition: CONDITIONS[outcome.code] ?? 'amqp:internal-error', description: outcome.detail })
  }
  return {
    message: (delivery) => {
      take(delivery).catch((error: unknown) => {
        failed(error)
        delivery.reject({ condition: 'amqp:internal-error', description: 'the message could not be stored' })
      })
    },
    closed: () => {},
  }
}

/** What a message asks for, or why not. */
export function draftOf(message: AmqpMessage): CommandDraft | AmqpRefusal {
  const key = keyOf(message.to ?? '')
  if (key === undefined) {
    return invalid('to is /devices/{id}/messages/devicebound, or with /modules/{id} before messages')
  }
  if (message.body.kind === 'value' || message.body.kind === 'sequence') {
    return invalid('the body of a message to a device is data')
  }
  const properties: CommandProperty[] = []
  let ack: Ack | undefined
  for (const [name, value] of message.applicationProperties) {
    const text = textOf(value)
    if (typeof name !== 'string' || text === undefined) return invalid('application properties are texts by name')
    if (name.toLowerCase() === ACK_PROPERTY) {
      ack = ackOf(text)
      if (ack === undefined) return invalid('iothub-ack is none, positive, negative or full')
    } else properties.push([name, text])
  }
  const { messageId, correlationId, userId, contentType, contentEncoding, absoluteExpiryTime } = message
  return {
    key,
    ...(messageId === undefined ? {} : { messageId: idText(messageId) }),
    ...(correlationId === undefined ? {} : { correlationId: idText(correlationId) }),
    ...(userId === undefined ? {} : { userId: Buffer.from(userId).toString('utf8') }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(ack === undefined ? {} : { ack }),
    ...(absoluteExpiryTime === undefined
      ? {}
      : { expires: timestampOf(Math.max(0, Math.min(TIME_MAX, Math.trunc(absoluteExpiryTime)))) }),
    properties,
    body: message.body.kind === 'data' ? Uint8Array.from(message.body.bytes) : new Uint8Array(0),
  }
}

function keyOf(to: string): IdentityKey | undefined {
  const [devices, deviceId, word, moduleId, ...rest] = pathOf(to)
  if (devices?.toLowerCase() !== 'devices' || deviceId === undefined) return undefined
  if (word?.toLowerCase() === 'messages' && rest.length === 0 && moduleId?.toLowerCase() === 'devicebound') {
    return { deviceId }
  }
  const isModule =
    word?.toLowerCase() === 'modules' && rest.map((part) => part.toLowerCase()).join('/') === 'messages/devicebound'
  return isModule && moduleId !== undefined ? { deviceId, moduleId } : undefined
}

function ackOf(text: string): Ack | undefined {
  const lower = text.toLowerCase()
  return lower === 'none' || lower === 'positive' || lower === 'negative' || lower === 'full' ? lower : undefined
}

function idText(id: MessageId): string {
  return id instanceof Uint8Array ? Buffer.from(id).toString('base64') : String(id)
}

function textOf(value: Value): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof Uuid) return String(value)
  return value === null ? '' : undefined
}

function invalid(description: string): AmqpRefusal {
  return { condition: 'com.microsoft:argument-error', description }
}
