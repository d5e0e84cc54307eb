/** The hub's service REST interface over real registers on stores in memory, and a way to ask it. */

import { feedbackQueue } from '@holdfast/commands'
import { identityText } from '@holdfast/identity'
import { countingRandom } from '@holdfast/identity/testing'
import type { PeerFacts } from '@holdfast/messaging'
import { type DesiredChange, Twins } from '@holdfast/twins'
import { MemoryTwinStore } from '@holdfast/twins/testing'
import { hubRoutes } from '../http/hub/index.ts'
import type { HubServices } from '../http/hub/services.ts'
import { HOST, stage } from './management-stage.ts'

const LOCAL: PeerFacts = { address: 'local', port: 0, transport: 'local', tlsVersion: '', tlsFingerprint: '' }
const REMOTE: PeerFacts = {
  address: '10.0.0.7',
  port: 4711,
  transport: 'https',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
}

/** As Node's SDK asks. */
export const API_VERSION = 'api-version=2021-04-12'

export interface HubAnswer {
  readonly status: number
  readonly headers: Headers
  /** The body as JSON; undefined without one. */
  readonly body: unknown
}

export interface HubRequest {
  readonly method: string
  /** With its query. */
  readonly target: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export async function hubStage(changes: Partial<HubServices> = {}) {
  const management = await stage()
  const random = countingRandom(7)
  const { clock, events } = management.services
  const twinStore = new MemoryTwinStore(events.sink)
  const pushed: DesiredChange[] = []
  const services: HubServices = {
    ...management.services,
    random,
    feedback: feedbackQueue({ store: management.commandStore, clock, random, events: events.sink }),
    twins: new Twins({
      store: twinStore,
      clock,
      random,
      desiredChanged: (change) => pushed.push(change),
    }),
    presence: {
      of: async (keys) =>
        keys.map((key) => {
          const connection = management.connected.get(identityText(key))
          return { isConnected: connection !== undefined, ...connection }
        }),
    },
    connected: () => management.connected.size,
    ...changes,
  }
  const app = hubRoutes(services)
  const send = async ({ method, target, body, headers = {} }: HubRequest, peer: PeerFacts): Promise<HubAnswer> => {
    const request = new Request(`https://${HOST}${target}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const response = await app.fetch(request, { peer })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
  }
  const withVersion = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}${API_VERSION}`
  return {
    ...management,
    services,
    /** Where tests make the twins of the identities they make. */
    twinStore,
    /** What was desired of devices. */
    pushed,
    /** As the operator; `path` without the api-version. */
    local: (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
      send({ method, target: withVersion(path), body, headers }, LOCAL),
    /** As a service with a token of the policy. */
    service: (policy: string, method: string, path: string, body?: unknown) =>
      send({ method, target: withVersion(path), body, headers: { authorization: management.token(policy) } }, REMOTE),
    /** From afar, as it stands. */
    remote: (request: HubRequest) => send(request, REMOTE),
  }
}

/** The code of a refusal, as Node's SDK finds it; '' for another body. */
export function codeOf({ body }: HubAnswer): string {
  const message = typeof body === 'object' && body !== null && 'Message' in body ? String(body.Message) : ''
  return message.split(';')[0]?.split(':')[1] ?? ''
}
