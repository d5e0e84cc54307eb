/** Direct methods for the command line: the same calls as Azure's address, in our own words. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { METHOD_RESPONSE_SECONDS } from '@holdfast/iothub'
import { faultOf, type MethodCall } from '@holdfast/methods'
import { methodAnswerText, type MethodFailure, methodFailureText } from '../method-refusal.ts'
import { badRequest, Problem, type ProblemFacts } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { existing, keyOf, type Named } from './identity-named.ts'
import { type Call, type Route, serve } from './route.ts'

const { command } = OPERATIONS

export const METHOD_ROUTES: readonly Route[] = [serve(command.invoke, invoke), serve(command.invokeOfModule, invoke)]

const encoder = new TextEncoder()

async function invoke(call: Call & Named & { readonly body: Api.MethodCall }): Promise<Response> {
  const { name, payload, responseTimeoutSeconds, connectTimeoutSeconds } = call.body
  const key = keyOf(call)
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
  await existing(call, key)
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
