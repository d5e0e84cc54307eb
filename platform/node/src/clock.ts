import { type Clock, instantOf, timestampOf } from '@holdfast/base'

/** The machine's clocks. */
export const systemClock: Clock = {
  monotonic: () => instantOf(performance.now()),
  wall: () => timestampOf(Date.now()),
}
