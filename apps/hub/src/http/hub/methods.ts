/** Direct methods (azure-iot.md §8): the request stays open until the device has answered, or its time is over. */

import Type from 'typebox'
import {
  METHOD_CONNECT_SECONDS_MAX,
  METHOD_PAYLOAD_BYTES_MAX,
  METHOD_RESPONSE_SECONDS,
  METHOD_RESPONSE_SECONDS_MAX,
  METHOD_RESPONSE_SECONDS_MIN,
  type RestErrorCode,
} from '@holdfast/iothub'
import { isMethodName, memberText, METHOD_NAME_CHARACTERS_MAX, type MethodCall } from '@holdfast/methods'
import { actorName } from '../../people/actor.ts'
import { methodAnswerText, type MethodFailure, methodFailureText, waited } from '../method-refusal.ts'
import { HubError } from './errors.ts'
import { checked, identityOf, readBody } from './request.ts'
import type { HubCall, HubRoute } from './routes.ts'

export const METHOD_ROUTES: readonly HubRoute[] = [
  { method: 'POST', path: '/twins/:device/methods', rights: ['ServiceConnect'], answer: invoke },
  { method: 'POST', path: '/twins/:device/modules/:module/methods', rights: ['ServiceConnect'], answer: invoke },
]

/** The names of Node's SDK; C and Python write the same. */
const Invocation = Type.Object({
  methodName: Type.String(),
  payload: Type.Optional(Type.Unknown()),
  responseTimeoutInSeconds: Type.Optional(
    Type.Union([
      Type.Integer({ minimum: METHOD_RESPONSE_SECONDS_MIN, maximum: METHOD_RESPONSE_SECONDS_MAX }),
      Type.Null(),
    ]),
  ),
  connectTimeoutInSeconds: Type.Optional(
    Type.Union([Type.Integer({ minimum: 0, maximum: METHOD_CONNECT_SECONDS_MAX }), Type.Null()]),
  ),
})

/** Enough to tell a payload that is too large from a body that nobody means. */
const BODY_BYTES_MAX = METHOD_PAYLOAD_BYTES_MAX * 2

const decoder = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

async function invoke(call: HubCall): Promise<Response> {
  const { services, actor } = call
  const key = identityOf(call)
  const method = readCall(await readBody(call, BODY_BYTES_MAX))
  if ((await services.registry.read(key)) === undefined) {
    const isModule = key.moduleId !== undefined
    throw new HubError(
      isModule ? 'ModuleNotFound' : 'DeviceNotFound',
      `There is no ${isModule ? 'module' : 'device'} of this id.`,
    )
  }
  const outcome = await services.methods.invoke(key, method, actorName(actor), call.context.env.signal)
  if (outcome.kind !== 'answered') throw failureAsHubError(outcome, method)
  const type = { 'content-type': 'application/json; charset=utf-8' }
  return new Response(methodAnswerText(outcome), { status: 200, headers: type })
}

function readCall(body: Uint8Array): MethodCall {
  const text = textOf(body)
  const { methodName, responseTimeoutInSeconds, connectTimeoutInSeconds } = checked(parse(text), Invocation)
  if (!isMethodName(methodName)) {
    const rule = `methodName has 1 to ${METHOD_NAME_CHARACTERS_MAX} characters, none of them a control character`
    throw new HubError('ArgumentInvalid', `${rule}.`)
  }
  const payload = encoder.encode(memberText(text, 'payload') ?? 'null')
  if (payload.length > METHOD_PAYLOAD_BYTES_MAX) {
    throw new HubError('MessageTooLarge', `The payload is longer than ${METHOD_PAYLOAD_BYTES_MAX} bytes.`)
  }
  return {
    name: methodName,
    payload,
    responseTimeoutSeconds: responseTimeoutInSeconds ?? METHOD_RESPONSE_SECONDS,
    connectTimeoutSeconds: connectTimeoutInSeconds ?? 0,
  }
}

function textOf(body: Uint8Array): string {
  if (body.length === 0) throw new HubError('ArgumentNull', 'This request needs a body.')
  try {
    return decoder.decode(body)
  } catch {
    throw notJson()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw notJson()
  }
}

function notJson(): HubError {
  return new HubError('IotHubFormatError', 'The body is not JSON in UTF-8.')
}

const CODES: Readonly<Record<MethodFailure['kind'], RestErrorCode>> = {
  'not-online': 'DeviceNotOnline',
  closed: 'DeviceConnectionClosedRemotely',
  'no-answer': 'GatewayTimeout',
  'bad-answer': 'InvalidDeviceResponse',
  busy: 'ThrottlingException',
  deleted: 'DeviceNotFound',
  left: 'ServiceUnavailable',
  ended: 'ServiceUnavailable',
}

/** Seconds after which a caller that was told "too many" may find room. */
const RETRY_SECONDS = '5'

function failureAsHubError(failure: MethodFailure, call: MethodCall): HubError {
  const code = CODES[failure.kind]
  const message = methodFailureText(failure)
  // These two are the caller's to try again, and have the common form.
  if (failure.kind === 'busy' || failure.kind === 'ended') {
    return new HubError(code, message, { headers: { 'retry-after': RETRY_SECONDS } })
  }
  if (failure.kind === 'deleted' || failure.kind === 'left') return new HubError(code, message)
  return new HubError(code, message, { methodInfo: { ...waited(failure, call) } })
}
