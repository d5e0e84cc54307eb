/** What is made once, when a hub first starts, and stays: others rely on it. */

import type { Timestamp } from '@holdfast/base'
import type { Storage } from './storage.ts'

type State = Storage['state']

/** When this hub was first started: what its Event Hub says of itself. */
export async function readCreation(state: State, now: Timestamp): Promise<number> {
  const stored = await state.readSetting('createdAt')
  if (stored !== undefined) return Number(stored)
  await state.writeSetting('createdAt', String(now))
  return now
}

/** The id scope of the provisioning service: made once, for devices carry it. */
export async function readIdScope(state: State, random: (bytes: number) => Uint8Array): Promise<string> {
  const stored = await state.readSetting('idScope')
  if (stored !== undefined) return stored
  const idScope = `0ne${Buffer.from(random(4)).toString('hex').toUpperCase()}`
  await state.writeSetting('idScope', idScope)
  return idScope
}
