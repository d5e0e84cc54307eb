/**
 * Deleting a device so that nothing of its secrets can be read any more.
 *
 *   POST /api/v1/devices/{id}/shred    ShredRequest -> Shredded
 */

import Type from 'typebox'

export const ShredRequest = Type.Object(
  {
    /** The device is gone already, and what an interrupted shredding left is to be finished. */
    finish: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
export type ShredRequest = Type.Static<typeof ShredRequest>

export interface Shredded {
  /** False where it was gone already. */
  deleted: boolean
  /** Uploaded files whose keys and bytes were destroyed. */
  files: number
  sessionsClosed: number
  /** Until the last session was closed. */
  milliseconds: number
}
