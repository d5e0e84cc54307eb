/**
 * The Public Key Interoperability Test Suite of NIST (PKITS 1.0.1, the data of 2011), every path of it, with its default
 * settings: any policy, nothing asked for at the start. Each verdict is the one that the suite expects, but for those
 * that stand in `DIFFERENCES` with the reason.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { timestampOf } from '@holdfast/base'
import { requireFolder } from '@holdfast/testing-tidy'
import { isSameName } from './distinguished-name.ts'
import { PkiError, parseCertificate, parseRevocationList, verifyChain } from './index.ts'
import type { Certificate, RevocationList } from './index.ts'

const FOLDER = '/usr/lib/python3/dist-packages/cryptography_vectors/x509/PKITS_data'
const skip = requireFolder(FOLDER, 'python3-cryptography-vectors')
const NOW = timestampOf(Date.UTC(2020, 0, 1))

/** Of the tests whose names do not say it; PKITS 4.8 and 4.12, first of the settings of each. */
const EXPECTED: Readonly<Record<string, boolean>> = {
  AllCertificatesNoPoliciesTest2: true,
  AllCertificatesSamePoliciesTest10: true,
  AllCertificatesSamePoliciesTest13: true,
  AllCertificatesanyPolicyTest11: true,
  AnyPolicyTest14: true,
  CPSPointerQualifierTest20: true,
  DifferentPoliciesTest12: false,
  DifferentPoliciesTest3: true,
  DifferentPoliciesTest4: false,
  DifferentPoliciesTest5: false,
  DifferentPoliciesTest7: false,
  DifferentPoliciesTest8: false,
  DifferentPoliciesTest9: false,
  OverlappingPoliciesTest6: true,
  UserNoticeQualifierTest15: true,
  UserNoticeQualifierTest16: true,
  UserNoticeQualifierTest17: true,
  UserNoticeQualifierTest18: true,
  UserNoticeQualifierTest19: true,
  inhibitAnyPolicyTest3: true,
}

/** What we do not process, and so refuse; nothing of it is needed to keep a revoked certificate out. */
const DSA = { fault: 'weak-signature', reason: 'DSA is no algorithm that we take' }
const OTHER_KEY = {
  fault: 'no list',
  reason: 'a list counts for what the key that signed it has issued: a CA with two keys has a list of each',
}
const INDIRECT = { fault: 'no list', reason: 'a list with entries of other CAs does not count' }
const PARTIAL = { fault: 'no list', reason: 'a list of some certificates or reasons alone does not count' }

/**
 * Where we differ, and why. All but one are refusals of what the suite accepts; `InvaliddeltaCRLTest4` has its news in a
 * delta list, which is refused when it is handed to us, so that whoever has such lists hears of it at once.
 */
const DIFFERENCES: Readonly<Record<string, { readonly fault: string; readonly reason: string }>> = {
  ValidDSASignaturesTest4: DSA,
  ValidDSAParameterInheritanceTest5: DSA,
  ValidBasicSelfIssuedCRLSigningKeyTest6: OTHER_KEY,
  ValidBasicSelfIssuedNewWithOldTest3: OTHER_KEY,
  ValidBasicSelfIssuedNewWithOldTest4: OTHER_KEY,
  ValidBasicSelfIssuedOldWithNewTest1: OTHER_KEY,
  ValidDNnameConstraintsTest19: OTHER_KEY,
  ValidSelfIssuedinhibitAnyPolicyTest7: OTHER_KEY,
  ValidSelfIssuedinhibitAnyPolicyTest9: OTHER_KEY,
  ValidSelfIssuedinhibitPolicyMappingTest7: OTHER_KEY,
  ValidSelfIssuedpathLenConstraintTest15: OTHER_KEY,
  ValidSelfIssuedpathLenConstraintTest17: OTHER_KEY,
  ValidSelfIssuedrequireExplicitPolicyTest6: OTHER_KEY,
  ValidSeparateCertificateandCRLKeysTest19: OTHER_KEY,
  ValidIDPwithindirectCRLTest22: INDIRECT,
  ValidIDPwithindirectCRLTest24: INDIRECT,
  ValidIDPwithindirectCRLTest25: INDIRECT,
  ValidcRLIssuerTest28: INDIRECT,
  ValidcRLIssuerTest29: INDIRECT,
  ValidcRLIssuerTest30: INDIRECT,
  ValidcRLIssuerTest33: INDIRECT,
  ValiddistributionPointTest1: PARTIAL,
  ValiddistributionPointTest4: PARTIAL,
  ValiddistributionPointTest5: PARTIAL,
  ValiddistributionPointTest7: PARTIAL,
  ValidonlyContainsCACertsTest13: PARTIAL,
  ValidonlySomeReasonsTest18: PARTIAL,
  ValidonlySomeReasonsTest19: PARTIAL,
  InvaliddeltaCRLTest4: { fault: 'trusted', reason: 'delta lists do not count; the complete list says nothing yet' },
  ValiddeltaCRLTest5: {
    fault: 'revoked',
    reason: 'on hold in the complete list; the delta list that frees it does not count',
  },
}

