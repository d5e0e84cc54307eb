/** Which acts take the word of two people, as data. */

export interface TwoPersonPolicy {
  /** Ids of operations, or a theme whole: `authority.delete`, `hubAuthority.*`. Sorted, each once. */
  readonly acts: readonly string[]
  /** How long a proposal waits, in hours. */
  readonly hours: number
}

export const TWO_PERSON_ACTS_MAX = 200
export const TWO_PERSON_HOURS_MAX = 168

/**
 * What changes whom the whole fleet trusts, what nobody can undo, and what would take this rule away. Acts on all devices at
 * once belong here as they come to be; one of a single device does not.
 */
export const DEFAULT_TWO_PERSON_POLICY: TwoPersonPolicy = {
  acts: [
    'audit.shred',
    'authority.delete',
    'authority.verify',
    'certificate.revokeAll',
    'endorsementRoot.add',
    'endorsementRoot.remove',
    'enrollmentGroup.create',
    'enrollmentGroup.delete',
    'hubAuthority.beginRollover',
    'hubAuthority.finishRollover',
    'hubAuthority.removeRoot',
    'hubAuthority.switchRollover',
    'hubAuthority.undoRollover',
    'hubAuthority.useRoot',
    'key.drop',
    'operator.remove',
    'operator.setPasskeyPolicy',
    'proposal.setPolicy',
    'shred.device',
    'workstation.setPolicy',
  ],
  hours: 24,
}

const ACT = /^[a-zA-Z]{1,40}\.(?:\*|[a-zA-Z]{1,40})$/

/** @param isKnown whether an operation of this id, or a theme of this name, can be proposed. */
export function faultOfTwoPersonPolicy(
  { acts, hours }: TwoPersonPolicy,
  isKnown: (act: string) => boolean,
): string | undefined {
  if (acts.length > TWO_PERSON_ACTS_MAX) return `at most ${TWO_PERSON_ACTS_MAX} acts are named`
  if (new Set(acts).size !== acts.length) return 'an act is named twice'
  const strange = acts.find((act) => !ACT.test(act) || !isKnown(act))
  if (strange !== undefined) return `${strange.slice(0, 80)} is no act that can be proposed`
  if (!Number.isSafeInteger(hours) || hours < 1 || hours > TWO_PERSON_HOURS_MAX) {
    return `a proposal waits 1 to ${TWO_PERSON_HOURS_MAX} hours`
  }
  return undefined
}

export function asksForTwo({ acts }: TwoPersonPolicy, operationId: string): boolean {
  const [theme = ''] = operationId.split('.', 1)
  return acts.includes(operationId) || acts.includes(`${theme}.*`)
}
