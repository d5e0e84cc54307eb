/** The device or module that a path names. */

import type { Identity, IdentityKey } from '@holdfast/identity'
import { Problem } from '../../core/problem.ts'
import type { Call } from './route.ts'

export interface Named {
  readonly path: { readonly id: string; readonly module?: string }
}

export function keyOf({ path: { id, module } }: Named): IdentityKey {
  return module === undefined ? { deviceId: id } : { deviceId: id, moduleId: module }
}

/** @throws Problem 404. */
export async function existing({ services }: Pick<Call, 'services'>, key: IdentityKey): Promise<Identity> {
  const identity = await services.registry.read(key)
  if (identity !== undefined) return identity
  throw new Problem({
    status: 404,
    code: 'missing',
    title: `the ${key.moduleId === undefined ? 'device' : 'module'} does not exist`,
    detail: 'check the id; ids are case-sensitive',
  })
}
