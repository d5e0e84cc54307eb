/**
 * A log to take away: JSON texts, one a line, from which everything can be checked without the hub. First `bundle`, then,
 * in the order of the log, tiles before the entries that they cover and checkpoints after those that they sign for, then
 * `end`, without which it was broken off. Reading it needs memory for one tile a level, whatever its length.
 *
 * Leaves and bodies are texts in texts, for they are hashed byte by byte.
 */

import { TILE_WIDTH, type TileAddress, decodeBase64, encodeBase64, tileWidth } from '@holdfast/tlog'

export const BUNDLE_VERSION = 1

/** Longest line, in characters: a body with all its characters escaped, or a note of many signatures. */
export const BUNDLE_LINE_CHARACTERS_MAX = 524_288

export type BundleLine = BundleHeader | BundleTile | BundleEntry | BundleCheckpoint | BundleEnd

export interface BundleHeader {
  readonly kind: 'bundle'
  readonly version: typeof BUNDLE_VERSION
  /** The log's public key, as vkey; its name is the origin of the checkpoints. */
  readonly key: string
  /** False: entries come without what their leaves commit to. */
  readonly hasBodies: boolean
}

/** A tile as the log keeps it. */
export interface BundleTile extends TileAddress {
  readonly kind: 'tile'
  /** `32 * width` bytes. */
  readonly hashes: Uint8Array
}

/** An entry as the log keeps it. */
export interface BundleEntry {
  readonly kind: 'entry'
  /** Where it was kept. The leaf says where it belongs. */
  readonly index: number
  /** The leaf's bytes, which are ASCII. */
  readonly leaf: string
  readonly content: BundleContent
}

export type BundleContent =
  /** The body's text, and the 32 bytes that open the commitment. */
  | { readonly kind: 'body'; readonly body: string; readonly opening: Uint8Array }
  /** Destroyed for good, as its owner asked. */
  | { readonly kind: 'shredded' }
  /** It is there and does not open: it was changed. */
  | { readonly kind: 'unreadable' }
  /** Left out of this bundle. */
  | { readonly kind: 'withheld' }

/** A checkpoint that was kept, with the cosignatures that came for it. */
export interface BundleCheckpoint {
  readonly kind: 'checkpoint'
  /** The signed note. */
  readonly note: string
}

export interface BundleEnd {
  readonly kind: 'end'
  /** Entries that the log said it had when the bundle was begun. */
  readonly entries: number
}

/** For writers: the tiles that stand before an entry, in their order, in a log of `size` entries. */
export function tilesBefore(index: number, size: number): readonly TileAddress[] {
  const tiles: TileAddress[] = []
  for (let level = 0, span = TILE_WIDTH; index % span === 0 && index < size; level += 1, span *= TILE_WIDTH) {
    const tile = { level, index: index / span, width: tileWidth(level, index / span, size) }
    if (tile.width === 0) break
    tiles.unshift(tile)
  }
  return tiles
}

/** With its newline. */
export function formatBundleLine(line: BundleLine): string {
  switch (line.kind) {
    case 'tile': {
      const { kind, level, index, width, hashes } = line
      return `${JSON.stringify({ kind, level, index, width, hashes: encodeBase64(hashes) })}\n`
    }
    case 'entry': {
      const { kind, index, leaf, content } = line
      const more =
        content.kind === 'body'
          ? { body: content.body, opening: encodeBase64(content.opening) }
          : { content: content.kind }
      return `${JSON.stringify({ kind, index, leaf, ...more })}\n`
    }
    default:
      return `${JSON.stringify(line)}\n`
  }
}

/** `undefined` for whatever is no line of a bundle. */
export function parseBundleLine(text: string): BundleLine | undefined {
  if (text.length > BUNDLE_LINE_CHARACTERS_MAX) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const fields: ReadonlyMap<string, unknown> = new Map(Object.entries(value))
  switch (fields.get('kind')) {
    case 'bundle':
      return parseHeader(fields)
    case 'tile':
      return parseTile(fields)
    case 'entry':
      return parseEntry(fields)
    case 'checkpoint': {
      const note = textOf(fields, 'note')
      return note === undefined ? undefined : { kind: 'checkpoint', note }
    }
    case 'end': {
      const entries = countOf(fields, 'entries')
      return entries === undefined ? undefined : { kind: 'end', entries }
    }
    default:
      return undefined
  }
}

type Fields = ReadonlyMap<string, unknown>

function parseHeader(fields: Fields): BundleHeader | undefined {
  const key = textOf(fields, 'key')
  const hasBodies = fields.get('hasBodies')
  if (fields.get('version') !== BUNDLE_VERSION || key === undefined || typeof hasBodies !== 'boolean') return undefined
  return { kind: 'bundle', version: BUNDLE_VERSION, key, hasBodies }
}

function parseTile(fields: Fields): BundleTile | undefined {
  const level = countOf(fields, 'level')
  const index = countOf(fields, 'index')
  const width = countOf(fields, 'width')
  const hashes = bytesOf(fields, 'hashes')
  if (level === undefined || index === undefined || width === undefined || hashes === undefined) return undefined
  if (width < 1 || width > TILE_WIDTH || hashes.length !== width * 32) return undefined
  return { kind: 'tile', level, index, width, hashes }
}

function parseEntry(fields: Fields): BundleEntry | undefined {
  const index = countOf(fields, 'index')
  const leaf = textOf(fields, 'leaf')
  const content = contentOf(fields)
  if (index === undefined || leaf === undefined || content === undefined) return undefined
  return { kind: 'entry', index, leaf, content }
}

function contentOf(fields: Fields): BundleContent | undefined {
  const kind = fields.get('content')
  if (kind === 'shredded' || kind === 'unreadable' || kind === 'withheld') return { kind }
  const body = textOf(fields, 'body')
  const opening = bytesOf(fields, 'opening')
  return kind !== undefined || body === undefined || opening === undefined ? undefined : { kind: 'body', body, opening }
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields.get(name)
  return typeof value === 'string' ? value : undefined
}

function countOf(fields: Fields, name: string): number | undefined {
  const value = fields.get(name)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function bytesOf(fields: Fields, name: string): Uint8Array | undefined {
  const value = textOf(fields, name)
  return value === undefined ? undefined : decodeBase64(value)
}
