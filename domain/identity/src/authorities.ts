/** Customers' certificate authorities, and what they vouch for. */

import { createHash } from 'node:crypto'
import type { EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, LruMap, type Timestamp, timestampOf } from '@holdfast/base'
import {
  type Certificate,
  type ChainRefusal,
  checkAuthority,
  decodeCertificateInput,
  parseCertificate,
  PkiError,
  verifyChain,
  verifyPossession,
} from '@holdfast/pki'
import type { Cut } from './credential.ts'
import { IdentityError } from './errors.ts'
import { identityText } from './identity-key.ts'
import type { IdentityKey } from './identity.ts'
import {
  AUTHORITIES_MAX,
  AUTHORITY_NAME_CHARACTERS_MAX,
  CHAINS_CACHED_MAX,
  ETAG_BYTES,
  NONCE_BYTES,
  REFUSAL_LIFE_MS,
} from './limits.ts'
import { type RandomBytes, randomBase64 } from './random.ts'
import { NO_REVOCATION, type PathLink, type RevocationDenial, type RevocationJudge } from './revocation.ts'
import type { RevocationLists } from './revocation-lists.ts'
import type { AuthorityStore, CustomerAuthority } from './store.ts'

/** A client certificate as the TLS connection proved it; the facts are those of the chain's first certificate. */
export interface PresentedCertificate {
  /** Upper-case hex of the leaf's DER. */
  readonly sha1: string
  readonly sha256: string
  readonly commonName: string
  readonly notBefore: Timestamp
  readonly notAfter: Timestamp
  /** DER, leaf first. After a resumed TLS session the leaf alone. */
  readonly chain: readonly Uint8Array[]
}

export type ChainDenial =
  /** Not in the name of the identity that it is shown for. */
  | 'certificate-name'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  /** No verified authority vouches for it. */
  | 'certificate-untrusted'
  | RevocationDenial

export type ChainJudgement =
  | {
      readonly kind: 'trusted'
      readonly name: string
      /** SHA-256 of the authority's certificate. */
      readonly thumbprint: string
      /** When the first certificate of the path ends. */
      readonly expires: Timestamp
      /** Leaf first, without the authority. */
      readonly path: readonly PathLink[]
    }
  | { readonly kind: 'denied'; readonly code: ChainDenial; readonly detail: string }

export interface AuthoritiesParts {
  readonly store: AuthorityStore
  readonly clock: Clock
  readonly random: RandomBytes
  readonly events: EventSink
  /** Absent: nobody has revocation lists. */
  readonly revocations?: RevocationLists
}

/** An authority with its certificate read. */
export interface Authority extends CustomerAuthority {
  readonly parsed: Certificate
  /** SHA-256, upper-case hex. */
  readonly thumbprint: string
}

type Verdict =
  | {
      readonly kind: 'trusted'
      readonly authority: Authority
      readonly expires: Timestamp
      readonly path: readonly PathLink[]
    }
  | { readonly kind: 'untrusted'; readonly reason: ChainRefusal; readonly until: Timestamp }

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** Why a chain is denied, from why it is not trusted. The other reasons are `certificate-untrusted`. */
const DENIALS: Partial<Readonly<Record<ChainRefusal, ChainDenial>>> = {
  expired: 'certificate-expired',
  'not-yet-valid': 'certificate-not-yet-valid',
}

export class Authorities {
  readonly #parts: AuthoritiesParts
  readonly #revocations: RevocationJudge
  readonly #authorities = new Map<string, Authority>()
  readonly #listeners = new Set<() => void>()
  /** By the leaf's SHA-256: TLS has proved that the peer holds its key, so the leaf alone stands for the chain. */
  readonly #trusted = new LruMap<string, Extract<Verdict, { kind: 'trusted' }>>(CHAINS_CACHED_MAX)
  /** By the digest of the whole chain: the same leaf may come with the right intermediates the next time. */
  readonly #untrusted = new LruMap<string, Extract<Verdict, { kind: 'untrusted' }>>(CHAINS_CACHED_MAX)
  #verified: readonly Authority[] = []
  #lastChange: Promise<unknown> = Promise.resolve()
  #cutsMade = 0
  #judgedAt = 0

