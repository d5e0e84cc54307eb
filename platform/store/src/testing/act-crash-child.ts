/**
 * A process to be killed: creates, changes and deletes devices and modules for as long as it lives, several at once, and
 * writes to stdout what was acknowledged, one `TYPE SUBJECT` a line. Arguments: `state.db`, and the number to begin with.
 */

import { randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { instantOf, timestampOf } from '@holdfast/base'
import { type IdentityKey, IdentityError, identitySubject, Registry } from '@holdfast/identity'
import { openStateStore } from '../state/state-store.ts'

/** Under one number of devices, so that all is created, changed and deleted again and again. */
const DEVICES = 12
/** Acts under way at once, so that a group of writes has several. */
const AT_ONCE = 6

const [file, from] = process.argv.slice(2)
if (file !== undefined && from !== undefined) {
  const random = (count: number): Uint8Array => new Uint8Array(randomBytes(count))
  const store = await openStateStore({
    file,
    keys: { current: 1, keys: [{ epoch: 1, bytes: new Uint8Array(32).fill(1) }] },
    random,
  })
  const clock = { wall: () => timestampOf(Date.now()), monotonic: () => instantOf(performance.now()) }
  const registry = new Registry({ store, clock, random, events: () => undefined })
  const acknowledge = (type: string, key: IdentityKey): void => {
    writeSync(1, `${type} ${identitySubject(key)}\n`)
  }
  const act = async (number: number): Promise<void> => {
    const deviceId = `d${(number * 7) % DEVICES}`
    const key: IdentityKey = number % 3 === 0 ? { deviceId, moduleId: `m${number % 2}` } : { deviceId }
    try {
      switch ((number >> 2) % 4) {
        case 0:
        case 1:
          await registry.create(key, 'operator/crash')
          return acknowledge('identity.created', key)
        case 2:
          await registry.update(key, { status: number % 2 === 0 ? 'disabled' : 'enabled' }, 'operator/crash')
          return acknowledge('identity.updated', key)
        default:
          await registry.delete(key, 'operator/crash')
          return acknowledge('identity.deleted', key)
      }
    } catch (error) {
      // What is there already, or is not there, is refused, and a refusal is no change.
      if (!(error instanceof IdentityError)) throw error
    }
  }
  const lane = async (first: number): Promise<never> => {
    for (let number = first; ; number += AT_ONCE) await act(number)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, nth) => lane(Number(from) + nth)))
}
