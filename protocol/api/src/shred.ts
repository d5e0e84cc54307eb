/** Deleting a device so that nothing of its secrets can be read any more. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { shape } from './shape.ts'

export const ShredRequest = shape('ShredRequest', {
  /** The device is gone already, and what an interrupted shredding left is to be finished. */
  finish: Type.Optional(Type.Boolean()),
})
export type ShredRequest = Type.Static<typeof ShredRequest>

export const Shredded = shape('Shredded', {
  /** False where it was gone already. */
  deleted: Type.Boolean(),
  /** Uploaded files whose keys and bytes were destroyed. */
  files: Type.Integer(),
  sessionsClosed: Type.Integer(),
  /** Until the last session was closed. */
  milliseconds: Type.Number(),
})
export type Shredded = Type.Static<typeof Shredded>

export const shredOperations = {
  device: operation({
    id: 'shred.device',
    method: 'POST',
    path: '/api/v1/devices/{id}/shred',
    summary: 'Deletes a device so that nothing of its secrets can be read any more',
    action: 'device:shred',
    on: 'device',
    body: ShredRequest,
    answer: { kind: 'json', schema: Shredded },
  }),
}
