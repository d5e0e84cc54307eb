/**
 * Certification paths: from what a peer presents to one of the authorities that we trust (RFC 5280 §6.1).
 * Processed: signatures, validity, names, name constraints, basicConstraints, path length, key usage, extended key usage,
 * policies, critical extensions. Whether a certificate of the path was revoked is a question of its own
 * (`RevocationList`): lists come later than paths.
 */

import { assertNever } from '@holdfast/base'
import type { Timestamp } from '@holdfast/base'
import { isSameBytes, parseCertificate } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { PkiError } from './errors.ts'
import { KEY_PURPOSE, KEY_USAGE } from './extensions.ts'
import { isAllowedBy } from './name-constraints.ts'
import { hasValidPolicies } from './policies.ts'
import { CHAIN_CERTIFICATES_MAX, PATH_CERTIFICATES_MAX, SIGNATURE_CHECKS_MAX } from './limits.ts'

/** What the leaf is to be used for. */
export type ChainPurpose = 'client' | 'server' | 'endorsement'

export type ChainRefusal =
  /** The leaf, or too much of what came with it, cannot be read. */
  | 'malformed'
  /** More certificates than we look at. */
  | 'too-many-certificates'
  /** Nothing leads from the leaf to an anchor. */
  | 'no-path'
  /** A name fits, a signature does not. */
  | 'bad-signature'
  /** Over five certificates on the path. */
  | 'too-deep'
  /** More signatures to check than we are willing to. */
  | 'too-many-checks'
  /** The leaf is an anchor itself: it was never issued to a device. */
  | 'leaf-is-anchor'
  | 'not-yet-valid'
  | 'expired'
  | 'weak-key'
  | 'weak-signature'
  /** An issuer on the path is no CA (basicConstraints). */
  | 'not-an-authority'
  | 'path-length'
  | 'key-usage'
  | 'extended-key-usage'
  /** A name that an issuer above may not vouch for. */
  | 'name-constraints'
  /** A CA asks for a certificate policy that the path does not have from end to end. */
  | 'policy'
  | 'critical-extension'

export type ChainVerdict =
  /** `anchor`: index into `anchors`. `path`: leaf first, anchor last. */
  | { readonly kind: 'trusted'; readonly anchor: number; readonly path: readonly Certificate[] }
  | { readonly kind: 'untrusted'; readonly reason: ChainRefusal }

/**
 * Looks for a path that satisfies every rule.
 * @param chain.leaf DER, or parsed.
 * @param chain.intermediates what else the peer sent, in any order, useful or not; at most 7, unreadable ones are passed
 * over.
 * @param chain.anchors trusted authorities; roots, or intermediates whose own issuer does not matter then. They are held
 * to the same rules as other issuers, only their own signature is not looked at.
 * @param chain.purpose decides which extended key usage is asked for when there is one; `client` unless told.
 */
export function verifyChain(chain: {
  readonly leaf: Uint8Array | Certificate
  readonly intermediates: readonly Uint8Array[]
  readonly anchors: readonly Certificate[]
  readonly now: Timestamp
  readonly purpose?: ChainPurpose
}): ChainVerdict {
  if (chain.intermediates.length >= CHAIN_CERTIFICATES_MAX) return untrusted('too-many-certificates')
  const leaf = parsed(chain.leaf)
  if (leaf === undefined) return untrusted('malformed')
  if (chain.anchors.some((anchor) => isSameBytes(anchor.der, leaf.der))) return untrusted('leaf-is-anchor')
  const intermediates = chain.intermediates.map(parsed).filter((certificate) => certificate !== undefined)
  const purpose = chain.purpose ?? 'client'
  const search = new PathSearch({ intermediates, anchors: chain.anchors, now: chain.now, purpose })
  return search.from(leaf)
}

/** Whether a certificate may become an anchor: a CA by its extensions, in its time, with a key that we take. */
export function checkAuthority(authority: Certificate, now: Timestamp): { readonly reason: ChainRefusal } | undefined {
  const reason = faultAlone(authority, now) ?? faultAsIssuer(authority, 0)
  return reason === undefined ? undefined : { reason }
}

function parsed(certificate: Uint8Array | Certificate): Certificate | undefined {
  if (!(certificate instanceof Uint8Array)) return certificate
  try {
    return parseCertificate(certificate)
  } catch (error) {
    if (error instanceof PkiError) return undefined
    throw error
  }
}

class PathSearch {
  readonly #intermediates: readonly Certificate[]
  readonly #anchors: readonly Certificate[]
  readonly #now: Timestamp
  readonly #purpose: ChainPurpose
  #checksLeft = SIGNATURE_CHECKS_MAX
  /** Of all that failed, what came nearest to trust: later rules count more. */
  #refusal: ChainRefusal = 'no-path'

  constructor(input: {
    readonly intermediates: readonly Certificate[]
    readonly anchors: readonly Certificate[]
    readonly now: Timestamp
    readonly purpose: ChainPurpose
  }) {
    this.#intermediates = input.intermediates
    this.#anchors = input.anchors
    this.#now = input.now
    this.#purpose = input.purpose
  }

  from(leaf: Certificate): ChainVerdict {
    return this.#extend([leaf]) ?? untrusted(this.#refusal)
  }

