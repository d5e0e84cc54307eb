/** An edge device stands above devices of its own organisation alone: it answers for them and sees what they send. */

import { scopedDevice, unknownScope } from '@holdfast/identity'
import type { Call } from './route.ts'

/** The device that is to have a parent, or the fleet in which a new one will stand. */
export type Child =
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'fleet'; readonly fleet: string | undefined }

/** @throws IdentityError `unknown-scope`, as for a scope that nothing has. */
export async function demandParent(call: Call, child: Child, parentScope: string | undefined): Promise<void> {
  const { authorization } = call.services
  const parent = parentScope === undefined ? undefined : scopedDevice(parentScope)
  if (authorization === undefined || parent === undefined || call.actor.kind === 'local') return
  const { organisation } =
    child.kind === 'device'
      ? await authorization.placementOf(child.deviceId)
      : authorization.access.tree.placementOf(child.fleet)
  if ((await authorization.placementOf(parent)).organisation === organisation) return
  throw unknownScope()
}
