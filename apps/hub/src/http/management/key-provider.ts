/** Where the key that wraps all others lives: shown, moved, rotated. */

import { type Api, OPERATIONS } from '@holdfast/api'
import { KeyError, type KeyErrorCode } from '@holdfast/keys'
import { keyFaults, wishOf } from '../../keys/key-settings.ts'
import { badRequest, Problem, type ProblemFacts } from '../../core/problem.ts'
import { actorName } from '../../people/actor.ts'
import { type Asked, type Route, serve } from './route.ts'

const { keyProvider } = OPERATIONS

export const KEY_PROVIDER_ROUTES: readonly Route[] = [
  serve(keyProvider.show, async ({ services }) => services.custody.show()),
  serve(keyProvider.set, set),
  serve(keyProvider.rotate, async ({ services, actor }) => {
    try {
      return await services.custody.rotate(actorName(actor))
    } catch (error) {
      throw explained(error)
    }
  }),
]

/** It names a module that is loaded, and files that are read, on the hub's machine: it is served there alone. */
async function set({ services, body, actor }: Asked<typeof keyProvider.set>): Promise<Api.KeyProvider> {
  const { secret: encoded, ...asked } = body
  const faults = keyFaults(asked)
  if (faults.length > 0) throw badRequest(faults.map((message) => ({ path: '', message })))
  const secret = encoded === undefined ? undefined : Buffer.from(encoded, 'base64')
  try {
    return await services.custody.set(wishOf(asked), secret, actorName(actor))
  } catch (error) {
    throw explained(error)
  } finally {
    secret?.fill(0)
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