test('PKITS: every path has the verdict that the suite expects, but for those that are explained', { skip }, () => {
  const certificates = read('certs', parseCertificate)
  const lists = [...read('crls', parseRevocationList).values()]
  const anchor = certificates.get('TrustAnchorRootCertificate')
  assert.ok(anchor !== undefined)
  const differences: Record<string, string> = {}
  let count = 0
  for (const file of readdirSync(join(FOLDER, 'certs')).toSorted()) {
    const [, name] = /^(\w+Test\d+)(?:EE)?\.crt$/.exec(file) ?? []
    if (name === undefined) continue
    count += 1
    const isExpected = EXPECTED[name] ?? name.startsWith('Valid')
    const leaf = certificates.get(file.slice(0, -4))
    const fault = leaf === undefined ? 'malformed' : faultOf(leaf, [...certificates.values()], anchor, lists)
    if ((fault === undefined) !== isExpected) differences[name] = fault ?? 'trusted'
  }
  assert.ok(count >= 220, `${count} paths`)
  assert.deepEqual(
    differences,
    Object.fromEntries(Object.entries(DIFFERENCES).map(([name, { fault }]) => [name, fault])),
  )
})

function read<T>(folder: string, parse: (der: Uint8Array) => T): Map<string, T> {
  const found = new Map<string, T>()
  for (const file of readdirSync(join(FOLDER, folder))) {
    try {
      found.set(file.replace(/\.\w+$/, ''), parse(readFileSync(join(FOLDER, folder, file))))
    } catch (error) {
      if (!(error instanceof PkiError)) throw error
    }
  }
  return found
}

function faultOf(
  leaf: Certificate,
  all: readonly Certificate[],
  anchor: Certificate,
  lists: readonly RevocationList[],
): string | undefined {
  const intermediates = issuersOf(leaf, all, anchor).map(({ der }) => der)
  const verdict = verifyChain({ leaf, intermediates, anchors: [anchor], now: NOW })
  return verdict.kind === 'untrusted' ? verdict.reason : revocationFault(verdict.path, lists)
}

/** What may stand above the leaf, by name. */
function issuersOf(leaf: Certificate, all: readonly Certificate[], anchor: Certificate): readonly Certificate[] {
  const found = new Set<Certificate>()
  for (let layer: readonly Certificate[] = [leaf]; layer.length > 0 && found.size < 8; ) {
    layer = all.filter(
      (one) =>
        one !== anchor &&
        !found.has(one) &&
        one !== leaf &&
        layer.some((below) => isSameName(below.issuer, one.subject)),
    )
    for (const one of layer) found.add(one)
  }
  return [...found]
}

/** As the suite has it, and stricter than the hub: a certificate without a good list of its issuer is refused. */
function revocationFault(path: readonly Certificate[], lists: readonly RevocationList[]): string | undefined {
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[index + 1]
    assert.ok(issuer !== undefined)
    const good = lists.filter((list) => list.isIssuableBy(issuer) && list.faultOf(issuer) === undefined)
    const fresh = good.filter((list) => list.freshnessAt(NOW) === 'fresh')
    if (fresh.some((list) => list.entryOf(certificate.serial) !== undefined)) return 'revoked'
    if (fresh.length === 0) return 'no list'
  }
  return undefined
}
