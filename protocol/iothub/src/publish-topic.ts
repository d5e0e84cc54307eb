/** The topics that devices and modules publish to (azure-iot.md §3.1). Every other one ends the connection. */

import { HubFormatError } from './errors.ts'
import type { DeviceOrModule } from './ids.ts'
import { REQUEST_ID_CHARACTERS_MAX, TOPIC_CHARACTERS_MAX } from './limits.ts'
import { decodeComponent, splitQuery } from './parameters.ts'

export type PublishTopic =
  /** `bag` as received and not checked: `isWellFormedBag` does. */
  | { readonly kind: 'telemetry'; readonly bag: string }
  | { readonly kind: 'twin-get'; readonly requestId: string }
  /** `version`: the reported section that the patch builds on, when the device says so. */
  | { readonly kind: 'reported-patch'; readonly requestId: string; readonly version?: number }
  | { readonly kind: 'method-response'; readonly requestId: string; readonly status: number }
  | { readonly kind: 'certificate-request'; readonly requestId: string }

/**
 * What the identity's telemetry topics begin with, as most clients write them; for the fast check of
 * `telemetryBag`. Where the id has characters that some clients encode, `parsePublishTopic` knows the other forms.
 */
export function eventsTopicPrefix(identity: DeviceOrModule): string {
  const module = identity.moduleId === undefined ? '' : `/modules/${identity.moduleId}`
  return `devices/${identity.deviceId}${module}/messages/events/`
}

/** The bag of a telemetry topic that begins with `prefix`, or undefined for any other topic. Takes no bag apart. */
export function telemetryBag(topic: string, prefix: string): string | undefined {
  return topic.startsWith(prefix) ? bagOf(topic, prefix.length) : undefined
}

/**
 * Reads a topic that `identity` publishes to. Ids in it may be percent-encoded (Python does) or not.
 * Request ids are opaque and come back as received.
 * @throws HubFormatError `unknown-topic`, `foreign-topic`, `bad-topic`.
 */
export function parsePublishTopic(topic: string, identity: DeviceOrModule): PublishTopic {
  if (topic.length > TOPIC_CHARACTERS_MAX) throw new HubFormatError('unknown-topic', 'the topic is too long')
  if (topic.startsWith('$iothub/')) return parseServiceTopic(topic)
  const at = /^devices\/[^/]+(?:\/modules\/[^/]+)?\/messages\/events(?:\/|$)/.exec(topic)?.[0].length
  if (at === undefined) throw new HubFormatError('unknown-topic', 'the topic is not one of the hub')
  const [, deviceId = '', modules, moduleId = ''] = topic.slice(0, at).split('/')
  const isOwn =
    isSameId(deviceId, identity.deviceId) &&
    (modules === 'modules'
      ? identity.moduleId !== undefined && isSameId(moduleId, identity.moduleId)
      : identity.moduleId === undefined)
  if (!isOwn) throw new HubFormatError('foreign-topic', 'the topic is of another identity')
  return { kind: 'telemetry', bag: bagOf(topic, at) }
}

/** Whether `text` of a topic is the id, encoded or not. */
export function isSameId(text: string, id: string): boolean {
  return text === id || decodeComponent(text) === id
}

/** Node puts one more slash behind the bag of a module's output. */
function bagOf(topic: string, at: number): string {
  return topic.endsWith('/') && topic.length > at ? topic.slice(at, -1) : topic.slice(at)
}

const TWIN_GET = '$iothub/twin/GET/'
const REPORTED_PATCH = '$iothub/twin/PATCH/properties/reported/'
const METHOD_RESPONSE = /^\$iothub\/methods\/res\/(-?[0-9]{1,10})\//
const CERTIFICATE_REQUEST = '$iothub/credentials/POST/issueCertificate/'

function parseServiceTopic(topic: string): PublishTopic {
  if (topic.startsWith(TWIN_GET)) {
    return { kind: 'twin-get', requestId: requestIdOf(parametersOf(topic, TWIN_GET.length)) }
  }
  if (topic.startsWith(REPORTED_PATCH)) {
    const parameters = parametersOf(topic, REPORTED_PATCH.length)
    const requestId = requestIdOf(parameters)
    const version = parameters.get('$version') ?? parameters.get('%24version')
    return version === undefined
      ? { kind: 'reported-patch', requestId }
      : { kind: 'reported-patch', requestId, version: integerOf(version) }
  }
  if (topic.startsWith(CERTIFICATE_REQUEST)) {
    return { kind: 'certificate-request', requestId: requestIdOf(parametersOf(topic, CERTIFICATE_REQUEST.length)) }
  }
  const response = METHOD_RESPONSE.exec(topic)
  if (response === null) throw new HubFormatError('unknown-topic', 'the topic is not one of the hub')
  return {
    kind: 'method-response',
    requestId: requestIdOf(parametersOf(topic, response[0].length)),
    status: integerOf(response[1] ?? ''),
  }
}

/** The parameters behind `?`. */
function parametersOf(topic: string, at: number): ReadonlyMap<string, string> {
  if (topic[at] !== '?') throw new HubFormatError('bad-topic', 'the topic has no parameters')
  const parameters = splitQuery(topic.slice(at + 1))
  if (parameters === undefined) throw new HubFormatError('bad-topic', 'a parameter of the topic stands twice')
  return parameters
}

function requestIdOf(parameters: ReadonlyMap<string, string>): string {
  const requestId = parameters.get('$rid') ?? parameters.get('%24rid')
  if (requestId === undefined || requestId === '' || requestId.length > REQUEST_ID_CHARACTERS_MAX) {
    throw new HubFormatError('bad-topic', 'the topic has no request id')
  }
  return requestId
}

function integerOf(text: string): number {
  const value = /^-?[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new HubFormatError('bad-topic', 'a number of the topic is none')
  return value
}
