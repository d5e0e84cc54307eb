/** Where the key that wraps all others lives. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, shape } from './shape.ts'

const KeyProviderKind = Type.Enum(['file', 'passphrase', 'tpm', 'pkcs11'])
export type KeyProviderKind = Type.Static<typeof KeyProviderKind>

export const KeyProvider = shape('KeyProvider', {
  provider: KeyProviderKind,
  /** `<provider>:<16 hex digits>` */
  id: Type.String(),
  /** Of the key-encryption key that wraps now. */
  createdTime: instant,
  /** Of the provider; nothing of them is secret. */
  settings: Type.Record(Type.String(), Type.String()),
  /** Homes that were left, and whose key could not be destroyed yet. */
  leftovers: Type.Array(closed({ provider: KeyProviderKind, id: Type.String() })),
})
export type KeyProvider = Type.Static<typeof KeyProvider>

export const KeyProviderChange = shape('KeyProviderChange', {
  provider: Type.Union([Type.Literal('file'), Type.Literal('passphrase'), Type.Literal('tpm'), Type.Literal('pkcs11')]),
  /** The name of a file with the passphrase, which the hub reads at each start; and so on, by provider. */
  passphraseFile: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
  tpm: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
  pcrs: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0, maximum: 23 }), { minItems: 1, maxItems: 24, uniqueItems: true }),
  ),
  module: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
  token: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[ -~]+$' })),
  label: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[ -~]+$' })),
  pinFile: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
  /** Base64 of the passphrase or PIN; where it is absent, the hub reads the file. */
  secret: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048, pattern: '^[A-Za-z0-9+/]+={0,2}$' })),
})
export type KeyProviderChange = Type.Static<typeof KeyProviderChange>

export const keyProviderOperations = {
  show: operation({
    id: 'keyProvider.show',
    method: 'GET',
    path: '/api/v1/key-provider',
    summary: 'Shows where the key that wraps all others lives',
    action: 'key:read',
    on: 'hub',
    answer: { kind: 'json', schema: KeyProvider },
  }),
  set: operation({
    id: 'keyProvider.set',
    method: 'POST',
    path: '/api/v1/key-provider',
    summary: 'Moves that key to another place',
    action: 'key:write',
    on: 'hub',
    body: KeyProviderChange,
    isLocalOnly: true,
    answer: { kind: 'json', schema: KeyProvider },
  }),
  rotate: operation({
    id: 'keyProvider.rotate',
    method: 'POST',
    path: '/api/v1/key-provider/rotate',
    summary: 'Replaces that key and wraps all others anew',
    action: 'key:write',
    on: 'hub',
    answer: { kind: 'json', schema: KeyProvider },
  }),
}
