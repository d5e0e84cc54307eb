/**
 * Manufacturers of TPMs that are trusted, by the certificates of their roots (or of what stands below a root, which narrows
 * the trust to that), and what they say of an endorsement key. All are in memory; there are few.
 */

import type { Because, EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import {
  type Certificate,
  PkiError,
  checkAuthority,
  parseCertificate,
  splitCertificates,
  tpmMakerOf,
  verifyChain,
} from '@holdfast/pki'
import { TpmError, type TpmPublic, publicKeyOf } from '@holdfast/tpm'
import type { Endorsement } from './attestations.ts'
import { AttestationError } from './errors.ts'
import { ENDORSEMENT_ROOTS_MAX } from './limits.ts'

export interface StoredEndorsementRoot {
  readonly name: string
  /** DER. */
  readonly certificate: Uint8Array
  readonly addedTime: Timestamp
}

/** Each write resolves when it is durable, and keeps `because` in its transaction where it did what was asked. */
export interface EndorsementRootStore {
  listEndorsementRoots(): Promise<readonly StoredEndorsementRoot[]>
  /** In place of one of the same name. */
  writeEndorsementRoot(root: StoredEndorsementRoot, because?: Because): Promise<void>
  deleteEndorsementRoot(name: string, because?: Because): Promise<void>
}

export interface EndorsementRootsParts {
  readonly store: EndorsementRootStore
  readonly clock: Clock
  /** Something in the store cannot be read; it is left out. MUST NOT throw. */
  readonly damaged: (what: string, error: unknown) => void
}

export interface EndorsementRoot {
  readonly name: string
  readonly certificate: Certificate
  readonly addedTime: Timestamp
}

const NAME = /^[A-Za-z0-9._-]{1,128}$/

/** Changes take the `actor` for the event, resolve when they are durable, and are made one after the other. */
export class EndorsementRoots {
  readonly #parts: EndorsementRootsParts
  readonly #roots = new Map<string, EndorsementRoot>()
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(parts: EndorsementRootsParts) {
    this.#parts = parts
  }

  static async open(parts: EndorsementRootsParts): Promise<EndorsementRoots> {
    const roots = new EndorsementRoots(parts)
    for (const { name, certificate, addedTime } of await parts.store.listEndorsementRoots()) {
      try {
        roots.#roots.set(name, { name, certificate: parseCertificate(certificate), addedTime })
      } catch (error) {
        parts.damaged(`the root ${name} of TPMs' manufacturers`, error)
      }
    }
    return roots
  }

  /** By name. */
  list(): readonly EndorsementRoot[] {
    return [...this.#roots.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * Trusts what this authority says of endorsement keys.
   * @param certificate DER of a CA.
   * @throws AttestationError `invalid`, `exists`, `too-many`.
   */
  add(name: string, certificate: Uint8Array, actor: string): Promise<EndorsementRoot> {
    return this.#inTurn(async () => {
      if (!NAME.test(name)) throw new AttestationError('invalid', 'a name is 1 to 128 of A-Z a-z 0-9 . _ -')
      if (this.#roots.has(name)) {
        throw new AttestationError('exists', `there is a root ${name} already; remove it first`)
      }
      if (this.#roots.size >= ENDORSEMENT_ROOTS_MAX) {
        throw new AttestationError('too-many', `there are at most ${ENDORSEMENT_ROOTS_MAX} roots`)
      }
      const { clock, store } = this.#parts
      const addedTime = clock.wall()
      const authority = authorityOf(certificate, addedTime)
      const root = { name, certificate: authority, addedTime }
      await store.writeEndorsementRoot(
        { name, certificate: authority.der, addedTime },
        this.#event('endorsement-root.added', root, actor),
      )
      this.#roots.set(name, root)
      return root
    })
  }

  /** Sessions that rest on what it vouched for go on; the next activation finds it gone. @throws AttestationError `missing`. */
  remove(name: string, actor: string): Promise<EndorsementRoot> {
    return this.#inTurn(async () => {
      const root = this.#roots.get(name)
      if (root === undefined) throw new AttestationError('missing', `there is no root ${name}`)
      await this.#parts.store.deleteEndorsementRoot(name, this.#event('endorsement-root.removed', root, actor))
      this.#roots.delete(name)
      return root
    })
  }

  /**
   * Whether a trusted manufacturer says that the key is of a TPM of its own (TCG EK Credential Profile 2.5).
   * @param certificates DER one after the other: the key's own, then those between it and a root, in any order.
   */
  vouch(endorsementKey: TpmPublic, certificates: Uint8Array | undefined): Endorsement {
    if (certificates === undefined) return unproven('no certificate of the endorsement key was shown')
    try {
      return this.#vouch(endorsementKey, certificates)
    } catch (error) {
      if (error instanceof PkiError) return unproven(`the certificate cannot be read (${error.code})`)
      if (error instanceof TpmError) return unproven(`the endorsement key is no key (${error.code})`)
      throw error
    }
  }

  #vouch(endorsementKey: TpmPublic, certificates: Uint8Array): Endorsement {
    const [first, ...intermediates] = splitCertificates(certificates)
    if (first === undefined) return unproven('no certificate of the endorsement key was shown')
    const leaf = parseCertificate(first)
    const spki = publicKeyOf(endorsementKey).export({ type: 'spki', format: 'der' })
    if (Buffer.compare(leaf.publicKey().export({ type: 'spki', format: 'der' }), spki) !== 0) {
      return unproven('the certificate is not of this endorsement key')
    }
    // §3.2.14: no authority; else whoever holds the TPM could say the same of other keys.
    if (leaf.extensions.isAuthority) return unproven('the certificate is that of an authority')
    const maker = tpmMakerOf(leaf)
    if (maker === undefined) return unproven('the certificate does not name a manufacturer, model and version of a TPM')
    const anchors = [...this.#roots.values()].map(({ certificate }) => certificate)
    const now = this.#parts.clock.wall()
    const verdict = verifyChain({ leaf, intermediates, anchors, now, purpose: 'endorsement' })
    if (verdict.kind === 'untrusted') {
      return unproven(
        verdict.reason === 'no-path'
          ? 'the certificate is of no manufacturer that is trusted here'
          : `the certificate does not hold (${verdict.reason})`,
      )
    }
    return { kind: 'vouched', manufacturer: clean(`${maker.manufacturer} ${maker.model} ${maker.version}`) }
  }

  #event(type: EventType, { name, certificate }: EndorsementRoot, actor: string): SecurityEvent {
    const detail = { subject: clean(certificate.subjectName), sha256: certificate.sha256Thumbprint }
    return { type, at: this.#parts.clock.wall(), subject: `endorsement-root/${name}`, actor, detail }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}

function authorityOf(der: Uint8Array, now: Timestamp): Certificate {
  try {
    const certificate = parseCertificate(der)
    const fault = checkAuthority(certificate, now)
    if (fault === undefined) return certificate
    throw new AttestationError('invalid', `the certificate cannot be a root: ${fault.reason}`)
  } catch (error) {
    if (error instanceof PkiError) {
      throw new AttestationError('invalid', `the certificate cannot be a root: ${error.message}`, { cause: error })
    }
    throw error
  }
}

function unproven(why: string): Endorsement {
  return { kind: 'unproven', why }
}

/** A certificate's text is whatever its issuer wrote, and an operator's terminal shows it. */
function clean(text: string): string {
  return text.slice(0, 256).replace(/[^\x20-\x7e]/g, '?')
}
