/** What opening keys needs from the world. */

import type { Clock } from '@holdfast/base'
import type { Random } from './aead.ts'

export interface KeyEnvironment {
  readonly clock: Clock
  readonly random: Random
  /**
   * False when the data folder already holds something that keys protect: then a missing file is a loss that must be
   * told, and never an invitation to make new keys that open nothing.
   */
  readonly mayCreate: boolean
}