  private constructor(parts: AuthoritiesParts, stored: readonly Authority[]) {
    this.#parts = parts
    this.#revocations = parts.revocations ?? NO_REVOCATION
    for (const authority of stored) this.#authorities.set(authority.name, authority)
    this.#refresh()
  }

  /** @throws PkiError if a stored certificate cannot be read: the store is damaged. */
  static async open(parts: AuthoritiesParts): Promise<Authorities> {
    const stored = await parts.store.listAuthorities()
    return new Authorities(
      parts,
      stored.map((one) => withCertificate(one)),
    )
  }

  /** Counts changes that took an authority, or a certificate below one, away. */
  get cutsMade(): number {
    return this.#cutsMade + this.#revocations.cutsMade
  }

  list(): readonly Authority[] {
    return [...this.#authorities.values()]
  }

  read(name: string): Authority | undefined {
    return this.#authorities.get(name)
  }

  /** Those that vouch for devices now. */
  get verified(): readonly Authority[] {
    return this.#verified
  }

  /** Tells of every change after it holds. Returns what ends the telling. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Registers an authority; it vouches for nobody until its owner has signed the nonce.
   * @param certificate PEM, or base64 of DER; exactly one.
   * @throws IdentityError `invalid`, `bad-certificate`, `weak-certificate`, `not-an-authority`, `exists`,
   * `authority-known`, `too-many-authorities`.
   */
  async add(name: string, certificate: string, actor: string): Promise<Authority> {
    if (name.length > AUTHORITY_NAME_CHARACTERS_MAX || !NAME.test(name)) {
      throw new IdentityError('invalid', 'the name has letters, digits, . _ - and begins with a letter or digit')
    }
    const now = this.#parts.clock.wall()
    const parsed = readAuthority(certificate, now)
    return this.#inTurn(async () => {
      const same = this.list().find((one) => one.thumbprint === parsed.sha256Thumbprint)
      if (this.#authorities.has(name)) throw new IdentityError('exists', 'an authority of this name exists already')
      if (same !== undefined)
        throw new IdentityError('authority-known', `the same certificate is there as ${same.name}`)
      if (this.#authorities.size >= AUTHORITIES_MAX) {
        throw new IdentityError('too-many-authorities', `there are ${AUTHORITIES_MAX} already; remove one first`)
      }
      const authority: Authority = {
        name,
        certificate: parsed.der,
        etag: randomBase64(this.#parts.random, ETAG_BYTES),
        createdTime: now,
        state: { kind: 'pending', nonce: Buffer.from(this.#parts.random(NONCE_BYTES)).toString('hex') },
        parsed,
        thumbprint: parsed.sha256Thumbprint,
      }
      const added = this.#changeOf('authority.added', authority, actor)
      if ((await this.#parts.store.writeAuthority(stored(authority), { kind: 'absent' }, added)) !== 'written') {
        throw new IdentityError('exists', 'an authority of this name exists already')
      }
      this.#authorities.set(name, authority)
      this.#changed()
      return authority
    })
  }

  /**
   * Takes the proof of possession: a certificate signed by the authority, with the nonce as common name.
   * @param certificate PEM, or base64 of DER.
   * @throws IdentityError `missing`, `already-verified`, `bad-proof`.
   */
  async verify(name: string, certificate: string, actor: string): Promise<Authority> {
    return this.#inTurn(async () => {
      const current = this.#authorities.get(name)
      if (current === undefined) throw new IdentityError('missing', 'there is no authority of this name')
      if (current.state.kind === 'verified') throw new IdentityError('already-verified', 'the authority is verified')
      const refusal = refusalOf(current.parsed, certificate, current.state.nonce)
      if (refusal !== undefined) {
        this.#parts.events(this.#event('authority.verification-failed', current, actor, { reason: refusal }))
        throw new IdentityError('bad-proof', PROOF_FAULTS[refusal])
      }
      const next: Authority = {
        ...current,
        etag: randomBase64(this.#parts.random, ETAG_BYTES),
        state: { kind: 'verified', at: this.#parts.clock.wall() },
      }
      const expected = { kind: 'etag', etag: current.etag } as const
      const verified = this.#changeOf('authority.verified', next, actor)
      if ((await this.#parts.store.writeAuthority(stored(next), expected, verified)) !== 'written') {
        throw new IdentityError('etag-mismatch', 'the authority was changed at the same time; try again')
      }
      this.#authorities.set(name, next)
      this.#changed()
      return next
    })
  }

  /** @throws IdentityError `missing`. */
  async remove(name: string, actor: string): Promise<{ readonly cuts: readonly Cut[] }> {
    return this.#inTurn(async () => {
      const current = this.#authorities.get(name)
      if (current === undefined) throw new IdentityError('missing', 'there is no authority of this name')
      await this.#parts.store.deleteAuthority(name, this.#changeOf('authority.removed', current, actor))
      this.#authorities.delete(name)
      this.#parts.revocations?.forget(name)
      this.#cutsMade += 1
      this.#changed()
      // Nothing can rest on an authority that was never verified.
      if (current.state.kind === 'pending') return { cuts: [] }
      return { cuts: [{ kind: 'authority', name, thumbprint: current.thumbprint }] }
    })
  }

  /** Whether a verified authority vouches that the holder of the certificate is `key`. */
  judge(certificate: PresentedCertificate, key: IdentityKey, now: Timestamp): ChainJudgement {
    const verdict = this.#verdict(certificate, now)
    // The common name is the device's id; of a module, device and module with a slash between.
    if (certificate.commonName !== identityText(key)) {
      return denied('certificate-name', 'the common name of the certificate is not the id')
    }
    if (verdict.kind === 'untrusted') {
      return denied(
        DENIALS[verdict.reason] ?? 'certificate-untrusted',
        `no path to a verified authority: ${verdict.reason}`,
      )
    }
    const { authority, expires, path } = verdict
    // Asked each time: lists change, and go out of date, while verdicts over paths are remembered.
    const finding = this.#revocations.judge(path, now)
    if (finding !== undefined) return denied(finding.code, finding.detail)
    return { kind: 'trusted', name: authority.name, thumbprint: authority.thumbprint, expires, path }
  }

  #verdict(certificate: PresentedCertificate, now: Timestamp): Verdict {
    // A list that is new may be of a CA above an authority.
    if (this.#revocations.cutsMade !== this.#judgedAt) this.#trusted.clear()
    this.#judgedAt = this.#revocations.cutsMade
    const known = this.#trusted.get(certificate.sha256)
    // A verdict that has ended is made anew: another path may hold longer.
    if (known !== undefined && now <= known.expires && now >= certificate.notBefore) return known
    const digest = digestOf(certificate.chain)
    const refused = this.#untrusted.get(digest)
    if (refused !== undefined && now < refused.until) return refused
    const verdict = this.#examine(certificate, now)
    if (verdict.kind === 'trusted') this.#trusted.set(certificate.sha256, verdict)
    else this.#untrusted.set(digest, verdict)
    return verdict
  }

  #examine(certificate: PresentedCertificate, now: Timestamp): Verdict {
    const refuse = (reason: ChainRefusal): Verdict => {
      return { kind: 'untrusted', reason, until: timestampOf(now + REFUSAL_LIFE_MS) }
    }
    const [leaf, ...intermediates] = certificate.chain
    if (leaf === undefined) return refuse('malformed')
    const anchors = this.#verified.map((one) => one.parsed)
    const verdict = verifyChain({ leaf, intermediates, anchors, now, purpose: 'client' })
    if (verdict.kind === 'untrusted') return refuse(verdict.reason)
    const authority = this.#verified[verdict.anchor]
    if (authority === undefined) throw new TypeError('a chain ends at one of the anchors')
    const expires = Math.min(...verdict.path.map((one) => one.notAfter))
    return { kind: 'trusted', authority, expires: timestampOf(expires), path: this.#revocations.linksOf(verdict.path) }
  }

  /** Changes one after the other, so that each sees what the one before left. */
  async #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change)
    this.#lastChange = turn.catch(() => undefined)
    return turn
  }

  #refresh(): void {
    this.#verified = this.list().filter((one) => one.state.kind === 'verified')
    this.#trusted.clear()
    this.#untrusted.clear()
  }

  #changed(): void {
    this.#refresh()
    for (const listener of this.#listeners) listener()
  }

  #changeOf(
    type: 'authority.added' | 'authority.verified' | 'authority.removed',
    authority: Authority,
    actor: string,
  ): SecurityEvent {
    return this.#event(type, authority, actor, { sha256: authority.thumbprint })
  }

