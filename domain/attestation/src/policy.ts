/** What is asked of a device's boot, as its model or its operator says. */

import { AttestationError } from './errors.ts'
import { membersOf } from './json-members.ts'
import { MAX_AGE_MS_MAX, MAX_AGE_MS_MIN } from './limits.ts'

/** Banks that evidence is taken in. SHA-1 is not among them. */
export const BANKS = ['sha256', 'sha384', 'sha512'] as const
export type Bank = (typeof BANKS)[number]

export interface AttestationPolicy {
  /** Whether a device that has never attested counts as one that failed. */
  readonly required: boolean
  readonly bank: Bank
  /** PCRs that a quote is over, 0 to 23, ascending; at least one. */
  readonly pcrs: readonly number[]
  /** How long a good quote counts, in milliseconds. */
  readonly maxAgeMs: number
  /** What a failed or stale quote does: narrow the device to remediation, or tell and no more. */
  readonly onFailure: 'remediation' | 'observe'
  /** Whether a manufacturer that is trusted must vouch for the endorsement key. */
  readonly endorsementCertificate: boolean
}

/** Firmware, its configuration, the loader, the kernel's command line, secure boot. */
export const DEFAULT_POLICY: AttestationPolicy = {
  required: true,
  bank: 'sha256',
  pcrs: [0, 1, 2, 3, 4, 5, 6, 7],
  maxAgeMs: 3_600_000,
  onFailure: 'remediation',
  endorsementCertificate: false,
}

const MEMBERS = ['required', 'bank', 'pcrs', 'maxAgeMs', 'onFailure', 'endorsementCertificate']

/**
 * Reads a policy; what it leaves out is as in `DEFAULT_POLICY`.
 * @throws AttestationError `invalid` with every fault in its message.
 */
export function readAttestationPolicy(value: unknown): AttestationPolicy {
  const faults: string[] = []
  const fault = (path: string, message: string): void => void faults.push(`${path} ${message}`)
  const members = membersOf(value, '', MEMBERS, fault) ?? new Map<string, unknown>()
  const flag = (name: 'required' | 'endorsementCertificate'): boolean => {
    const given = members.get(name) ?? DEFAULT_POLICY[name]
    if (typeof given === 'boolean') return given
    fault(`/${name}`, 'is true or false')
    return false
  }
  const bank = BANKS.find((name) => name === (members.get('bank') ?? DEFAULT_POLICY.bank))
  if (bank === undefined) fault('/bank', `is one of ${BANKS.join(', ')}`)
  const maxAgeMs = members.get('maxAgeMs') ?? DEFAULT_POLICY.maxAgeMs
  if (!isWhole(maxAgeMs, MAX_AGE_MS_MIN, MAX_AGE_MS_MAX)) {
    fault('/maxAgeMs', `is a whole number of milliseconds from ${MAX_AGE_MS_MIN} to ${MAX_AGE_MS_MAX}`)
  }
  const onFailure = members.get('onFailure') ?? DEFAULT_POLICY.onFailure
  if (onFailure !== 'remediation' && onFailure !== 'observe') fault('/onFailure', 'is remediation or observe')
  const pcrs = pcrsOf(members.get('pcrs') ?? DEFAULT_POLICY.pcrs)
  if (pcrs === undefined) fault('/pcrs', 'is a list of different PCRs from 0 to 23, at least one')
  const [required, endorsementCertificate] = [flag('required'), flag('endorsementCertificate')]
  if (faults.length > 0 || bank === undefined || pcrs === undefined) throw invalid(faults)
  return {
    required,
    bank,
    pcrs,
    maxAgeMs: Number(maxAgeMs),
    onFailure: onFailure === 'observe' ? 'observe' : 'remediation',
    endorsementCertificate,
  }
}

function pcrsOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > 24) return undefined
  const pcrs = value.filter((pcr): pcr is number => isWhole(pcr, 0, 23))
  return pcrs.length === value.length && new Set(pcrs).size === pcrs.length ? pcrs.toSorted((a, b) => a - b) : undefined
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

function invalid(faults: readonly string[]): AttestationError {
  return new AttestationError('invalid', `the policy: ${faults.join('; ')}`)
}
