/** What the hub's REST routes need of the hub. Each resource adds its own part here. */

import type { FeedbackQueue } from '@holdfast/commands'
import type { RandomBytes } from '@holdfast/identity'
import type { QueryStore } from '@holdfast/store'
import type { Twins } from '@holdfast/twins'
import type { Presence } from '../../core/presence.ts'
import type { ManagementServices } from '../management/services.ts'

export interface HubServices
  extends Pick<
    ManagementServices,
    'clock' | 'registry' | 'policies' | 'sessions' | 'methods' | 'throttling' | 'commands' | 'events' | 'failed'
  > {
  readonly random: RandomBytes
  /** Feedback on messages to devices. */
  readonly feedback: FeedbackQueue
  readonly twins: Twins
  readonly queries: QueryStore
  readonly presence: Pick<Presence, 'of'>
  /** Devices and modules that are connected now. */
  readonly connected: () => number
}
