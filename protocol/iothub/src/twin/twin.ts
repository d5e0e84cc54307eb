/** A twin as it is stored and as it crosses between threads: JSON texts, so that reading one parses nothing. */

/**
 * Desired or reported properties. The texts are those of `JSON.stringify` of an object: no space around or inside.
 * `metadata` mirrors the properties, each node with its `$lastUpdated` (and `$lastUpdatedVersion` in desired).
 */
export interface TwinSection {
  readonly properties: string
  readonly metadata: string
  /** Counts the writes to this section from 1. */
  readonly version: number
}

export interface Twin {
  /** Counts the writes to any section from 1. */
  readonly version: number
  /** Opaque, unquoted; changes with every write to tags or desired properties, not with reported ones. */
  readonly etag: string
  /** JSON text of an object, as those of `TwinSection`. */
  readonly tags: string
  readonly desired: TwinSection
  readonly reported: TwinSection
}
