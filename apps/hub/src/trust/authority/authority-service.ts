/** The hub's own authority as its operator has it: shown, its root carried away and used, rolled over. */

import type { Api } from '@holdfast/api'
import { type Clock, formatTimestamp, timestampOf } from '@holdfast/base'
import type { Cut } from '@holdfast/identity'
import type { Certificate } from '@holdfast/pki'
import type { MoveEvidenceStore } from '@holdfast/store'
import { AuthorityError } from '../../core/authority/errors.ts'
import type { Rollover } from '../../core/authority/authority-state.ts'
import type { BroughtRoot, HubAuthority, RootShown } from '../../core/hub-authority.ts'
import type { Notices } from '../../core/notices.ts'
import { countMoves } from './move-progress.ts'
import type { MoveWitness } from './move-witness.ts'

/** What the authority needs to know and do of the certificates that it issued to devices. */
export interface IssuedBelow {
  /** Live ones, by SHA-256 of their issuer's certificate. */
  countByIssuer(): Promise<readonly { readonly issuerSha256: string; readonly live: number }[]>
  /**
   * What cuts off the sessions that rest on certificates of these issuers, which count no longer. A judgement that was
   * made before is asked for anew.
   */
  cutsOf(issuerSha256s: ReadonlySet<string>): Promise<readonly Cut[]>
}

export interface AuthorityServiceParts {
  readonly authority: HubAuthority
  /** Has the listeners show what the authority has for them now; resolves when they do. */
  readonly follow: () => Promise<void>
  readonly notices: Notices
  readonly clock: Clock
  readonly store: MoveEvidenceStore
  readonly witness: MoveWitness
  readonly issued: IssuedBelow
  readonly cutOff: (cuts: readonly Cut[]) => Promise<Api.Changed>
}

const DAY_MS = 86_400_000
/** Devices that were silent for longer are not waited for, unless an operator says otherwise. */
export const ACTIVE_DAYS = 30
const NOT_MOVED = 'not every active device is known to have moved: see the progress, and say so if they are to be left'

export class AuthorityService {
  readonly #parts: AuthorityServiceParts

  constructor(parts: AuthorityServiceParts) {
    this.#parts = parts
    parts.authority.onChange(() => this.notice())
    this.notice()
  }

  show(): Api.HubAuthority {
    const { authority } = this.#parts
    const { certificate, publication } = authority.issuing
    const { rollover } = authority
    return {
      roots: authority.rootsShown.map(rootJson),
      issuing: {
        sha256: certificate.sha256Thumbprint,
        notAfter: formatTimestamp(certificate.notAfter),
        home: authority.issuingHome,
        ...(publication === undefined ? {} : { revocationList: publication.revocationList }),
        ...(publication?.ocsp === undefined ? {} : { ocsp: publication.ocsp }),
      },
      ...(rollover === undefined ? {} : { rollover: rolloverJson(rollover) }),
    }
  }

  /** @throws AuthorityError. */
  async exportRoot(passphrase: Uint8Array, generation: number | undefined, actor: string): Promise<Api.RootBundle> {
    const bundle = await this.#parts.authority.exportRoot(passphrase, actor, generation)
    const found = await this.#parts.authority.verifyBundle({ bundle, passphrase })
    return { generation: found.generation, sha256: found.root.sha256Thumbprint, bundle }
  }

  /** @throws AuthorityError. */
  async verifyRoot(brought: BroughtRoot): Promise<Api.Root> {
    const { generation } = await this.#parts.authority.verifyBundle(brought)
    const root = this.#parts.authority.rootsShown.find((it) => it.generation === generation)
    if (root === undefined) throw new AuthorityError('wrong-bundle', 'the bundle is of no root of this hub')
    return rootJson(root)
  }

  /** @throws AuthorityError. */
  async removeRoot(brought: BroughtRoot, actor: string): Promise<Api.HubAuthority> {
    await this.#parts.authority.removeRoot(brought, actor)
    return this.show()
  }

  /** @throws AuthorityError. */
  async useRoot(
    options: { readonly brought?: BroughtRoot; readonly revokes?: boolean },
    actor: string,
  ): Promise<Api.HubAuthorityChanged> {
    const gone = await this.#parts.authority.useRoot(options, actor)
    return this.#after(gone)
  }

  /** @throws AuthorityError. */
  async begin(
    options: { readonly old?: BroughtRoot; readonly passphrase?: Uint8Array | undefined },
    actor: string,
  ): Promise<Api.HubAuthority> {
    const { authority, store, witness } = this.#parts
    if (authority.rollover === undefined) {
      witness.forget()
      await witness.flush()
      await store.clearMoveEvidence()
    }
    await authority.beginRollover(options, actor)
    return this.show()
  }

