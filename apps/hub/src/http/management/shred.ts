/** Deleting a device so that nothing of its secrets can be read any more. */

import { OPERATIONS } from '@holdfast/api'
import { actorName } from '../../people/actor.ts'
import { type Route, serve } from './route.ts'

export const SHRED_ROUTES: readonly Route[] = [
  // It renews the hub's keys: more than whoever may write the registry may ask for.
  serve(OPERATIONS.shred.device, async ({ services, path, body: { finish = false }, actor }) =>
    services.shredder.shred(path.id, finish, actorName(actor)),
  ),
]
