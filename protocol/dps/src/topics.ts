/** The MQTT topics of provisioning (azure-iot.md §6). */

import { REQUEST_ID_CHARACTERS_MAX, TOPIC_CHARACTERS_MAX } from './limits.ts'
import { parseQueryString } from './query-string.ts'
import { isOperationId } from './registration-id.ts'

/** The only filter that a device may subscribe to. */
export const RESPONSE_FILTER = '$dps/registrations/res/#'

const REGISTER = '$dps/registrations/PUT/iotdps-register/?'
const POLL = '$dps/registrations/GET/iotdps-get-operationstatus/?'

export type RequestTopic =
  | { readonly kind: 'register'; readonly requestId: string; readonly force: boolean }
  | { readonly kind: 'poll'; readonly requestId: string; readonly operationId: string }

/**
 * What a device asks by publishing on `topic`; undefined if it is no request of provisioning.
 * `$rid` is kept as received: it goes back the same way, and clients compare it as text.
 */
export function parseRequestTopic(topic: string): RequestTopic | undefined {
  if (topic.length > TOPIC_CHARACTERS_MAX) return undefined
  const query = topic.startsWith(REGISTER) ? topic.slice(REGISTER.length) : undefined
  if (query !== undefined) {
    const fields = parseQueryString(query)
    const requestId = requestIdOf(query)
    if (fields === undefined || requestId === undefined) return undefined
    return { kind: 'register', requestId, force: fields.get('forceRegistration')?.toLowerCase() === 'true' }
  }
  if (!topic.startsWith(POLL)) return undefined
  const fields = parseQueryString(topic.slice(POLL.length))
  const requestId = requestIdOf(topic.slice(POLL.length))
  const operationId = fields?.get('operationId')
  if (operationId === undefined || !isOperationId(operationId) || requestId === undefined) return undefined
  return { kind: 'poll', requestId, operationId }
}

/**
 * The topic of an answer. `$rid` stands first and no other `$` may follow it: Python's SDK splits the topic at `$`.
 * @param answer.requestId from `parseRequestTopic`.
 * @param answer.retryAfterSeconds whole seconds.
 */
export function formatResponseTopic(answer: {
  readonly status: number
  readonly requestId: string
  readonly retryAfterSeconds?: number
}): string {
  const retry = answer.retryAfterSeconds === undefined ? '' : `&retry-after=${answer.retryAfterSeconds}`
  return `$dps/registrations/res/${answer.status}/?$rid=${answer.requestId}${retry}`
}

// Wildcards would make the answer's topic illegal, `$` breaks Python's parser, `/` Node's.
const REQUEST_ID = new RegExp(`^[^&=$#+/\\u0000-\\u0020\\u007f-\\u009f]{1,${REQUEST_ID_CHARACTERS_MAX}}$`)

function requestIdOf(query: string): string | undefined {
  const field = query.split('&').find((part) => part.startsWith('$rid='))
  const requestId = field?.slice('$rid='.length)
  return requestId !== undefined && REQUEST_ID.test(requestId) ? requestId : undefined
}
