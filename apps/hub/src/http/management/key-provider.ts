/** Where the key that wraps all others lives: shown, moved, rotated. */

import { Api } from '@holdfast/api'
import { KeyError, type KeyErrorCode } from '@holdfast/keys'
import { keyFaults, wishOf } from '../../keys/key-settings.ts'
import { readJson } from '../json-body.ts'
import { badRequest, Problem, type ProblemFacts } from '../problem.ts'
import { readQuery } from '../query.ts'
import { actorName, OWNER } from './actor.ts'
import { type Call, json, type Route } from './route.ts'

const PATH = '/api/v1/key-provider'

export const KEY_PROVIDER_ROUTES: readonly Route[] = [
  { method: 'GET', path: PATH, rights: OWNER, answer: show },
  { method: 'POST', path: PATH, rights: OWNER, answer: set },
  { method: 'POST', path: `${PATH}/rotate`, rights: OWNER, answer: rotate },
]

async function show({ context, services }: Call): Promise<Response> {
  readQuery(context, {})
  return json(services.custody.show())
}

async function set({ context, services, actor }: Call): Promise<Response> {
  // It names a module that is loaded, and files that are read, on the hub's machine.
  if (context.env.peer.transport !== 'local') {
    throw new Problem({
      status: 403,
      code: 'local-only',
      title: 'keys are moved on the machine of the hub alone',
      detail: 'run holdfast keys provider set there, as the user of the hub',
    })
  }
  const { secret: encoded, ...asked } = await readJson(context, Api.KeyProviderChange)
  const faults = keyFaults(asked)
  if (faults.length > 0) throw badRequest(faults.map((message) => ({ path: '', message })))
  const secret = encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
  try {
    return json(await services.custody.set(wishOf(asked), secret, actorName(actor)))
  } catch (error) {
    throw explained(error)
  } finally {
    secret?.fill(0)
  }
}

async function rotate({ services, actor }: Call): Promise<Response> {
  try {
    return json(await services.custody.rotate(actorName(actor)))
  } catch (error) {
    throw explained(error)
  }
}

const STATUSES: Readonly<Partial<Record<KeyErrorCode, ProblemFacts['status']>>> = {
  refused: 400,
  exposed: 400,
  'secret-missing': 400,
  configured: 409,
  missing: 409,
  unavailable: 503,
}

/** Messages of a KeyError are ours, and say what to do. */
function explained(error: unknown): unknown {
  if (!(error instanceof KeyError)) return error
  const status = STATUSES[error.code]
  if (status === undefined) return error
  const facts = { status, code: error.code, title: 'the keys are where they were', detail: error.message }
  return new Problem(facts, { cause: error })
}
