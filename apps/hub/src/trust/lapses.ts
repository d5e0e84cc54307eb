/** Everything in the hub that lapses some day, as sources of its calendar. */

import {
  issuedLapses,
  type IssuedCertificateStore,
  type Lapse,
  type LapseSource,
  listedLapses,
} from '@holdfast/credentials'
import type { Authorities, RevocationLists } from '@holdfast/identity'
import { type Certificate, parseCertificate, renewalTimeOf } from '@holdfast/pki'
import type { Enrollment, ProvisioningStore } from '@holdfast/provisioning'

export interface LapseParts {
  readonly issued: Pick<IssuedCertificateStore, 'listIssuedByEnd'>
  readonly authorities: Pick<Authorities, 'list'>
  readonly enrollments: Pick<ProvisioningStore, 'listEnrollments'>
  /** Of customers' authorities. */
  readonly revocationLists: Pick<RevocationLists, 'list'>
  /** The hub's own: what devices trust, what issues, and the certificate of the listeners. */
  readonly hub: {
    readonly roots: readonly Certificate[]
    readonly issuers: readonly Certificate[]
    readonly server: Certificate
  }
}

const PAGE_ITEMS = 1_000

export function lapseSources(parts: LapseParts): readonly LapseSource[] {
  return [
    issuedLapses(parts.issued),
    listedLapses(() =>
      parts.authorities.list().map(({ name, parsed }) => lapse('customer-authority', `authority/${name}`, parsed)),
    ),
    listedLapses(() => hubLapses(parts.hub)),
    listedLapses(() => enrollmentLapses(parts.enrollments)),
    listedLapses(() => listLapses(parts.revocationLists)),
  ]
}

function hubLapses(hub: LapseParts['hub']): readonly Lapse[] {
  const { roots, issuers, server } = hub
  return [
    // A root is followed by a roll-over, which somebody has to begin.
    ...roots.map((root) => lapse('hub', 'certificate/root-authority', root)),
    ...issuers.map((issuer) => ({
      ...lapse('hub', 'certificate/issuing-authority', issuer),
      renewal: renewalTimeOf(issuer),
    })),
    { ...lapse('hub', 'certificate/server-certificate', server), renewal: renewalTimeOf(server) },
  ]
}

/** A list that is fetched is followed by the next one at its end. */
function listLapses(lists: LapseParts['revocationLists']): readonly Lapse[] {
  return lists.list().flatMap(({ authority, issuerKey, parsed, url }): readonly Lapse[] => {
    const at = parsed?.nextUpdate
    if (at === undefined) return []
    const subject = `authority/${authority}`
    return [{ at, kind: 'revocation-list', subject, id: issuerKey, ...(url === undefined ? {} : { renewal: at }) }]
  })
}

async function enrollmentLapses(store: LapseParts['enrollments']): Promise<readonly Lapse[]> {
  const lapses: Lapse[] = []
  for (const scope of ['group', 'individual'] as const) {
    let after: string | undefined
    for (;;) {
      const page = await store.listEnrollments(scope, { limit: PAGE_ITEMS, ...(after === undefined ? {} : { after }) })
      lapses.push(...page.flatMap((one) => lapsesOf(one)))
      after = page.at(-1)?.id
      if (page.length < PAGE_ITEMS) break
    }
  }
  return lapses
}

function lapsesOf({ id, scope, attestation }: Enrollment): readonly Lapse[] {
  if (attestation.kind !== 'x509') return []
  const { primary, secondary } = attestation
  const subject = `${scope === 'group' ? 'enrollment-group' : 'enrollment'}/${id}`
  return [primary, ...(secondary === undefined ? [] : [secondary])].map((der, slot) => ({
    ...lapse('enrollment', subject, parseCertificate(der)),
    // The same certificate may stand in many enrolments.
    id: `${subject}/${slot === 0 ? 'primary' : 'secondary'}`,
  }))
}

function lapse(kind: Lapse['kind'], subject: string, certificate: Certificate): Lapse {
  return { kind, subject, at: certificate.notAfter, id: certificate.sha256Thumbprint }
}
