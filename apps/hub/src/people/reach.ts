/** Which devices somebody may see or touch: for operations that find their devices by themselves. */

import type { DeviceFilter } from '@holdfast/identity'

export interface Reach {
  /** What stores narrow their lists by; undefined: there is nothing to narrow. */
  readonly within: DeviceFilter | undefined
  /** Whether the device is one of them, or could be: one that does not exist is as one that was given no place. */
  includes(deviceId: string): Promise<boolean>
  /**
   * The fleet in which a new device stands; undefined where it needs none said.
   * @param wished `organisation/site/fleet`, as asked for.
   * @throws Problem 400 where somebody has to say which, 403 where it may not be that one.
   */
  home(wished?: string): string | undefined
}

/** Of whoever may reach every device. */
export const EVERYWHERE: Reach = { within: undefined, includes: async () => true, home: (wished) => wished }

/** Of operations that say which device they are about: nothing is there to be narrowed, and asking is a bug. */
export const NOT_NARROWED: Reach = {
  get within(): never {
    throw new TypeError('this operation is not on devices')
  },
  includes: () => Promise.reject(new TypeError('this operation is not on devices')),
  home: () => {
    throw new TypeError('this operation is not on devices')
  },
}

/** Those of `items` whose devices are within reach, in their order. */
export async function within<T>(
  reach: Reach,
  items: readonly T[],
  deviceOf: (item: T) => string | undefined,
): Promise<readonly T[]> {
  if (reach.within === undefined) return items
  const kept: T[] = []
  for (const item of items) {
    const deviceId = deviceOf(item)
    // What is of no device is the hub's.
    if (deviceId !== undefined && (await reach.includes(deviceId))) kept.push(item)
  }
  return kept
}
