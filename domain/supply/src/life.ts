/** The life of a device as a table of moves. A function of its arguments; what a move does to anything else is not here. */

export const LIFE_STATES = [
  /** On a signed manifest; nobody's yet. */
  'manufactured',
  /** Somebody's, and not provisioned, or not again since it changed hands. */
  'claimed',
  /** It has proved its key and has an identity. */
  'provisioned',
  /** Put up at its site. */
  'commissioned',
  'active',
  /** Held back from everything but remediation. */
  'quarantined',
  /** Gone for good; a tombstone is left. */
  'retired',
] as const
export type LifeState = (typeof LIFE_STATES)[number]

export type LifeMove =
  | 'claim'
  | 'provision'
  | 'commission'
  | 'activate'
  | 'quarantine'
  | 'release'
  /** It changes hands: what its former owner had of it is gone. */
  | 'transfer'
  | 'retire'

/** From where each move may be made. `release` goes back to where the quarantine began. */
const MOVES: Readonly<Record<LifeMove, { readonly from: readonly LifeState[]; readonly to: LifeState | 'before' }>> = {
  claim: { from: ['manufactured'], to: 'claimed' },
  provision: { from: ['claimed'], to: 'provisioned' },
  commission: { from: ['provisioned'], to: 'commissioned' },
  // From `provisioned` only where the model asks for no commissioning; whoever plans the move has looked.
  activate: { from: ['provisioned', 'commissioned'], to: 'active' },
  quarantine: { from: ['claimed', 'provisioned', 'commissioned', 'active'], to: 'quarantined' },
  release: { from: ['quarantined'], to: 'before' },
  transfer: { from: ['claimed', 'provisioned', 'commissioned', 'active'], to: 'claimed' },
  retire: {
    from: ['manufactured', 'claimed', 'provisioned', 'commissioned', 'active', 'quarantined'],
    to: 'retired',
  },
}

export type MovePlan =
  | { readonly kind: 'moved'; readonly to: LifeState }
  /** `reason` is one sentence for people. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Where a move leads.
 * @param before where the quarantine began; for `release` alone.
 */
export function planMove(state: LifeState, move: LifeMove, before?: LifeState): MovePlan {
  const { from, to } = MOVES[move]
  if (!from.includes(state)) return { kind: 'refused', reason: reasonOf(state, move) }
  if (to !== 'before') return { kind: 'moved', to }
  return { kind: 'moved', to: before ?? 'claimed' }
}

/** The moves that can be made from a state. */
export function movesFrom(state: LifeState): readonly LifeMove[] {
  return LIFE_MOVES.filter((move) => MOVES[move].from.includes(state))
}

export const LIFE_MOVES: readonly LifeMove[] = [
  'claim',
  'provision',
  'commission',
  'activate',
  'quarantine',
  'release',
  'transfer',
  'retire',
]

function reasonOf(state: LifeState, move: LifeMove): string {
  if (state === 'retired') return 'it is retired, and nothing leads back from there; enrol it anew under another key'
  if (move === 'transfer' && state === 'quarantined') {
    return 'it is quarantined; release it first, for a quarantine does not change hands'
  }
  if (move === 'release') return `it is ${state}, not quarantined`
  return `it is ${state}; this is for devices that are ${MOVES[move].from.join(' or ')}`
}
