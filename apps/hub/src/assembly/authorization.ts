/** Who may do what: organisations, roles and decisions. */

import { ACTIONS } from '@holdfast/api'
import { Access } from '@holdfast/authorization'
import { CedarEngine } from '@holdfast/cedar'
import type { Registry } from '@holdfast/identity'
import type { Storage } from '../core/storage.ts'
import { AuthorizationOffice } from '../people/authorization-office.ts'
import type { Ground } from './ground.ts'

/** Bytes of an ETag: nobody meets one of another version by chance. */
const ETAG_BYTES = 12

export async function openAuthorization(
  { clock, random, events, damaged }: Ground,
  { state, registry }: { readonly state: Storage['state']; readonly registry: Registry },
): Promise<AuthorizationOffice> {
  const access = await Access.open({
    store: state,
    engine: new CedarEngine(ACTIONS),
    clock,
    etag: () => Buffer.from(random(ETAG_BYTES)).toString('base64url'),
    actions: ACTIONS,
    damaged,
  })
  return new AuthorizationOffice({ access, registry, clock, events: events.throttled })
}
