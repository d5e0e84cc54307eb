/** Messages to devices for the command line and for back ends without AMQP: send and purge, in our own words. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { CommandDraft } from '@holdfast/commands'
import { COMMAND_BYTES_MAX } from '@holdfast/iothub'
import { badRequest } from '../../core/problem.ts'
import { time } from '../query.ts'
import { actorName } from '../../people/actor.ts'
import { existing, keyOf, type Named } from './identity-named.ts'
import { type Call, type Route, serve } from './route.ts'

const { command } = OPERATIONS

export const COMMAND_ROUTES: readonly Route[] = [
  serve(command.send, send),
  serve(command.purge, purge),
  serve(command.sendToModule, send),
  serve(command.purgeOfModule, purge),
]

async function send(call: Call & Named & { readonly body: Api.MessageToDevice }): Promise<Api.MessageSent> {
  const message = call.body
  const { messageId, correlationId, userId, contentType, contentEncoding, ack, lifeSeconds } = message
  const expires = expiryOf(message)
  if (expires !== undefined && lifeSeconds !== undefined) {
    throw badRequest([{ path: '/lifeSeconds', message: 'is not given beside expiryTime' }])
  }
  const draft: CommandDraft = {
    key: keyOf(call),
    ...(messageId === undefined ? {} : { messageId }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(userId === undefined ? {} : { userId }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(ack === undefined ? {} : { ack }),
    ...(expires === undefined ? {} : { expires }),
    ...(lifeSeconds === undefined ? {} : { lifeMs: lifeSeconds * 1000 }),
    properties: Object.entries(message.properties ?? {}),
    body: bodyOf(message),
  }
  const sent = await call.services.commands.send(draft, actorName(call.actor))
  return {
    sequenceNumber: sent.sequenceNumber,
    ...(sent.messageId === undefined ? {} : { messageId: sent.messageId }),
    enqueuedTime: formatTimestamp(sent.enqueued),
    expiryTime: formatTimestamp(sent.expires),
  }
}

async function purge(call: Call & Named): Promise<Api.Purged> {
  const key = keyOf(call)
  await existing(call, key)
  return { messages: await call.services.commands.purge(key, actorName(call.actor)) }
}

function expiryOf({ expiryTime }: Api.MessageToDevice): CommandDraft['expires'] {
  if (expiryTime === undefined) return undefined
  const read = time(expiryTime)
  if ('fault' in read) throw badRequest([{ path: '/expiryTime', message: read.fault }])
  return read.value
}

function bodyOf({ body = '', bodyEncoding = 'utf8' }: Api.MessageToDevice): Uint8Array {
  if (bodyEncoding === 'base64') {
    const bytes = Buffer.from(body, 'base64')
    // Node's decoder skips what is no base64; what the sender meant would not be what the device gets.
    if (bytes.toString('base64').replace(/=+$/, '') !== body.replace(/=+$/, '')) {
      throw badRequest([{ path: '/body', message: 'is not base64' }])
    }
    return bytes
  }
  if (!body.isWellFormed()) throw badRequest([{ path: '/body', message: 'is no text that has a UTF-8 form' }])
  const bytes = Buffer.from(body, 'utf8')
  if (bytes.length > COMMAND_BYTES_MAX) {
    throw badRequest([{ path: '/body', message: `has at most ${COMMAND_BYTES_MAX} bytes` }])
  }
  return bytes
}
