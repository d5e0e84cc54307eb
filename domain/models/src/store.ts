/**
 * What models need from a disk. Implementers MUST make every write durable before they resolve, and keep the events it brings
 * (`because`) in its transaction where it does what was asked, and nowhere else.
 */

import type { Because } from '@holdfast/audit'
import type { DeviceModel } from './model.ts'

/** What a write must find: no model of this id, or the one with this ETag. */
export type ModelExpectation = { readonly kind: 'absent' } | { readonly kind: 'etag'; readonly etag: string }

export interface ModelStore {
  /** All of them; they are few. */
  listModels(): Promise<readonly DeviceModel[]>
  /** `conflict`: not what was expected. */
  writeModel(model: DeviceModel, expected: ModelExpectation, because?: Because): Promise<'written' | 'conflict'>
  /** `in-use` while a device or an entry of a manifest is of this model; looked at and deleted in one step. */
  deleteModel(id: string, etag: string, because?: Because): Promise<'deleted' | 'conflict' | 'in-use'>
}