  /** @throws AuthorityError. */
  async switch(serving: 'crossed' | 'new', actor: string): Promise<Api.HubAuthority> {
    await this.#parts.authority.switchRollover(serving, actor)
    await this.#parts.follow()
    return this.show()
  }

  /** @throws AuthorityError. */
  async back(actor: string): Promise<Api.HubAuthority> {
    await this.#parts.authority.backRollover(actor)
    await this.#parts.follow()
    await this.tidy()
    return this.show()
  }

  /**
   * Ends the roll-over and cuts off what rests on the old root.
   * @throws AuthorityError, `not-all-moved` unless forced.
   */
  async finish(
    options: { readonly force?: boolean; readonly days?: number },
    actor: string,
  ): Promise<Api.HubAuthorityChanged> {
    const progress = await this.progress(options.days ?? ACTIVE_DAYS)
    if (progress.serving !== 'old' && !progress.safeToRetire && options.force !== true) {
      throw new AuthorityError('not-all-moved', NOT_MOVED)
    }
    return this.#after(await this.#parts.authority.finishRollover(actor))
  }

  /** @throws AuthorityError `no-rollover`. */
  async progress(days: number): Promise<Api.RolloverProgress> {
    const { authority, store, clock, witness, issued } = this.#parts
    const { rollover } = authority
    if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
    await witness.flush()
    const counted = await countMoves(store, timestampOf(Math.max(0, clock.wall() - days * DAY_MS)))
    const isNew = new Set(authority.issuersOf(rollover.generation).map((it) => it.sha256Thumbprint))
    const below = (await issued.countByIssuer()).filter(({ issuerSha256 }) => !isNew.has(issuerSha256))
    const certificatesBelowOld = below.reduce((sum, { live }) => sum + live, 0)
    const isShown = rollover.serving !== 'old'
    return {
      ...rolloverJson(rollover),
      days,
      ...counted,
      remaining: [...counted.remaining],
      certificatesBelowOld,
      safeToRetire: isShown && counted.moved === counted.active && certificatesBelowOld === 0,
    }
  }

  /** Roots that were gone back from go once nothing below them counts; to be called now and then. */
  async tidy(): Promise<void> {
    const { authority, issued } = this.#parts
    if (authority.rootsShown.every(({ isTrusted }) => isTrusted)) return
    const live = new Map((await issued.countByIssuer()).map((it) => [it.issuerSha256, it.live]))
    await authority.dropUnused(async (issuer) => (live.get(issuer.sha256Thumbprint) ?? 0) > 0)
  }

  /** Says what the operator should change: a root's key that lies with the data. */
  notice(): void {
    const { authority, notices } = this.#parts
    const places = new Map(authority.rootsShown.map(({ generation, place }) => [place, generation]))
    const onMachine = places.get('machine')
    notices.set(
      'root-key-on-machine',
      onMachine === undefined
        ? undefined
        : {
            detail: `the key of root ${onMachine} lies in the data folder: whoever has that can make hubs that devices trust`,
            advice: 'move it away: holdfast ca root export --to FILE --remove',
          },
    )
    const sealed = places.get('passphrase')
    notices.set(
      'root-bundle-on-machine',
      sealed === undefined
        ? undefined
        : {
            detail: `the bundle of root ${sealed}, sealed by its passphrase, lies in the data folder`,
            advice: 'move it away: holdfast ca root export --to FILE --remove',
          },
    )
  }

  async #after(gone: readonly Certificate[]): Promise<Api.HubAuthorityChanged> {
    const { follow, issued, cutOff } = this.#parts
    const names = new Set(gone.map((it) => it.sha256Thumbprint))
    const cuts = names.size === 0 ? [] : await issued.cutsOf(names)
    const changed = cuts.length === 0 ? { sessionsClosed: 0, milliseconds: 0 } : await cutOff(cuts)
    await follow()
    return { ...this.show(), ...changed }
  }
}

function rootJson({ generation, certificate, place, isTrusted, isCrossSigned }: RootShown): Api.Root {
  return {
    generation,
    subject: certificate.subjectName,
    sha256: certificate.sha256Thumbprint,
    notAfter: formatTimestamp(certificate.notAfter),
    key: place,
    trusted: isTrusted,
    crossSigned: isCrossSigned,
  }
}

function rolloverJson({ generation, begunAt, serving, servingSince }: Rollover): Api.RolloverState {
  return {
    generation,
    begunTime: formatTimestamp(begunAt),
    serving,
    servingSince: formatTimestamp(servingSince),
  }
}
