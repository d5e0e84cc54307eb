import type { LogTail } from '../log/log-tail.ts'
import type { BlockSource } from './block-source.ts'
import type { Catalog } from './catalog.ts'
import type { KeyRing } from './key-ring.ts'

/** What reading rests on. */
export interface ReaderContext {
  readonly catalog: Catalog
  readonly tail: LogTail
  readonly ring: KeyRing
  readonly source: BlockSource
}
