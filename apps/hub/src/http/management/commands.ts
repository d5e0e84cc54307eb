/** Messages to devices for the command line and for back ends without AMQP: send and purge, in our own words. */

import { Api } from '@holdfast/api'
import { formatTimestamp } from '@holdfast/base'
import type { CommandDraft } from '@holdfast/commands'
import type { IdentityKey } from '@holdfast/identity'
import { COMMAND_BYTES_MAX } from '@holdfast/iothub'
import { readJson } from '../json-body.ts'
import { badRequest, Problem } from '../problem.ts'
import { time } from '../query.ts'
import { actorName } from './actor.ts'
import { type Call, json, parameter, type Route } from './route.ts'

export const COMMAND_ROUTES: readonly Route[] = [
  ...routes('/api/v1/devices/:device'),
  ...routes('/api/v1/devices/:device/modules/:module'),
]

function routes(identity: `/api/v1/${string}`): readonly Route[] {
  const path = `${identity}/messages` as const
  return [
    { method: 'POST', path, rights: ['ServiceConnect'], answer: send },
    { method: 'DELETE', path, rights: ['ServiceConnect'], answer: purge },
  ]
}

async function send(call: Call): Promise<Response> {
  const message = await readJson(call.context, Api.MessageToDevice)
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
  const answer: Api.MessageSent = {
    sequenceNumber: sent.sequenceNumber,
    ...(sent.messageId === undefined ? {} : { messageId: sent.messageId }),
    enqueuedTime: formatTimestamp(sent.enqueued),
    expiryTime: formatTimestamp(sent.expires),
  }
  return json(answer, 201)
}

async function purge(call: Call): Promise<Response> {
  const key = keyOf(call)
  if ((await call.services.registry.read(key)) === undefined) {
    throw new Problem({
      status: 404,
      code: 'missing',
      title: `the ${key.moduleId === undefined ? 'device' : 'module'} does not exist`,
      detail: 'check the id; ids are case-sensitive',
    })
  }
  const answer: Api.Purged = { messages: await call.services.commands.purge(key, actorName(call.actor)) }
  return json(answer)
}

function keyOf(call: Call): IdentityKey {
  const moduleId = call.context.req.param('module')
  return { deviceId: parameter(call, 'device'), ...(moduleId === undefined ? {} : { moduleId }) }
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
