/** A device asks the provisioning service, over MQTT, which hub and which id are its own (azure-iot.md §6). */

import { RESPONSE_FILTER } from '@holdfast/dps'
import { tokenFor } from './device.ts'
import { PROVISIONING_MS_MAX } from './limits.ts'
import { MqttSocket, type Server } from './mqtt-socket.ts'

const API_VERSION = '2019-03-31'
const POLL_SECONDS = 2

export interface Assignment {
  readonly deviceId: string
  readonly assignedHub: string
}

/** @throws Error when the service refuses, or does not assign in time. */
export function provision(
  server: Server,
  device: { readonly idScope: string; readonly registrationId: string; readonly key: string },
): Promise<Assignment> {
  const { idScope, registrationId, key } = device
  const resource = `${idScope}/registrations/${registrationId}`
  return new Promise((resolve, reject) => {
    let requests = 0
    let poll: NodeJS.Timeout | undefined
    let answered: (() => void) | undefined
    const finish = (done: () => void): void => {
      if (answered !== undefined) return
      answered = done
      clearTimeout(poll)
      clearTimeout(limit)
      socket.leave()
    }
    const fail = (why: string): void => finish(() => reject(new Error(`${registrationId} was not provisioned: ${why}`)))
    const ask = (operation: string, body: object): void => {
      requests += 1
      socket.publish(`$dps/registrations/${operation}$rid=${requests}`, Buffer.from(JSON.stringify(body)))
    }
    const limit = setTimeout(() => fail('no answer in time'), PROVISIONING_MS_MAX)
    const socket = new MqttSocket(
      {
        server,
        connect: {
          clientId: registrationId,
          cleanSession: true,
          keepAliveSeconds: 60,
          username: `${resource}/api-version=${API_VERSION}&ClientVersion=holdfast-fleet`,
          password: tokenFor(resource, key, 'registration'),
        },
      },
      {
        onOpen: () => socket.subscribe(RESPONSE_FILTER),
        onPuback: () => undefined,
        onSuback: (_id, [code]) => {
          if (code === 128) fail('it may not subscribe')
          else ask('PUT/iotdps-register/?', { registrationId })
        },
        onPublish: ({ topic, payload }) => {
          const answer = readAnswer(topic, payload)
          if (answer.kind === 'assigned') finish(() => resolve(answer.assignment))
          else if (answer.kind === 'failed') fail(answer.why)
          else {
            const { operationId } = answer
            poll = setTimeout(
              () => ask(`GET/iotdps-get-operationstatus/?operationId=${encodeURIComponent(operationId)}&`, {}),
              answer.retrySeconds * 1000,
            )
          }
        },
        onEnd: (end) => {
          if (answered === undefined) {
            clearTimeout(poll)
            clearTimeout(limit)
            const why =
              end.kind === 'refused' ? `CONNACK ${end.code}` : end.kind === 'lost' ? end.detail : 'the connection ended'
            reject(new Error(`${registrationId} was not provisioned: ${why}`))
          } else {
            answered()
          }
        },
      },
    )
  })
}

type Answer =
  | { readonly kind: 'assigning'; readonly operationId: string; readonly retrySeconds: number }
  | { readonly kind: 'assigned'; readonly assignment: Assignment }
  | { readonly kind: 'failed'; readonly why: string }

/** The answer on `$dps/registrations/res/{status}/?$rid=…[&retry-after=…]`. */
export function readAnswer(topic: string, payload: Uint8Array): Answer {
  const [, status = '', query = ''] = /^\$dps\/registrations\/res\/(\d+)\/\?(.*)$/.exec(topic) ?? []
  let body: unknown
  try {
    body = JSON.parse(Buffer.from(payload).toString('utf8'))
  } catch {
    return { kind: 'failed', why: 'the answer is no JSON' }
  }
  const field = (from: unknown, name: string): unknown =>
    typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined
  const text = (from: unknown, name: string): string => {
    const value = field(from, name)
    return typeof value === 'string' ? value : ''
  }
  if (!(Number(status) >= 200 && Number(status) < 300)) {
    return { kind: 'failed', why: `${status} ${text(body, 'message')}`.trim() }
  }
  const state = field(body, 'registrationState')
  const deviceId = field(state, 'deviceId')
  const assignedHub = field(state, 'assignedHub')
  const operationId = field(body, 'operationId')
  switch (field(body, 'status')) {
    case 'assigned':
      if (typeof deviceId !== 'string' || typeof assignedHub !== 'string') break
      return { kind: 'assigned', assignment: { deviceId, assignedHub } }
    case 'assigning': {
      if (typeof operationId !== 'string') break
      const retry = Number(new URLSearchParams(query).get('retry-after') ?? POLL_SECONDS)
      return { kind: 'assigning', operationId, retrySeconds: retry >= 0 && retry <= 30 ? retry : POLL_SECONDS }
    }
    case 'failed':
      return { kind: 'failed', why: text(state, 'errorMessage') || 'the service failed it' }
    default:
  }
  return { kind: 'failed', why: 'the answer is not one of provisioning' }
}