  #event(
    type: 'authority.added' | 'authority.verified' | 'authority.verification-failed' | 'authority.removed',
    authority: Authority,
    actor: string,
    detail: Readonly<Record<string, string>>,
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `authority/${authority.name}`, actor, detail }
  }
}

type ProofRefusal = Extract<ReturnType<typeof verifyPossession>, { kind: 'refused' }>['reason']

const PROOF_FAULTS: Readonly<Record<ProofRefusal, string>> = {
  malformed: 'the proof is not one certificate in PEM; send the one that the authority signed for the nonce',
  'wrong-nonce': 'the common name of the proof is not the nonce; sign a certificate with the nonce that is shown',
  'wrong-issuer': 'the proof names another issuer than this authority; sign it with this authority',
  'weak-key': 'the key of the authority is too weak',
  'weak-signature': 'the proof is signed with an algorithm that is not taken; use SHA-256 or better',
  'bad-signature': 'the key of this authority did not sign the proof',
}

function refusalOf(authority: Certificate, text: string, nonce: string): ProofRefusal | undefined {
  try {
    const verdict = verifyPossession({ authority, proof: decodeCertificateInput(text), nonce })
    return verdict.kind === 'refused' ? verdict.reason : undefined
  } catch (error) {
    if (error instanceof PkiError) return 'malformed'
    throw error
  }
}

