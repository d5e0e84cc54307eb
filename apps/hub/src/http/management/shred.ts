/** Deleting a device so that nothing of its secrets can be read any more. */

import { Api } from '@holdfast/api'
import { readJson } from '../json-body.ts'
import { actorName, OWNER } from './actor.ts'
import { type Call, json, parameter, type Route } from './route.ts'

export const SHRED_ROUTES: readonly Route[] = [
  // It renews the hub's keys: more than whoever may write the registry may ask for.
  { method: 'POST', path: '/api/v1/devices/:device/shred', rights: OWNER, answer: shred },
]

async function shred(call: Call): Promise<Response> {
  const { finish = false } = await readJson(call.context, Api.ShredRequest)
  return json(await call.services.shredder.shred(parameter(call, 'device'), finish, actorName(call.actor)))
}
