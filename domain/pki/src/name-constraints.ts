/**
 * Name constraints (RFC 5280 §4.2.1.10): which names may stand in the certificates below a CA. What is excluded is
 * excluded whatever is permitted.
 */

import type { Certificate } from './certificate.ts'
import { TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { canonicalName, emailAddressesOf } from './distinguished-name.ts'
import { PkiError } from './errors.ts'
import { generalNameOf } from './general-name.ts'
import type { GeneralName } from './general-name.ts'
import { CONSTRAINED_NAMES_MAX, NAME_SUBTREES_MAX } from './limits.ts'
import { isWithin } from './name-subtree.ts'

export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** @throws PkiError `bad-certificate`, `bad-der`, `too-large`. */
export function nameConstraintsOf(value: DerElement): NameConstraints {
  if (value.tag !== TAG.sequence || value.children.length === 0) throw bad()
  let permitted: readonly GeneralName[] = []
  let excluded: readonly GeneralName[] = []
  let lastTag = 0
  for (const list of value.children) {
    if (list.tag <= lastTag) throw bad()
    lastTag = list.tag
    if (list.tag === 0xa0) permitted = subtreesOf(list)
    else if (list.tag === 0xa1) excluded = subtreesOf(list)
    else throw bad()
  }
  return { permitted, excluded }
}

function subtreesOf(list: DerElement): readonly GeneralName[] {
  if (list.children.length === 0) throw bad()
  if (list.children.length > NAME_SUBTREES_MAX) throw new PkiError('too-large', 'too many name constraints')
  return list.children.map((subtree) => {
    const [base, ...bounds] = subtree.children
    // "minimum MUST be zero, and maximum MUST be absent", and DER leaves the zero out.
    if (subtree.tag !== TAG.sequence || base === undefined || bounds.length > 0) throw bad()
    const name = generalNameOf(base)
    if (name.kind === 'ip' && name.bytes.length !== 8 && name.bytes.length !== 32) throw bad()
    return name
  })
}

/**
 * Whether every name of the certificate is allowed by the constraints of one issuer above it.
 * @param isLeaf its common name then counts as a DNS name where it looks like one and no alternative name is of DNS, as
 * OpenSSL has it: here the common name is the identity, and must not escape a constraint that is about it.
 */
export function isAllowedBy(constraints: NameConstraints, certificate: Certificate, isLeaf: boolean): boolean {
  const names = namesOf(certificate, isLeaf)
  if (names.length > CONSTRAINED_NAMES_MAX) return false
  return names.every((name) => {
    const excluded = constraints.excluded.filter((base) => isSameForm(base, name))
    if (excluded.some((base) => isWithin(name, base, 'excluded'))) return false
    const permitted = constraints.permitted.filter((base) => isSameForm(base, name))
    return permitted.length === 0 || permitted.some((base) => isWithin(name, base, 'permitted'))
  })
}

function namesOf(certificate: Certificate, isLeaf: boolean): readonly GeneralName[] {
  const names: GeneralName[] = [...certificate.extensions.alternativeNames]
  // An empty subject is a name of nobody.
  if (canonicalName(certificate.subject).length > 0) names.push({ kind: 'directory', name: certificate.subject })
  for (const text of emailAddressesOf(certificate.subject)) names.push({ kind: 'email', text })
  const { commonName } = certificate
  if (isLeaf && HOST_NAME.test(commonName) && !names.some(({ kind }) => kind === 'dns')) {
    names.push({ kind: 'dns', text: commonName })
  }
  return names
}

/** Two labels at least. */
const HOST_NAME =
  /^(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?\.)+[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/

function isSameForm(a: GeneralName, b: GeneralName): boolean {
  return a.kind === 'other' && b.kind === 'other' ? a.tag === b.tag : a.kind === b.kind
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'name constraints have no right form')
}
