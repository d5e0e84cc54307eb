/** How a device stands: what its last verdict is worth now. */

import { type Timestamp, timestampOf } from '@holdfast/base'
import { CLOCK_TURNED_BACK_MS } from './limits.ts'
import type { AttestationPolicy } from './policy.ts'
import type { StoredStanding } from './store.ts'

export type Standing =
  | { readonly kind: 'trusted'; readonly at: Timestamp; readonly until: Timestamp }
  | { readonly kind: 'failed'; readonly at: Timestamp; readonly reason: string }
  | { readonly kind: 'stale'; readonly at: Timestamp; readonly reason: 'too-old' | 'reference-withdrawn' }
  /** Never attested, or its predecessor did. */
  | { readonly kind: 'none' }

/** @param isInForce whether reference values of this name are. */
export function standingOf(
  stored: StoredStanding | undefined,
  {
    generationId,
    policy,
    now,
    isInForce,
  }: {
    readonly generationId: string
    readonly policy: Pick<AttestationPolicy, 'maxAgeMs'>
    readonly now: Timestamp
    readonly isInForce: (reference: string) => boolean
  },
): Standing {
  const verdict = stored?.generationId === generationId ? stored.verdict : undefined
  if (verdict === undefined) return { kind: 'none' }
  const { at, reference } = verdict
  if (verdict.kind === 'failed') return { kind: 'failed', at, reason: verdict.reason ?? 'failed' }
  if (reference === undefined || !isInForce(reference)) return { kind: 'stale', at, reason: 'reference-withdrawn' }
  const age = now - at
  if (age >= policy.maxAgeMs || age < -CLOCK_TURNED_BACK_MS) return { kind: 'stale', at, reason: 'too-old' }
  return { kind: 'trusted', at, until: timestampOf(at + policy.maxAgeMs) }
}

export type StandingVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'narrow'; readonly code: string; readonly detail: string }

/** What the policy makes of it. */
export function decideStanding(standing: Standing, policy: AttestationPolicy): StandingVerdict {
  if (standing.kind === 'trusted' || policy.onFailure === 'observe') return { kind: 'pass' }
  switch (standing.kind) {
    case 'none':
      if (!policy.required) return { kind: 'pass' }
      return { kind: 'narrow', code: 'attestation-missing', detail: 'it has never shown how it booted' }
    case 'failed':
      return { kind: 'narrow', code: 'attestation-failed', detail: `its boot is not trusted: ${standing.reason}` }
    case 'stale':
      return { kind: 'narrow', code: 'attestation-stale', detail: `its last quote counts no more: ${standing.reason}` }
  }
}
