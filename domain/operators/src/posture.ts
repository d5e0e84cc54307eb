/** What a workstation says of itself, and how it is read: signed, but by hand of whoever holds its key. */

import { isOneLine } from './operator.ts'

/** What can be asked for. `patches` is judged by age; the others are on or they are not. */
export const POSTURE_FACTS = [
  'patches',
  'diskEncryption',
  'screenLock',
  'firewall',
  'secureBoot',
  'antiMalware',
] as const
export type PostureFact = (typeof POSTURE_FACTS)[number]

/** What could not be read is unknown, and never counts as on. */
export type Switch = 'on' | 'off' | 'unknown'
export type SwitchFact = Exclude<PostureFact, 'patches'>

export interface PostureReport extends Readonly<Record<SwitchFact, Switch>> {
  /** Name and version of the operating system, one line. */
  readonly os: string
  /** Days since it was last brought up to date; undefined: not known. */
  readonly patchAgeDays?: number
}

const OS_CHARACTERS_MAX = 120
const DAYS_MAX = 36_500
const SWITCHES: readonly SwitchFact[] = ['diskEncryption', 'screenLock', 'firewall', 'secureBoot', 'antiMalware']
const MEMBERS: ReadonlySet<string> = new Set(['os', 'patchAgeDays', ...SWITCHES])

/** The report in a parsed JSON value; undefined for what is none: a member too many, one too few, one of another kind. */
export function readPosture(value: unknown): PostureReport | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = new Map<string, unknown>(Object.entries(value))
  for (const name of members.keys()) if (!MEMBERS.has(name)) return undefined
  const os = members.get('os')
  if (typeof os !== 'string' || os === '' || os.length > OS_CHARACTERS_MAX || !isOneLine(os)) return undefined
  const days = members.get('patchAgeDays')
  if (days !== undefined && !isDays(days)) return undefined
  const switches: Partial<Record<SwitchFact, Switch>> = {}
  for (const name of SWITCHES) {
    const state = members.get(name)
    if (state !== 'on' && state !== 'off' && state !== 'unknown') return undefined
    switches[name] = state
  }
  const { diskEncryption = 'unknown', screenLock = 'unknown', firewall = 'unknown' } = switches
  const { secureBoot = 'unknown', antiMalware = 'unknown' } = switches
  const known = { os, diskEncryption, screenLock, firewall, secureBoot, antiMalware }
  return days === undefined ? known : { ...known, patchAgeDays: days }
}

function isDays(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= DAYS_MAX
}
