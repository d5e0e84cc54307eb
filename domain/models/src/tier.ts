/**
 * Capability tiers: what hardware of a kind can offer at all. A table, so that what is asked of a tier at each step of
 * a device's life is read in one place, and nothing else decides it.
 */

/**
 * - `full`: a TPM 2.0 or its like, and a boot that it measures.
 * - `secure-element`: a key that cannot be read out, but nothing that vouches for what was booted.
 * - `constrained`: cryptography in software; keys can be copied by whoever opens the device.
 * - `legacy`: what speaks no TLS of its own and lives behind a gateway.
 */
export const TIERS = ['full', 'secure-element', 'constrained', 'legacy'] as const
export type Tier = (typeof TIERS)[number]

/** By what a session's identity was proved. */
export const CREDENTIAL_KINDS = [
  /** A symmetric key in software, of the device or of an enrolment. */
  'symmetric-key',
  /** A symmetric key that only the device's TPM could open (DPS's TPM attestation). */
  'tpm-key',
  /** A certificate that is known one by one, by its thumbprint. */
  'thumbprint',
  /** A certificate of a customer's authority. */
  'authority',
  /** A certificate that the hub issued. */
  'issued',
  /** A shared access policy, in the device's name. */
  'policy',
] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

/** The steps of a device's life at which something is asked of it. */
export type Step = 'manufactured' | 'claimed' | 'provisioned' | 'commissioned' | 'active'

/** What a model may ask of its devices, and at which step of their life it has to be there. */
export const STEP_OF = {
  /** It stands on a signed manifest of its manufacturer. */
  manifest: 'manufactured',
  /** Its owner claims it by a code that came with it; knowing its serial number is not enough. */
  ownerCode: 'claimed',
  /** Its key lies in a TPM or a secure element, as its manufacturer or an attestation says. */
  hardwareKey: 'provisioned',
  /** Somebody has put it up at its site and said so. */
  commissioning: 'commissioned',
  /** It shows fresh evidence of what it booted. */
  measuredBoot: 'active',
  /** Its credential renews before it lapses. */
  renewal: 'active',
  /** It echoes a nonce that changes each time, so that a copy shows. */
  rollingNonce: 'active',
} as const satisfies Readonly<Record<string, Step>>

export type RequirementName = keyof typeof STEP_OF

/**
 * - `always`: no model of the tier can do without.
 * - `unless-waived`: asked for, unless the model says no.
 * - `if-asked`: not asked for, unless the model says yes.
 * - `never`: the tier cannot offer it, whatever a model says.
 */
export type Rule = 'always' | 'unless-waived' | 'if-asked' | 'never'

export interface TierRules {
  /** What a session may rest on at all; a model may allow fewer. */
  readonly credentials: readonly CredentialKind[]
  readonly rules: Readonly<Record<RequirementName, Rule>>
}

export const TIER_RULES: Readonly<Record<Tier, TierRules>> = {
  full: {
    credentials: ['tpm-key', 'thumbprint', 'authority', 'issued'],
    rules: {
      manifest: 'unless-waived',
      ownerCode: 'if-asked',
      hardwareKey: 'always',
      commissioning: 'unless-waived',
      measuredBoot: 'unless-waived',
      renewal: 'unless-waived',
      rollingNonce: 'if-asked',
    },
  },
  'secure-element': {
    credentials: ['thumbprint', 'authority', 'issued'],
    rules: {
      manifest: 'unless-waived',
      ownerCode: 'if-asked',
      hardwareKey: 'always',
      commissioning: 'unless-waived',
      measuredBoot: 'never',
      renewal: 'unless-waived',
      rollingNonce: 'if-asked',
    },
  },
  constrained: {
    credentials: ['symmetric-key', 'thumbprint', 'authority', 'issued'],
    rules: {
      manifest: 'if-asked',
      ownerCode: 'if-asked',
      hardwareKey: 'never',
      commissioning: 'unless-waived',
      measuredBoot: 'never',
      renewal: 'if-asked',
      // Without hardware a stolen copy is as good as the device; this is what shows that there are two.
      rollingNonce: 'unless-waived',
    },
  },
  legacy: {
    credentials: ['symmetric-key', 'thumbprint', 'authority', 'issued', 'policy'],
    rules: {
      manifest: 'if-asked',
      ownerCode: 'if-asked',
      hardwareKey: 'never',
      commissioning: 'unless-waived',
      measuredBoot: 'never',
      renewal: 'never',
      rollingNonce: 'unless-waived',
    },
  },
}

export function isTier(value: unknown): value is Tier {
  return TIERS.some((tier) => tier === value)
}
