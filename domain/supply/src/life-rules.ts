/** What a device's life and its model say of a connection. A function of its arguments. */

import type { Basis } from '@holdfast/identity'
import type { CredentialKind, Requirements } from '@holdfast/models'
import { type DeviceLife, isAbout } from './device-life.ts'

export type LifeVerdict =
  | { readonly kind: 'pass' }
  /** To remediation. */
  | { readonly kind: 'restrict'; readonly code: string; readonly detail: string }
  | { readonly kind: 'refuse'; readonly code: string; readonly detail: string }

export interface LifeFactsOfConnection {
  readonly generationId: string
  readonly basis: Basis
  /** Of a module only the state of its device counts: a model speaks of devices. */
  readonly isModule: boolean
}

/**
 * @param written what is written of the id, if anything.
 * @param requirements of the device's model; undefined where it has none, or one that is not there any more.
 */
export function judgeLife(
  written: DeviceLife | undefined,
  requirements: Requirements | undefined,
  connection: LifeFactsOfConnection,
): LifeVerdict {
  if (!isAbout(written, connection.generationId)) return PASS
  const life: DeviceLife = written
  const { model } = life
  if (life.state === 'retired') return { kind: 'refuse', code: 'device-retired', detail: 'the device is retired' }
  // Who is quarantined is another's to say, and held back by that gate; here it is judged as before.
  const state = life.state === 'quarantined' ? (life.before ?? 'claimed') : life.state
  if (state === 'manufactured' || state === 'claimed') {
    return restrict('not-provisioned', 'the device is claimed, and has to be provisioned by its key')
  }
  if (model === undefined) return PASS
  // Devices of a model that is not known are held to nothing that could be known: they wait.
  if (requirements === undefined) return restrict('model-unknown', `there is no model ${model}`)
  const { rules, credentials } = requirements
  if (state === 'provisioned' && rules.commissioning) {
    return restrict('not-commissioned', `devices of the model ${model} are commissioned before they are active`)
  }
  if (rules.manifest && life.serial === undefined) {
    return restrict('not-on-a-manifest', `devices of the model ${model} stand on a signed manifest`)
  }
  if (rules.hardwareKey && (life.keyStorage === undefined || life.keyStorage === 'software')) {
    return restrict('key-not-in-hardware', `nobody vouches that the key lies in hardware, as the model ${model} asks`)
  }
  if (connection.isModule) return PASS
  const kind = credentialKindOf(connection.basis, life)
  if (!credentials.includes(kind)) {
    return restrict('credential-not-of-model', `the model ${model} allows ${credentials.join(', ')}, not ${kind}`)
  }
  return PASS
}

/** What a session rests on, in the words of models. */
export function credentialKindOf(basis: Basis, life: Pick<DeviceLife, 'keyKind'>): CredentialKind {
  switch (basis.kind) {
    case 'device-key':
    case 'module-key':
      return life.keyKind === 'endorsement-key' ? 'tpm-key' : 'symmetric-key'
    case 'policy':
      return 'policy'
    case 'thumbprint':
      return 'thumbprint'
    case 'authority':
      return 'authority'
    default:
      return 'issued'
  }
}

const PASS: LifeVerdict = { kind: 'pass' }

function restrict(code: string, detail: string): LifeVerdict {
  return { kind: 'restrict', code, detail }
}
