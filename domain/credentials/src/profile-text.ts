/** Profiles as the store keeps them: JSON of a list. Written by us; read as if it were not. */

import type { KeyKind } from '@holdfast/pki'
import { checkProfile, type IssuanceProfile, KEY_KINDS } from './profile.ts'

/** @throws TypeError for any other text: the store is damaged. */
export function parseProfiles(text: string): readonly IssuanceProfile[] {
  const value: unknown = JSON.parse(text)
  if (!Array.isArray(value)) throw damaged()
  return value.map((one: unknown) => profileOf(one))
}

function profileOf(value: unknown): IssuanceProfile {
  if (typeof value !== 'object' || value === null) throw damaged()
  const member = (name: keyof IssuanceProfile): unknown => Reflect.get(value, name)
  const domain = member('domain')
  const kinds = member('keyKinds')
  if (!Array.isArray(kinds) || (domain !== undefined && typeof domain !== 'string')) throw damaged()
  return checkProfile({
    name: text(member('name')),
    keyKinds: kinds.map((kind: unknown) => keyKindOf(kind)),
    lifetimeMs: number(member('lifetimeMs')),
    graceMs: number(member('graceMs')),
    overlapMs: number(member('overlapMs')),
    isServer: truth(member('isServer')),
    ...(domain === undefined ? {} : { domain }),
    isOpen: truth(member('isOpen')),
    mayReplaceKeys: truth(member('mayReplaceKeys')),
  })
}

function keyKindOf(value: unknown): KeyKind {
  const kind = KEY_KINDS.find((one) => one === value)
  if (kind === undefined) throw damaged()
  return kind
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw damaged()
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw damaged()
  return value
}

function truth(value: unknown): boolean {
  if (typeof value !== 'boolean') throw damaged()
  return value
}

function damaged(): TypeError {
  return new TypeError('the certificate profiles in the store cannot be read')
}
