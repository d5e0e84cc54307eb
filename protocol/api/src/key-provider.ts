/**
 * Where the key that wraps all others lives.
 *
 *   GET  /api/v1/key-provider          KeyProvider
 *   POST /api/v1/key-provider          KeyProviderChange -> KeyProvider (on the local socket alone)
 *   POST /api/v1/key-provider/rotate   KeyProvider
 */

import Type from 'typebox'

export type KeyProviderKind = 'file' | 'passphrase' | 'tpm' | 'pkcs11'

export interface KeyProvider {
  provider: KeyProviderKind
  /** `<provider>:<16 hex digits>` */
  id: string
  /** Of the key-encryption key that wraps now. */
  createdTime: string
  /** Of the provider; nothing of them is secret. */
  settings: Record<string, string>
  /** Homes that were left, and whose key could not be destroyed yet. */
  leftovers: { provider: KeyProviderKind; id: string }[]
}

export const KeyProviderChange = Type.Object(
  {
    provider: Type.Union([
      Type.Literal('file'),
      Type.Literal('passphrase'),
      Type.Literal('tpm'),
      Type.Literal('pkcs11'),
    ]),
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
  },
  { additionalProperties: false },
)
export type KeyProviderChange = Type.Static<typeof KeyProviderChange>
