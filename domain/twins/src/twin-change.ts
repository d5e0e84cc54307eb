/** What a write makes of a twin. Functions of their arguments: the store runs them inside its transaction. */

import type { Timestamp } from '@holdfast/base'
import {
  isWithin,
  mergeSection,
  newSection,
  replacementPatch,
  type SectionChange,
  type SectionTree,
  TWIN_DESIRED_BYTES_MAX,
  TWIN_REPORTED_BYTES_MAX,
  TWIN_TAGS_BYTES_MAX,
  type Twin,
  type TwinObject,
  type TwinSection,
  type WriteStamp,
} from '@holdfast/iothub'

/** The texts in it were read and checked: keys, values and depth are those of a twin. Its size is judged here. */
export interface TwinChange {
  readonly tags?: SectionChange
  readonly desired?: SectionChange
  readonly reported?: SectionChange
  /** What the twin has to have, or nothing is changed. */
  readonly expected?: { readonly etag?: string; readonly reportedVersion?: number }
}

/** When the change is made, and the ETag that the twin gets if tags or desired properties are written. */
export interface ChangeStamp {
  readonly at: Timestamp
  readonly etag: string
}

export type SectionName = 'tags' | 'desired' | 'reported'

export type TwinOutcome =
  | {
      readonly kind: 'changed'
      readonly twin: Twin
      /** JSON text: what a device has to merge to have the desired properties, where they were written. */
      readonly desiredPatch?: string
    }
  | { readonly kind: 'etag-mismatch' }
  | { readonly kind: 'version-mismatch' }
  /** The section would have more bytes or properties than it may. */
  | { readonly kind: 'too-large'; readonly section: SectionName }

export const SECTION_BYTES_MAX: Readonly<Record<SectionName, number>> = {
  tags: TWIN_TAGS_BYTES_MAX,
  desired: TWIN_DESIRED_BYTES_MAX,
  reported: TWIN_REPORTED_BYTES_MAX,
}

/** The twin that an identity is made with. */
export function newTwin({ at, etag }: ChangeStamp): Twin {
  const section: TwinSection = { properties: '{}', metadata: textOf(newSection({}, { at }).metadata), version: 1 }
  return { version: 1, etag, tags: '{}', desired: section, reported: section }
}

/**
 * Applies a change whole or not at all. A section that is named is written and its version goes up, whether or not its
 * properties come out the same: who compares versions sees every write. A change that names none changes nothing.
 */
export function applyTwinChange(twin: Twin, change: TwinChange, stamp: ChangeStamp): TwinOutcome {
  const { expected } = change
  if (expected?.etag !== undefined && expected.etag !== twin.etag) return { kind: 'etag-mismatch' }
  if (expected?.reportedVersion !== undefined && expected.reportedVersion !== twin.reported.version) {
    return { kind: 'version-mismatch' }
  }
  const { tags, desired, reported } = change
  if (tags === undefined && desired === undefined && reported === undefined) return { kind: 'changed', twin }
  const { at } = stamp
  // Tags have no version and no metadata of their own.
  const tagsAfter = tags && changedSection('tags', { properties: twin.tags, metadata: '{}', version: 0 }, tags, { at })
  const desiredAfter =
    desired && changedSection('desired', twin.desired, desired, { at, version: twin.desired.version + 1 })
  const reportedAfter = reported && changedSection('reported', twin.reported, reported, { at })
  for (const after of [tagsAfter, desiredAfter, reportedAfter]) if (after !== undefined && 'kind' in after) return after
  const desiredSection = sectionOr(desiredAfter)
  return {
    kind: 'changed',
    ...(desired && desiredSection && { desiredPatch: patchFor(desired, twin.desired, desiredSection) }),
    twin: {
      version: twin.version + 1,
      etag: tags === undefined && desired === undefined ? twin.etag : stamp.etag,
      tags: sectionOr(tagsAfter)?.properties ?? twin.tags,
      desired: desiredSection ?? twin.desired,
      reported: sectionOr(reportedAfter) ?? twin.reported,
    },
  }
}

type TooLarge = Extract<TwinOutcome, { kind: 'too-large' }>

function sectionOr(after: TwinSection | TooLarge | undefined): TwinSection | undefined {
  return after === undefined || 'kind' in after ? undefined : after
}

function changedSection(
  name: SectionName,
  before: TwinSection,
  change: SectionChange,
  stamp: WriteStamp,
): TwinSection | TooLarge {
  const { properties, metadata } = treeAfter(before, change, stamp)
  const text = textOf(properties)
  if (!isWithin(properties, text, SECTION_BYTES_MAX[name])) return { kind: 'too-large', section: name }
  return { properties: text, metadata: textOf(metadata), version: before.version + 1 }
}

function treeAfter(before: TwinSection, change: SectionChange, stamp: WriteStamp): SectionTree {
  if (change.kind === 'replace') return newSection(objectOf(change.properties), stamp)
  const tree = { properties: objectOf(before.properties), metadata: objectOf(before.metadata) }
  return mergeSection(tree, objectOf(change.patch), stamp)
}

/** What a device is sent of a write. Patches are sent as they were written, with the nulls that they had. */
function patchFor(change: SectionChange, before: TwinSection, after: TwinSection): string {
  if (change.kind === 'merge') return change.patch
  return textOf(replacementPatch(objectOf(before.properties), objectOf(after.properties)))
}

/** The texts are our own: what was read of a peer, or stored, was checked and written by `JSON.stringify`. */
function objectOf(text: string): TwinObject {
  return JSON.parse(text) as TwinObject
}

function textOf(object: TwinObject): string {
  return JSON.stringify(object)
}
