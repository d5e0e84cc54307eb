export { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts'
export type { TlogErrorCode } from './errors.ts'
export { TlogError } from './errors.ts'
export { Frontier } from './frontier.ts'
export type { Hash } from './hash.ts'
export { HASH_BYTES, emptyRoot, isHash, isSameHash, leafHash, nodeHash } from './hash.ts'
export { ENTRY_BUNDLE_BYTES_MAX, ENTRY_BYTES_MAX, TREE_HEIGHT_MAX, TREE_SIZE_MAX } from './limits.ts'
export type { ReadHash, Subtree } from './subtree.ts'
export { coverOf, foldCover, isTreeSize } from './subtree.ts'
export type { TileAddress, TilePart } from './tile.ts'
export {
  TILE_BYTES,
  TILE_HEIGHT,
  TILE_LEVELS_MAX,
  TILE_WIDTH,
  hashOfTile,
  hashOverTile,
  partialTiles,
  subtreeOfTile,
  tileLevelHashes,
  tilePart,
  tileWidth,
} from './tile.ts'
export type { FullTile, ReadTile } from './tile-builder.ts'
export { TileBuilder } from './tile-builder.ts'
export type { TileResource } from './tile-path.ts'
export { formatTilePath, parseTilePath } from './tile-path.ts'
