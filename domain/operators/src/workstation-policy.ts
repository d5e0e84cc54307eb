/** From which workstations sessions may come, as data, and what a report is worth by it. */

import type { PostureFact, PostureReport } from './posture.ts'
import { POSTURE_FACTS } from './posture.ts'

export interface WorkstationPolicy {
  /** What a session may do that no workstation vouches for with a fresh, green report: all, only look, or nothing. */
  readonly mode: 'off' | 'read-only' | 'refuse'
  readonly required: readonly PostureFact[]
  /** A report counts so long, in minutes, from when it came in. */
  readonly reportMinutesMax: number
  /** Days since the last update of the operating system; where `patches` is required. */
  readonly patchDaysMax: number
}

export const DEFAULT_WORKSTATION_POLICY: WorkstationPolicy = {
  mode: 'off',
  required: ['patches', 'diskEncryption', 'screenLock', 'firewall'],
  reportMinutesMax: 60,
  patchDaysMax: 30,
}

export const REPORT_MINUTES_MAX = 7 * 24 * 60
export const PATCH_DAYS_MAX = 365

/** What is wrong with a policy, or undefined. */
export function faultOfWorkstationPolicy(policy: WorkstationPolicy): string | undefined {
  const { required, reportMinutesMax: minutes, patchDaysMax: days } = policy
  if (new Set(required).size !== required.length) return 'a fact is required twice'
  if (!required.every((fact) => POSTURE_FACTS.includes(fact))) return `facts are ${POSTURE_FACTS.join(', ')}`
  if (!Number.isSafeInteger(minutes) || minutes < 1 || minutes > REPORT_MINUTES_MAX) {
    return `a report counts 1 to ${REPORT_MINUTES_MAX} minutes`
  }
  if (!Number.isSafeInteger(days) || days < 1 || days > PATCH_DAYS_MAX)
    return `patches are 1 to ${PATCH_DAYS_MAX} days old`
  return undefined
}

/** Facts that the policy asks for and the report does not give; empty: the report is green. */
export function lackingIn(
  report: PostureReport,
  { required, patchDaysMax }: WorkstationPolicy,
): readonly PostureFact[] {
  return required.filter((fact) => {
    if (fact !== 'patches') return report[fact] !== 'on'
    return report.patchAgeDays === undefined || report.patchAgeDays > patchDaysMax
  })
}