  /** Depth first, each certificate once on a path, at most `PATH_CERTIFICATES_MAX` deep. */
  #extend(path: readonly Certificate[]): ChainVerdict | undefined {
    const last = path[path.length - 1]
    if (last === undefined) return undefined
    for (const [index, anchor] of this.#anchors.entries()) {
      if (!last.isIssuableBy(anchor) || !this.#isSigned(last, anchor)) continue
      const complete = [...path, anchor]
      const fault = pathFault(complete, this.#now, this.#purpose)
      if (fault === undefined) return { kind: 'trusted', anchor: index, path: complete }
      this.#note(fault)
    }
    for (const issuer of this.#intermediates) {
      if (path.includes(issuer) || !last.isIssuableBy(issuer)) continue
      // An anchor has to follow still.
      if (path.length + 2 > PATH_CERTIFICATES_MAX) {
        this.#note('too-deep')
        continue
      }
      if (!this.#isSigned(last, issuer)) continue
      const verdict = this.#extend([...path, issuer])
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  #isSigned(certificate: Certificate, issuer: Certificate): boolean {
    if (this.#checksLeft === 0) {
      this.#refusal = 'too-many-checks'
      return false
    }
    this.#checksLeft -= 1
    try {
      if (certificate.isSignedBy(issuer)) return true
      this.#note('bad-signature')
    } catch (error) {
      if (!(error instanceof PkiError)) throw error
      this.#note(error.code === 'weak-key' || error.code === 'weak-signature' ? error.code : 'malformed')
    }
    return false
  }

  #note(reason: ChainRefusal): void {
    // A path that reached an anchor says more than one that did not.
    if (this.#refusal === 'no-path' || this.#refusal === 'bad-signature' || this.#refusal === 'too-deep') {
      this.#refusal = reason
    }
  }
}

/** The first rule that a complete path breaks (RFC 5280 §6.1.3, §6.1.4, §6.1.5). */
function pathFault(path: readonly Certificate[], now: Timestamp, purpose: ChainPurpose): ChainRefusal | undefined {
  let below = 0
  for (const [index, certificate] of path.entries()) {
    const isLeaf = index === 0
    const fault =
      faultAlone(certificate, now) ??
      (isLeaf ? faultAsLeaf(certificate, purpose) : faultAsIssuer(certificate, below)) ??
      purposeFault(certificate, purpose)
    if (fault !== undefined) return fault
    // §6.1.4(l): self-issued certificates do not count, and neither does the leaf.
    if (!isLeaf && !certificate.isSelfIssued) below += 1
  }
  if (!isWithinConstraints(path)) return 'name-constraints'
  return hasValidPolicies(path) ? undefined : 'policy'
}

/** §6.1.3(b), (c): the names of each certificate before the constraints of every issuer above it. */
function isWithinConstraints(path: readonly Certificate[]): boolean {
  return path.every((issuer, place) => {
    const { nameConstraints } = issuer.extensions
    if (nameConstraints === undefined) return true
    return path.slice(0, place).every((certificate, index) => {
      const isLeaf = index === 0
      // A self-issued certificate of a CA (its own key roll-over) is not held to its own constraints.
      return (certificate.isSelfIssued && !isLeaf) || isAllowedBy(nameConstraints, certificate, isLeaf)
    })
  })
}

function faultAlone(certificate: Certificate, now: Timestamp): ChainRefusal | undefined {
  // §6.1.3(a)(2); both ends belong to the validity.
  if (now < certificate.notBefore) return 'not-yet-valid'
  if (now > certificate.notAfter) return 'expired'
  // §6.1.4(o), §6.1.5(f).
  if (certificate.extensions.unprocessed.length > 0) return 'critical-extension'
  try {
    certificate.publicKey()
  } catch (error) {
    if (error instanceof PkiError) return 'weak-key'
    throw error
  }
  return undefined
}

function faultAsLeaf(leaf: Certificate, purpose: ChainPurpose): ChainRefusal | undefined {
  const usage = leaf.extensions.keyUsage
  if (purpose === 'endorsement') {
    // TCG EK Credential Profile 2.5 §3.2.16 and §3.2.15: it says that it is an endorsement key's, and its key decrypts.
    if (leaf.extensions.keyPurposes?.includes(KEY_PURPOSE.endorsementKey) !== true) return 'extended-key-usage'
    const mayDecrypt = KEY_USAGE.keyEncipherment | KEY_USAGE.keyAgreement
    return usage !== undefined && (usage & mayDecrypt) === 0 ? 'key-usage' : undefined
  }
  const mayProve = KEY_USAGE.digitalSignature | KEY_USAGE.keyAgreement
  return usage !== undefined && (usage & mayProve) === 0 ? 'key-usage' : undefined
}

function faultAsIssuer(issuer: Certificate, below: number): ChainRefusal | undefined {
  const { isAuthority, keyUsage, pathLength } = issuer.extensions
  // §6.1.4(k). Version 1 has no way to say it, and so is none.
  if (!isAuthority) return 'not-an-authority'
  // §6.1.4(m).
  if (pathLength !== undefined && below > pathLength) return 'path-length'
  // §6.1.4(n).
  if (keyUsage !== undefined && (keyUsage & KEY_USAGE.keyCertSign) === 0) return 'key-usage'
  return undefined
}

/** RFC 5280 §4.2.1.12; an issuer's own list narrows what it can issue, as all TLS libraries have it. */
function purposeFault(certificate: Certificate, purpose: ChainPurpose): ChainRefusal | undefined {
  const purposes = certificate.extensions.keyPurposes
  if (purposes === undefined || purposes.includes(KEY_PURPOSE.any)) return undefined
  return purposes.includes(purposeOid(purpose)) ? undefined : 'extended-key-usage'
}

function purposeOid(purpose: ChainPurpose): string {
  switch (purpose) {
    case 'client':
      return KEY_PURPOSE.clientAuth
    case 'server':
      return KEY_PURPOSE.serverAuth
    case 'endorsement':
      return KEY_PURPOSE.endorsementKey
    default:
      return assertNever(purpose)
  }
}

function untrusted(reason: ChainRefusal): ChainVerdict {
  return { kind: 'untrusted', reason }
}
