/** How a section changes (azure-iot.md §8): patches as RFC 7386 has them, and the metadata that mirrors the tree. */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import { isTwinObject, propertyOf, putProperty, type TwinDraft, type TwinObject } from './twin-value.ts'

/** When a section was written, as its nodes carry it. */
export interface WriteStamp {
  readonly at: Timestamp
  /** Of the section after the write, where nodes tell it: in desired. */
  readonly version?: number
}

/** The properties, and a tree of the same shape whose nodes hold `$lastUpdated` (and `$lastUpdatedVersion`). */
export interface SectionTree {
  readonly properties: TwinObject
  readonly metadata: TwinObject
}

/**
 * Objects merge, null takes away, all else replaces. Every node that the patch names is stamped, changed or not; what it
 * does not name stays, shared with `section`.
 */
export function mergeSection(section: SectionTree, patch: TwinObject, stamp: WriteStamp): SectionTree {
  return merged(section.properties, section.metadata, patch, stampOf(stamp))
}

/** `content` anew: nothing of what was before stays. Nulls in it are nothing, as in a patch. */
export function newSection(content: TwinObject, stamp: WriteStamp): SectionTree {
  return merged({}, {}, content, stampOf(stamp))
}

/**
 * The patch that makes `after` of `before`: all of `after`, and null for each property that is no more. Devices merge
 * what they are sent, so that content alone would leave them with what a replacement took away.
 */
export function replacementPatch(before: TwinObject, after: TwinObject): TwinObject {
  const patch: TwinDraft = {}
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) putProperty(patch, key, null)
  for (const [key, value] of Object.entries(after)) {
    putProperty(patch, key, isTwinObject(value) ? replacementPatch(objectAt(before, key), value) : value)
  }
  return patch
}

function stampOf({ at, version }: WriteStamp): TwinObject {
  const $lastUpdated = formatTimestamp(at)
  return version === undefined ? { $lastUpdated } : { $lastUpdated, $lastUpdatedVersion: version }
}

function merged(before: TwinObject, metadataBefore: TwinObject, patch: TwinObject, stamp: TwinObject): SectionTree {
  // Copies by spreading are quick, and take `__proto__` for the key that it is; only writing one needs care.
  const properties: TwinDraft = { ...before }
  const metadata: TwinDraft = { ...metadataBefore, ...stamp }
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) {
      delete properties[key]
      delete metadata[key]
    } else if (isTwinObject(change)) {
      const inner = merged(objectAt(before, key), objectAt(metadataBefore, key), change, stamp)
      putProperty(properties, key, inner.properties)
      putProperty(metadata, key, inner.metadata)
    } else {
      putProperty(properties, key, change)
      putProperty(metadata, key, stamp)
    }
  }
  return { properties, metadata }
}

/** What an object is merged with: the object that stands there, or nothing. */
function objectAt(object: TwinObject, key: string): TwinObject {
  const value = propertyOf(object, key)
  return isTwinObject(value) ? value : {}
}
