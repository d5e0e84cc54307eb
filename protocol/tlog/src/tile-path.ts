/** Where tiles are served: C2SP tlog-tiles, "Merkle Tree" and "Log entries". One text for each resource, and no other. */

import { TILE_PATH_CHARACTERS_MAX, TREE_SIZE_MAX } from './limits.ts'
import type { TileAddress } from './tile.ts'
import { TILE_LEVELS_MAX, TILE_WIDTH } from './tile.ts'

/** A tile of hashes, or a bundle of entries, which has the place of a tile of level 0. */
export type TileResource =
  | ({ readonly kind: 'tile' } & TileAddress)
  | { readonly kind: 'entries'; readonly index: number; readonly width: number }

const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

/** E.g. `tile/0/x001/x234/067.p/12`, to stand after the log's prefix and a slash. */
export function formatTilePath(resource: TileResource): string {
  const { index, width } = resource
  const kind = resource.kind === 'entries' ? 'entries' : String(resource.level)
  return `tile/${kind}/${formatIndex(index)}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** `undefined` for whatever is no path of a tile: more zeroes than needed, too wide, too high, too long. */
export function parseTilePath(path: string): TileResource | undefined {
  if (path.length > TILE_PATH_CHARACTERS_MAX) return undefined
  const [, kind, elements, partial] = PATH.exec(path) ?? []
  if (kind === undefined || elements === undefined) return undefined
  const index = Number(elements.replaceAll(/[x/]/g, ''))
  const width = partial === undefined ? TILE_WIDTH : Number(partial)
  if (!Number.isSafeInteger(index) || formatIndex(index) !== elements) return undefined
  if (partial !== undefined && width >= TILE_WIDTH) return undefined
  if (kind === 'entries') return index * TILE_WIDTH > TREE_SIZE_MAX ? undefined : { kind, index, width }
  const level = Number(kind)
  if (level >= TILE_LEVELS_MAX || index * TILE_WIDTH ** (level + 1) > TREE_SIZE_MAX) return undefined
  return { kind: 'tile', level, index, width }
}

/** `1234067` as `x001/x234/067`: so files and folders never meet in one name. */
function formatIndex(index: number): string {
  const elements = [element(index)]
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    elements.unshift(`x${element(rest)}`)
  return elements.join('/')
}

function element(number: number): string {
  return String(number % 1_000).padStart(3, '0')
}
