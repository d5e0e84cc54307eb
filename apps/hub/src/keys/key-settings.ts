/** `keys` of the configuration file: where the key-encryption key is to live, and where secrets for that are read. */

import { type HomeWish, KEY_HOME_KINDS, type KeyHomeKindName } from '@holdfast/keys'
import Type from 'typebox'

const path = Type.String({ minLength: 1, maxLength: 1_024 })
const label = Type.String({ minLength: 1, maxLength: 128, pattern: '^[ -~]+$' })

export const KeyConfiguration = Type.Object(
  {
    provider: Type.Enum([...KEY_HOME_KINDS]),
    passphraseFile: Type.Optional(path),
    tpm: Type.Optional(path),
    pcrs: Type.Optional(
      Type.Array(Type.Integer({ minimum: 0, maximum: 23 }), { minItems: 1, maxItems: 24, uniqueItems: true }),
    ),
    module: Type.Optional(path),
    token: Type.Optional(label),
    label: Type.Optional(label),
    pinFile: Type.Optional(path),
  },
  {
    additionalProperties: false,
    description: 'where the key-encryption key lives: file, passphrase, tpm or pkcs11, and what each of them needs',
  },
)
export type KeyConfiguration = Type.Static<typeof KeyConfiguration>

/** What each provider needs (true) and may have (false). */
const MEMBERS: Readonly<Record<KeyHomeKindName, Readonly<Record<string, boolean>>>> = {
  file: {},
  passphrase: { passphraseFile: false },
  tpm: { tpm: false, pcrs: false },
  pkcs11: { module: true, token: true, label: false, pinFile: false },
}

export interface KeySettings {
  /** What the configuration says; undefined where it says nothing, and homes are chosen by command. */
  readonly wish: HomeWish | undefined
  /** From the command line; stands above what the wish or a home names. */
  readonly passphraseFile: string | undefined
}

/** @returns faults, each with its path. */
export function keyFaults(keys: KeyConfiguration): readonly string[] {
  const members = MEMBERS[keys.provider]
  const unknown = Object.keys(keys).filter((name) => name !== 'provider' && !(name in members))
  const missing = Object.entries(members).flatMap(([name, isNeeded]) => (isNeeded && !(name in keys) ? [name] : []))
  return [
    ...unknown.map((name) => `keys.${name}: means nothing to the provider ${keys.provider}`),
    ...missing.map((name) => `keys.${name}: the provider ${keys.provider} needs it`),
  ]
}

/** As a home's settings have it: texts. */
export function wishOf(keys: KeyConfiguration): HomeWish {
  const { provider: kind, pcrs, ...texts } = keys
  const ordered = pcrs?.toSorted((a, b) => a - b).join(',')
  return { kind, settings: { ...texts, ...(ordered === undefined ? {} : { pcrs: ordered }) } }
}
