/** Messages to devices over REST (azure-iot.md §8): the purge of a queue, and feedback for those who do not speak AMQP. */

import { formatTimestamp } from '@holdfast/base'
import { FEEDBACK_CONTENT_TYPE, type Outcome } from '@holdfast/commands'
import { actorName } from '../../people/actor.ts'
import { empty, json } from './answer.ts'
import { HubError } from './errors.ts'
import { identityOf, parameter } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

const FEEDBACK = '/messages/serviceBound/feedback'

export const COMMAND_ROUTES: readonly HubRoute[] = [
  { method: 'DELETE', path: '/devices/:device/commands', rights: ['ServiceConnect'], answer: purge },
  { method: 'DELETE', path: '/devices/:device/modules/:module/commands', rights: ['ServiceConnect'], answer: purge },
  { method: 'GET', path: FEEDBACK, rights: ['ServiceConnect'], answer: receiveFeedback },
  { method: 'DELETE', path: `${FEEDBACK}/:lock`, rights: ['ServiceConnect'], answer: completeFeedback },
  { method: 'POST', path: `${FEEDBACK}/:lock/abandon`, rights: ['ServiceConnect'], answer: abandonFeedback },
]

async function purge(call: HubCall): Promise<Response> {
  const key = identityOf(call)
  if ((await call.services.registry.read(key)) === undefined) {
    const isModule = key.moduleId !== undefined
    throw new HubError(isModule ? 'ModuleNotFound' : 'DeviceNotFound', 'There is none of this id.')
  }
  const totalMessagesPurged = await call.services.commands.purge(key, actorName(call.actor))
  return json({ totalMessagesPurged, deviceId: key.deviceId, moduleId: key.moduleId ?? null })
}

/** One batch under a lock of a minute, as devices get their messages (§4): 204 when there is none. */
async function receiveFeedback({ services }: HubCall): Promise<Response> {
  const delivery = await services.feedback.receive()
  if (delivery === undefined) return empty()
  const { value, lockToken, sequenceNumber, enqueued, expires, deliveryCount } = delivery
  return new Response(Uint8Array.from(value), {
    status: 200,
    headers: {
      'content-type': FEEDBACK_CONTENT_TYPE,
      etag: `"${lockToken}"`,
      'iothub-sequencenumber': String(sequenceNumber),
      'iothub-enqueuedtime': formatTimestamp(enqueued),
      'iothub-expiry': formatTimestamp(expires),
      'iothub-deliverycount': String(deliveryCount),
    },
  })
}

/** With a parameter `reject`, as on the device side, it is rejected: it goes just the same. */
function completeFeedback(call: HubCall): Promise<Response> {
  const isRejected = call.context.req.query('reject') !== undefined
  return settle(call, isRejected ? 'reject' : 'complete')
}

function abandonFeedback(call: HubCall): Promise<Response> {
  return settle(call, 'abandon')
}

async function settle(call: HubCall, outcome: Outcome): Promise<Response> {
  const result = await call.services.feedback.settle(parameter(call, 'lock'), outcome)
  if (result === 'lock-lost') throw new HubError('DeviceMessageLockLost', 'The lock has ended, or there was none.')
  return empty()
}