function readAuthority(text: string, now: Timestamp): Certificate {
  let certificate: Certificate
  try {
    certificate = parseCertificate(decodeCertificateInput(text))
    certificate.publicKey()
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    if (error.code === 'weak-key') throw new IdentityError('weak-certificate', error.message, { cause: error })
    throw new IdentityError('bad-certificate', 'send one certificate, as PEM or base64 of DER', { cause: error })
  }
  const fault = checkAuthority(certificate, now)
  if (fault !== undefined) {
    throw new IdentityError(
      'not-an-authority',
      `the certificate cannot vouch for devices (${fault.reason}); it must be a CA in its time that may sign certificates`,
    )
  }
  return certificate
}

function withCertificate(authority: CustomerAuthority): Authority {
  const parsed = parseCertificate(authority.certificate)
  return { ...authority, parsed, thumbprint: parsed.sha256Thumbprint }
}

/** What the store keeps of an authority. */
function stored({ name, certificate, etag, createdTime, state }: Authority): CustomerAuthority {
  return { name, certificate, etag, createdTime, state }
}

function digestOf(chain: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  // Certificates are DER and carry their length, so that no two chains run together into one text.
  for (const certificate of chain) hash.update(certificate)
  return hash.digest('base64')
}

function denied(code: ChainDenial, detail: string): ChainJudgement {
  return { kind: 'denied', code, detail }
}
