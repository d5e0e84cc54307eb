/** What the publication needs to know of certificates that the hub issued to devices. */

import type { CertificateNews, IssuedCertificate, IssuedCertificateStore } from '@holdfast/credentials'
import type { Timestamp } from '@holdfast/base'
import { type Certificate, CRL_ENTRIES_MAX, type OcspStatus, type RevokedCertificate } from '@holdfast/pki'

export interface RevokedSerials {
  /** Revoked ones that have not ended, by the SHA-256 thumbprint of their issuer. At most `CRL_ENTRIES_MAX` in all. */
  revoked(now: Timestamp): Promise<ReadonlyMap<string, readonly RevokedCertificate[]>>
  /** Of one certificate of `issuer`, by its serial number in upper-case hex. */
  statusOf(issuer: Certificate, serialNumber: string): Promise<OcspStatus>
  /**
   * Calls `listener` after what is told of a certificate has changed; returns what ends it. `listener` does not throw.
   * `lists`: what was revoked has changed, too.
   */
  onChange(listener: (change: 'status' | 'lists') => void): () => void
}

const PAGE_ITEMS = 1_000

/** From the records of issued certificates; `subscribe` is that of `IssuedCertificates`. */
export function revokedSerials(
  store: Pick<IssuedCertificateStore, 'listIssuedRevoked' | 'readIssuedBySerial'>,
  subscribe: (listener: (news: CertificateNews, record: IssuedCertificate) => void) => () => void,
): RevokedSerials {
  return {
    async revoked(now) {
      const found = new Map<string, RevokedCertificate[]>()
      let after: { readonly time: Timestamp; readonly sha256: string } | undefined
      for (let count = 0; count < CRL_ENTRIES_MAX; ) {
        const page = await store.listIssuedRevoked({
          now,
          limit: PAGE_ITEMS,
          ...(after === undefined ? {} : { after }),
        })
        for (const { issuerSha256, serialNumber, stateTime, reason } of page) {
          const list = found.get(issuerSha256) ?? []
          list.push({ serialNumber, revokedAt: stateTime, ...(reason === undefined ? {} : { reason }) })
          found.set(issuerSha256, list)
        }
        count += page.length
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE_ITEMS) break
        after = { time: last.stateTime, sha256: last.sha256 }
      }
      return found
    },
    async statusOf(issuer, serialNumber) {
      const record = await store.readIssuedBySerial(serialNumber)
      if (record === undefined || record.issuerSha256 !== issuer.sha256Thumbprint) return { kind: 'unknown' }
      const { state, stateTime, reason } = record
      if (state !== 'revoked') return { kind: 'good' }
      return { kind: 'revoked', at: stateTime, ...(reason === undefined ? {} : { reason }) }
    },
    onChange: (listener) =>
      subscribe((news) => {
        // A certificate that is new stands in no list; if it had the answer `unknown`, it is asked for anew.
        if (news === 'issued') listener('status')
        else if (news === 'revoked' || news === 'released') listener('lists')
      }),
  }
}
