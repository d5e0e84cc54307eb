/**
 * A counter that a device raises and stores before each connection (of its starts, or of its messages) and reports once
 * in each as `holdfast.counter`. Two copies count apart: one of them comes with what the other has passed.
 */

import { COUNTER_MAX } from './limits.ts'

export interface CounterState {
  readonly value: number
  /** Which connection of the identity it came on. */
  readonly connection: number
}

export type CounterOutcome = 'forward' | 'same-connection' | 'repeated' | 'backwards'

/** A lower value is the new beginning: a device that was reset counts from there, and is found once. */
export function countOn(
  state: CounterState | undefined,
  seen: CounterState,
): { readonly state: CounterState; readonly outcome: CounterOutcome } {
  if (state === undefined || seen.value > state.value) return { state: seen, outcome: 'forward' }
  if (seen.value < state.value) return { state: seen, outcome: 'backwards' }
  return { state: seen, outcome: seen.connection === state.connection ? 'same-connection' : 'repeated' }
}

export function isCounter(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= COUNTER_MAX
}
