/** A model of device as its maker describes it, and what follows for its devices. */

import type { ConnectionPolicy } from '@holdfast/admission'
import type { AttestationPolicy } from '@holdfast/attestation'
import type { Timestamp } from '@holdfast/base'
import {
  CREDENTIAL_KINDS,
  type CredentialKind,
  type RequirementName,
  STEP_OF,
  type Step,
  type Tier,
  TIER_RULES,
} from './tier.ts'

/** What a model says otherwise than its tier does; what is absent is as the tier has it. */
export interface ModelRequirements {
  /** A part of what the tier allows, not empty. */
  readonly credentials?: readonly CredentialKind[]
  readonly rules?: Readonly<Partial<Record<RequirementName, boolean>>>
}

/** Made by `readModel`, which has checked it. */
export interface ModelDraft {
  /** `A-Z a-z 0-9 . _ -`, at most 128; never changes. */
  readonly id: string
  /** Name of the manufacturer; whoever signs manifests with its key may name this model. */
  readonly manufacturer: string
  readonly description?: string
  readonly tier: Tier
  /** Those that exist; at least one. */
  readonly hardwareRevisions: readonly string[]
  /** Model ids that its devices may announce when they connect (DTDL). Absent: what they say is not looked at. */
  readonly announces?: readonly string[]
  readonly requirements: ModelRequirements
  /** Policies of other rooms, as they read and bound them. */
  readonly policies: ModelPolicies
}

/** What other rooms keep with a model. */
export interface ModelPolicies {
  readonly connection?: ConnectionPolicy
  readonly attestation?: AttestationPolicy
}

export interface DeviceModel extends ModelDraft {
  readonly etag: string
  readonly createdTime: Timestamp
  readonly updatedTime: Timestamp
}

/** What holds for the devices of a model, its tier and its own words taken together. */
export interface Requirements {
  readonly credentials: readonly CredentialKind[]
  readonly rules: Readonly<Record<RequirementName, boolean>>
}

const NAMES = Object.keys(STEP_OF).filter((name): name is RequirementName => Object.hasOwn(STEP_OF, name))

/** Every requirement there is, in the order of a device's life. */
export const REQUIREMENT_NAMES: readonly RequirementName[] = NAMES

/** What holds for a device of this model. */
export function requirementsOf({ tier, requirements }: Pick<ModelDraft, 'tier' | 'requirements'>): Requirements {
  const table = TIER_RULES[tier]
  const rules = { ...NOTHING }
  for (const name of NAMES) {
    const rule = table.rules[name]
    // What was stored under another table does not outlive it: the tier has the last word.
    if (rule === 'always') rules[name] = true
    else if (rule === 'never') rules[name] = false
    else rules[name] = requirements.rules?.[name] ?? rule === 'unless-waived'
  }
  const chosen = requirements.credentials
  const credentials =
    chosen === undefined ? table.credentials : chosen.filter((kind) => table.credentials.includes(kind))
  return { credentials, rules }
}

/** What is asked at each step, for people and for the API. */
export function stepsOf({ rules }: Requirements): Readonly<Record<Step, readonly RequirementName[]>> {
  const at = (step: Step): readonly RequirementName[] => NAMES.filter((name) => rules[name] && STEP_OF[name] === step)
  return {
    manufactured: at('manufactured'),
    claimed: at('claimed'),
    provisioned: at('provisioned'),
    commissioned: at('commissioned'),
    active: at('active'),
  }
}

export function isCredentialKind(value: unknown): value is CredentialKind {
  return CREDENTIAL_KINDS.some((kind) => kind === value)
}

const NOTHING: Record<RequirementName, boolean> = {
  manifest: false,
  ownerCode: false,
  hardwareKey: false,
  commissioning: false,
  measuredBoot: false,
  renewal: false,
  rollingNonce: false,
}
