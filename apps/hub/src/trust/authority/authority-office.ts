/** The hub's own authority, put together: what it publishes, who has moved to its next root, and its operator's acts. */

import type { Api } from '@holdfast/api'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { IssuedCertificates, IssuedCertificateStore } from '@holdfast/credentials'
import type { Cut } from '@holdfast/identity'
import type { Certificate } from '@holdfast/pki'
import type { MoveEvidenceStore, SettingStore } from '@holdfast/store'
import type { HubAuthority } from '../../core/hub-authority.ts'
import type { ListenerCertificate } from '../../core/listener-certificate.ts'
import type { Notices } from '../../core/notices.ts'
import type { PublicationServices } from '../../http/publication.ts'
import { OcspResponder } from '../publication/ocsp-responder.ts'
import { RevocationLists } from '../publication/revocation-lists.ts'
import { revokedSerials } from '../publication/revoked-serials.ts'
import { AuthorityService } from './authority-service.ts'
import { MoveWitness } from './move-witness.ts'

export interface AuthorityOfficeParts {
  readonly authority: HubAuthority
  readonly certificate: ListenerCertificate
  readonly issued: IssuedCertificates
  readonly store: IssuedCertificateStore & MoveEvidenceStore & SettingStore
  readonly notices: Notices
  readonly clock: Clock
  readonly events: EventSink
  readonly cutOff: (cuts: readonly Cut[]) => Promise<Api.Changed>
  /** Lets go of the tokens that keep authorities' keys. */
  readonly closeTokens: () => Promise<void>
  /** Told of what failed and is tried again. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export class AuthorityOffice {
  readonly service: AuthorityService
  /** For the desk, among the handlers of devices. */
  readonly witness: MoveWitness
  readonly publication: PublicationServices['publication']
  readonly #lists: RevocationLists
  readonly #closeTokens: () => Promise<void>

  private constructor(parts: AuthorityOfficeParts, lists: RevocationLists, ocsp: OcspResponder) {
    const { authority, certificate, issued, store, notices, clock, cutOff, fault } = parts
    this.#lists = lists
    this.#closeTokens = parts.closeTokens
    this.witness = new MoveWitness({ store, clock, rollover: () => authority.rollover, fault })
    this.publication = {
      authority: {
        get issuers(): readonly Certificate[] {
          return authority.issuers
        },
        get roots(): readonly Certificate[] {
          return authority.roots
        },
        rootListOf: (root) => authority.rootListOf(root),
      },
      lists,
      ocsp,
    }
    this.service = new AuthorityService({
      authority,
      follow: () => certificate.follow(),
      notices,
      clock,
      store,
      witness: this.witness,
      issued: { countByIssuer: () => store.countIssuedByIssuer(), cutsOf: (issuers) => issued.cutsOf(issuers) },
      cutOff,
    })
    issued.subscribe((news, { key, issuerSha256 }) => {
      const { rollover } = authority
      if (news !== 'activated' || rollover === undefined) return
      const isNew = authority.issuersOf(rollover.generation).some((it) => it.sha256Thumbprint === issuerSha256)
      if (isNew) this.witness.renewed(key)
    })
  }

  /** Resolves when the first lists of revoked certificates are there, or the first attempt has been told as failed. */
  static async open(parts: AuthorityOfficeParts): Promise<AuthorityOffice> {
    const { authority, issued, store, clock, events, fault } = parts
    const serials = revokedSerials(store, (listener) => issued.subscribe(listener))
    const lists = await RevocationLists.open({ authority, serials, store, clock, events, fault })
    return new AuthorityOffice(parts, lists, new OcspResponder({ authority, serials, clock, fault }))
  }

  /** To be called every minute or so, after the authority had its own. */
  async upkeep(): Promise<void> {
    await this.#lists.refresh()
    await this.service.tidy()
    this.service.notice()
  }

  /** Nothing is published anew; what was seen of devices is written. */
  async end(): Promise<void> {
    this.#lists.end()
    await this.witness.end()
    await this.#closeTokens()
  }
}
