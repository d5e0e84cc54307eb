/**
 * A leaf of the log: what may be shown to anybody. It says that something of a type happened and when, and commits to the
 * rest. Its bytes are canonical JSON, e.g.
 * `{"commitment":"9f…","n":7,"time":"2026-11-25T08:00:00.000Z","type":"session.opened","v":1,"version":1}`.
 */

import { formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'

/** Of the form of leaves and bodies, and of how they are committed to. */
export const LEAF_VERSION = 1

/** Longest leaf in bytes: all but the type is of fixed length or a number. */
export const LEAF_BYTES_MAX = 512

export interface Leaf {
  /** Place in the log, from 0: a leaf that was moved says so itself. */
  readonly index: number
  readonly type: string
  /** Of the type's schema. */
  readonly version: number
  readonly time: Timestamp
  /** 32 bytes, see `commitTo`. */
  readonly commitment: Uint8Array
}

/** Its one encoding. Written by hand, for it is made for every event: members stand sorted, and nothing needs an escape. */
export function encodeLeaf({ index, type, version, time, commitment }: Leaf): Uint8Array {
  return Buffer.from(
    `{"commitment":"${Buffer.from(commitment.buffer, commitment.byteOffset, commitment.length).toString('hex')}","n":${index},"time":"${formatTimestamp(time)}","type":"${type}","v":${LEAF_VERSION},"version":${version}}`,
    'latin1',
  )
}

const LEAF =
  /^\{"commitment":"([0-9a-f]{64})","n":(0|[1-9][0-9]{0,15}),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","type":"([a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*)","v":1,"version":([1-9][0-9]{0,5})\}$/

/** `undefined` for whatever is no leaf, and for every other text of one. */
export function decodeLeaf(bytes: Uint8Array): Leaf | undefined {
  if (bytes.length > LEAF_BYTES_MAX) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const [, commitment, index, time, type, version] = LEAF.exec(text) ?? []
  if (commitment === undefined || time === undefined || type === undefined) return undefined
  const milliseconds = Date.parse(time)
  const leaf = { index: Number(index), type, version: Number(version) }
  if (!Number.isSafeInteger(leaf.index) || Number.isNaN(milliseconds)) return undefined
  const at = timestampOf(milliseconds)
  // There is no 31st of November, though Date.parse may find one.
  if (formatTimestamp(at) !== time) return undefined
  return { ...leaf, time: at, commitment: new Uint8Array(Buffer.from(commitment, 'hex')) }
}
