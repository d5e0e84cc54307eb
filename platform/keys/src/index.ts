export type { Random } from './aead.ts'
export { openBytes, sealBytes } from './aead.ts'
export type { KeyPurpose } from './data-key.ts'
export { DataKey, KEY_PURPOSES } from './data-key.ts'
export type { KeyErrorCode } from './errors.ts'
export { KeyError } from './errors.ts'
export type { KeyEnvironment } from './environment.ts'
export type { CustodyParts } from './custody.ts'
export { KeyCustody } from './custody.ts'
export { FileKeyProvider } from './file-provider.ts'
export type { HeldFile, KeyFile, KeyFolder } from './folder.ts'
export { removeFile, replaceFile } from './folder.ts'
export type {
  HomeDescription,
  HomeOpening,
  HomeSettings,
  HomeWish,
  KeyHome,
  KeyHomeKind,
  KeyHomeKindName,
  KeyHomeKinds,
} from './home.ts'
export { homeFileOf, KEY_HOME_KINDS } from './home.ts'
export { PASSPHRASE_BYTES_MIN, SECRET_BYTES_MAX } from './limits.ts'
export type { PassphraseHomesParts, SecretSource } from './passphrase-home.ts'
export { passphraseHomes } from './passphrase-home.ts'
export type { KeyRecord } from './key-ring.ts'
export { KeyRing } from './key-ring.ts'
export { openKeyFolder } from './node-folder.ts'
export type { OpenKeys } from './open-keys.ts'
export { openKeys, rotateKeyEncryptionKey } from './open-keys.ts'
export type { PassphraseBox } from './passphrase-box.ts'
export { isPassphrase, openWithPassphrase, parsePassphraseBox, sealWithPassphrase } from './passphrase-box.ts'
export type { KeyProvider } from './provider.ts'
export { decideRotations, isRotationDue, KEY_AGES_MS } from './rotation.ts'
export type { SecretTerminal } from './secret-input.ts'
export { askSecret, readSecretFile } from './secret-input.ts'
export type { JsonObject } from './document.ts'
export { bytesMember, formatBytes, textMember, timeMember } from './document.ts'
export type { KekDocument, KekForm } from './kek-document.ts'
export { formatKek, parseKek, readKekFile } from './kek-document.ts'
export { HeldKeys, newEncryptionKey } from './held-keys.ts'
export type { EncryptionKey } from './held-keys.ts'
export { VolatileFolder } from './volatile-folder.ts'
