export type { Checkpoint, SignedCheckpoint } from './checkpoint.ts'
export { formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts'
export { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.ts'
export type { TlogErrorCode } from './errors.ts'
export { TlogError } from './errors.ts'
export { Frontier } from './frontier.ts'
export type { Hash } from './hash.ts'
export { HASH_BYTES, emptyRoot, isHash, isSameHash, leafHash, nodeHash } from './hash.ts'
export {
  ENTRY_BUNDLE_BYTES_MAX,
  ENTRY_BYTES_MAX,
  NAME_BYTES_MAX,
  NOTE_BYTES_MAX,
  PROOF_HASHES_MAX,
  TLOG_PROOF_BYTES_MAX,
  TREE_HEIGHT_MAX,
  TREE_SIZE_MAX,
  WITNESS_QUEUE_MAX,
  WITNESS_REQUEST_BYTES_MAX,
} from './limits.ts'
export type { Note, SignatureLine } from './note.ts'
export { encodeNote, formatNote, formatSignatureLine, parseNote, parseSignatureLines } from './note.ts'
export type { ProofPlan } from './proof.ts'
export { assembleProof, planConsistency, planInclusion, subtreesOf } from './proof.ts'
export type { ConsistencyClaim, InclusionClaim } from './proof-verification.ts'
export { isRootOf, verifyConsistency, verifyInclusion } from './proof-verification.ts'
export type { CheckedSignature, SignBytes } from './signature.ts'
export { checkSignatures, cosignText, signText, verifySignatures } from './signature.ts'
export type { ReadHash, Subtree } from './subtree.ts'
export { coverOf, foldCover, isTreeSize } from './subtree.ts'
export { decodeBase64, decodeHash, encodeBase64 } from './text.ts'
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
export type { TlogProof } from './tlog-proof.ts'
export { formatTlogProof, parseTlogProof } from './tlog-proof.ts'
export type { KeyKind } from './verifier-key.ts'
export { VerifierKey, isKeyName } from './verifier-key.ts'
export type { Contradiction, WitnessAnswer, WitnessInput, WitnessOutput, Witnessed } from './witness.ts'
export { Witness } from './witness.ts'
export type { AddCheckpoint } from './witness-request.ts'
export { formatAddCheckpoint, parseAddCheckpoint } from './witness-request.ts'
