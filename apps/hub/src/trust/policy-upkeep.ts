/** Keys of policies end when their overlap is over, and a notice stands while one is overdue. */

import type { Cut, Policies } from '@holdfast/identity'
import type { Notice } from '../core/notices.ts'

export interface PolicyUpkeepParts {
  readonly policies: Pick<Policies, 'upkeep'>
  readonly cutOff: (cuts: readonly Cut[]) => Promise<unknown>
  readonly setNotice: (code: string, notice: Omit<Notice, 'code'> | undefined) => void
  readonly refusesOverdue: boolean
}

const OVERDUE = 'policy-rotation-overdue'

export async function policyUpkeep({ policies, cutOff, setNotice, refusesOverdue }: PolicyUpkeepParts): Promise<void> {
  const { cuts, overdue } = await policies.upkeep()
  if (cuts.length > 0) await cutOff(cuts)
  if (overdue.length === 0) {
    setNotice(OVERDUE, undefined)
    return
  }
  const names = overdue.map(({ name }) => name).join(', ')
  setNotice(OVERDUE, {
    detail: `keys of these policies are older than they may be${refusesOverdue ? ', and are refused' : ''}: ${names}`,
    advice: `run holdfast policy rotate ${overdue[0]?.name ?? 'NAME'}, and move what uses it to the new key`,
  })
}
