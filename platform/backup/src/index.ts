export type {
  BackupThread,
  BackupThreadData,
  ManifestSigner,
  Packed,
  PackJob,
  ProveJob,
} from './backup-dispatch.ts'
export type { BackupErrorCode } from './errors.ts'
export { BackupError } from './errors.ts'
export type { KeyElsewhere } from './keys-elsewhere.ts'
export { RECIPIENTS_MAX, ROOM_KEPT_BYTES } from './limits.ts'
export type { BackupCounts, Manifest, PackedFile, PartitionCount } from './manifest.ts'
export { formatManifest, MANIFEST_FILE, parseManifest, SIGNATURE_FILE } from './manifest.ts'
export { manifestText } from './manifest-signature.ts'
export type { FileSource, Packing, Source } from './pack.ts'
export { pack, packedBytes } from './pack.ts'
export type { RestoredMark } from './restored.ts'
export { parseRestored, RESTORED_BYTES_MAX, RESTORED_FILE } from './restored.ts'
export type { Opening, Sealing } from './sealing.ts'
export { checkSealing, newIdentity, open, readIdentities, seal } from './sealing.ts'
export { isEntryName } from './tar.ts'
export type { Unpacked, Unpacking } from './unpack.ts'
export { unpack } from './unpack.ts'
