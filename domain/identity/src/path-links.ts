/** A certification path as revocation sees it. */

import type { Certificate } from '@holdfast/pki'
import { spkiSha256Of } from './key-register.ts'
import type { PathLink } from './revocation.ts'

/** Issuers are few and come with every path: the digest of each is made once as long as its certificate lives. */
const digests = new WeakMap<Certificate, string>()

export function issuerKeyOf(issuer: Certificate): string {
  let digest = digests.get(issuer)
  if (digest === undefined) {
    digest = spkiSha256Of(issuer.spki)
    digests.set(issuer, digest)
  }
  return digest
}

/** @param path leaf first, anchor last. @returns one link for each certificate but the anchor. */
export function linksOf(path: readonly Certificate[]): readonly PathLink[] {
  const links: PathLink[] = []
  for (const [index, issuer] of path.entries()) {
    const below = path[index - 1]
    if (below !== undefined) links.push({ issuerKey: issuerKeyOf(issuer), serialNumber: below.serialNumber })
  }
  return links
}
