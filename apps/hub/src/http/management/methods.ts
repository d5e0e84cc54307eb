/** Direct methods for the command line: the same calls as Azure's address, in our own words. */

import { Api } from '@holdfast/api'
import { METHOD_RESPONSE_SECONDS } from '@holdfast/iothub'
import { faultOf, type MethodCall } from '@holdfast/methods'
import { readJson } from '../json-body.ts'
import { methodAnswerText, type MethodFailure, methodFailureText } from '../method-refusal.ts'
import { badRequest, Problem, type ProblemFacts } from '../problem.ts'
import { actorName } from './actor.ts'
import { type Call, parameter, type Route } from './route.ts'

export const METHOD_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/api/v1/devices/:device/methods', rights: ['ServiceConnect'], answer: invoke },
  {
    method: 'POST',
    path: '/api/v1/devices/:device/modules/:module/methods',
    rights: ['ServiceConnect'],
    answer: invoke,
  },
]

const encoder = new TextEncoder()

async function invoke(call: Call): Promise<Response> {
  const { name, payload, responseTimeoutSeconds, connectTimeoutSeconds } = await readJson(call.context, Api.MethodCall)
  const moduleId = call.context.req.param('module')
  const key = { deviceId: parameter(call, 'device'), ...(moduleId === undefined ? {} : { moduleId }) }
  const method: MethodCall = {
    name,
    payload: encoder.encode(JSON.stringify(payload ?? null)),
    responseTimeoutSeconds: responseTimeoutSeconds ?? METHOD_RESPONSE_SECONDS,
    connectTimeoutSeconds: connectTimeoutSeconds ?? 0,
  }
  const fault = faultOf(method)
  if (fault !== undefined) {
    const isTooLarge = fault === 'payload-too-large'
    throw badRequest([
      isTooLarge
        ? { path: '/payload', message: 'is longer than 128 KiB' }
        : { path: '/name', message: 'has 1 to 100 characters, none of them a control character' },
    ])
  }
  if ((await call.services.registry.read(key)) === undefined) {
    throw new Problem({
      status: 404,
      code: 'missing',
      title: `the ${moduleId === undefined ? 'device' : 'module'} does not exist`,
      detail: 'check the id; ids are case-sensitive',
    })
  }
  const outcome = await call.services.methods.invoke(key, method, actorName(call.actor), call.context.env.signal)
  if (outcome.kind !== 'answered') throw failureAsProblem(outcome)
  return new Response(methodAnswerText(outcome), { status: 200, headers: { 'content-type': 'application/json' } })
}

const ROWS: Readonly<Record<MethodFailure['kind'], readonly [status: ProblemFacts['status'], detail: string]>> = {
  'not-online': [404, 'see that it is connected and has a handler for methods, or give it time to connect'],
  closed: [404, 'it may have done what was asked; ask it again when it is back'],
  'no-answer': [504, 'it may have done what was asked; give it more time'],
  'bad-answer': [502, 'the fault is in the program on the device'],
  busy: [429, 'wait until some of them have ended'],
  deleted: [404, 'what is made anew under its id is another device'],
  left: [503, 'nobody reads this'],
  ended: [503, 'try again when it runs'],
}

function failureAsProblem(failure: MethodFailure): Problem {
  const [status, detail] = ROWS[failure.kind]
  const sentence = methodFailureText(failure)
  const title = sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
  return new Problem({ status, code: `method-${failure.kind}`, title, detail })
}
