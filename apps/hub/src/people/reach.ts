/** Which devices somebody may see or touch: for operations that find their devices by themselves. */

import type { DeviceFilter } from '@holdfast/identity'

export interface Reach {
  /** What stores narrow their lists by; undefined: there is nothing to narrow. */
  readonly within: DeviceFilter | undefined
  /**
   * Whether the device is one of them, or could be: one that does not exist is as one that was given no place.
   * @param generationId of the device that it is about, where that may be an earlier one of the same id: what is left of
   *   those is for whoever may reach the hub itself, and for nobody once there are several organisations.
   */
  includes(deviceId: string, generationId?: string): Promise<boolean>
  /** Whether what is of no device, but the hub's own, is theirs to see. */
  readonly hasHub: boolean
  /**
   * The fleet in which a new device stands; undefined where it needs none said.
   * @param wished `organisation/site/fleet`, as asked for.
   * @throws Problem 400 where somebody has to say which, 403 where it may not be that one.
   */
  home(wished?: string): string | undefined
}

/** Of whoever may reach every device. */
export const EVERYWHERE: Reach = {
  within: undefined,
  includes: async () => true,
  hasHub: true,
  home: (wished) => wished,
}

/** Of operations that say which device they are about: nothing is there to be narrowed, and asking is a bug. */
export const NOT_NARROWED: Reach = {
  get within(): never {
    throw new TypeError('this operation is not on devices')
  },
  includes: () => Promise.reject(new TypeError('this operation is not on devices')),
  get hasHub(): never {
    throw new TypeError('this operation is not on devices')
  },
  home: () => {
    throw new TypeError('this operation is not on devices')
  },
}

/** What something is about; undefined: no device, but the hub. */
export type About = { readonly deviceId: string; readonly generationId?: string } | undefined

/** Those of `items` whose devices are within reach, in their order. Each device is asked for once. */
export async function within<T>(reach: Reach, items: readonly T[], aboutOf: (item: T) => About): Promise<readonly T[]> {
  if (reach.within === undefined) return items
  const known = new Map<string, Promise<boolean>>()
  const isWithin = (about: About): boolean | Promise<boolean> => {
    if (about === undefined) return reach.hasHub
    const name = `${about.deviceId} ${about.generationId ?? ''}`
    const found = known.get(name) ?? reach.includes(about.deviceId, about.generationId)
    known.set(name, found)
    return found
  }
  const kept: T[] = []
  for (const item of items) if (await isWithin(aboutOf(item))) kept.push(item)
  return kept
}
