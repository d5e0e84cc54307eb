/**
 * Which key proves whom. A key under two identities means that a key pair was copied, or made once for many devices:
 * who holds one device holds the others. So a key belongs to the identity that used it first, until that is deleted.
 */

import { createHash } from 'node:crypto'
import type { Because, EventSink, SecurityEvent } from '@holdfast/audit'
import { type Clock, LruMap, type Timestamp } from '@holdfast/base'
import { NO_WEAK_KEYS, parseCertificate, PkiError, type WeakKeys } from '@holdfast/pki'
import { identityText } from './identity-key.ts'
import type { IdentityKey } from './identity.ts'
import { KEY_CLAIMS_CACHED_MAX } from './limits.ts'

export interface KeyClaim {
  /** Upper-case hex of SHA-256 over the SubjectPublicKeyInfo. */
  readonly spkiSha256: string
  readonly key: IdentityKey
  readonly at: Timestamp
  /** SHA-1 and SHA-256 of the certificate that shows it, upper-case hex: a retired device may be known by those alone. */
  readonly certificates?: readonly string[]
}

export type KeyClaimOutcome =
  | { readonly kind: 'new' }
  | { readonly kind: 'own' }
  /** Its holder was deleted; the key belongs to the claimant now. */
  | { readonly kind: 'used-before'; readonly holder: IdentityKey }
  | { readonly kind: 'taken'; readonly holder: IdentityKey }
  /** It was a retired device's, and is nobody's any more. */
  | { readonly kind: 'retired'; readonly holder: IdentityKey }

export interface KeyUseStore {
  /**
   * One step: a key that nobody holds belongs to the claimant when this resolves. A deleted identity's keys MUST be free
   * from its deletion on, and stay known; a retired device's MUST be nobody's from its retirement on.
   * @param because kept with the outcome `used-before` alone, its detail completed by `usedBy`: the holder before.
   */
  claimKey(claim: KeyClaim, because?: Because): Promise<KeyClaimOutcome>
  /** Makes a key free that the identity holds, as its deletion would. One that it does not hold stays as it is. */
  releaseKey(claim: KeyClaim): Promise<void>
}

export interface KeyRegisterParts {
  readonly store: KeyUseStore
  readonly clock: Clock
  readonly events: EventSink
  /** Absent: no key is known to be weak. */
  readonly weak?: Pick<WeakKeys, 'has'>
}

export type KeyVerdict =
  | 'good'
  /** Another identity holds it. */
  | 'key-shared'
  /** It was a retired device's. */
  | 'key-retired'
  /** It stands on a list of weak keys. */
  | 'key-weak'

/** @returns upper-case hex. @param spki DER of SubjectPublicKeyInfo. */
export function spkiSha256Of(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex').toUpperCase()
}

/** Remembers who a key was last found to belong to: asking again for the same costs nothing. */
export class KeyRegister {
  readonly #parts: KeyRegisterParts
  /** Key to identity and generation: a successor of the id asks anew. */
  readonly #known = new LruMap<string, string>(KEY_CLAIMS_CACHED_MAX)

  constructor(parts: KeyRegisterParts) {
    this.#parts = parts
  }

  /**
   * Claims a key for an identity that has proved to hold it, or is about to be issued a certificate for it.
   * @param spki DER of SubjectPublicKeyInfo.
   * Each refusal is an event.
   */
  async claim(
    spki: Uint8Array,
    identity: IdentityKey & { readonly generationId: string },
    certificates: readonly string[] = [],
  ): Promise<KeyVerdict> {
    const spkiSha256 = spkiSha256Of(spki)
    const text = identityText(identity)
    const holder = `${text} ${identity.generationId}`
    if (this.#known.get(spkiSha256) === holder) return 'good'
    const { store, clock, weak = NO_WEAK_KEYS } = this.#parts
    if (weak.has(spki)) {
      this.#parts.events(this.#event('key.weak', text, spkiSha256))
      return 'key-weak'
    }
    const outcome = await store.claimKey(
      { spkiSha256, key: keyOf(identity), at: clock.wall(), certificates },
      this.#event('key.used-before', text, spkiSha256),
    )
    if (outcome.kind === 'retired') {
      this.#parts.events(this.#event('key.retired', text, spkiSha256, outcome.holder))
      return 'key-retired'
    }
    if (outcome.kind === 'taken') {
      this.#parts.events(this.#event('key.shared', text, spkiSha256, outcome.holder))
      return 'key-shared'
    }
    this.#known.set(spkiSha256, holder)
    return 'good'
  }

  /** An operator says that the identity has the key no more: another may come with it. */
  async release(spki: Uint8Array, identity: IdentityKey): Promise<void> {
    const spkiSha256 = spkiSha256Of(spki)
    const { store, clock } = this.#parts
    this.#known.delete(spkiSha256)
    await store.releaseKey({ spkiSha256, key: keyOf(identity), at: clock.wall() })
    this.#known.delete(spkiSha256)
  }

  /** As `claim`, with the leaf of what TLS proved. */
  async claimCertificate(
    certificate: { readonly chain: readonly Uint8Array[] },
    identity: IdentityKey & { readonly generationId: string },
  ): Promise<KeyVerdict> {
    const [leaf] = certificate.chain
    const shown = leaf === undefined ? undefined : certificateOf(leaf)
    if (shown === undefined) return 'good'
    return this.claim(shown.spki, identity, [shown.sha1Thumbprint, shown.sha256Thumbprint])
  }

  #event(
    type: 'key.shared' | 'key.used-before' | 'key.retired' | 'key.weak',
    text: string,
    spkiSha256: string,
    holder?: IdentityKey,
  ): SecurityEvent {
    return {
      type,
      at: this.#parts.clock.wall(),
      subject: `device/${text}`,
      actor: `device/${text}`,
      detail: { spkiSha256, ...(holder === undefined ? {} : { heldBy: identityText(holder) }) },
    }
  }
}

function keyOf({ deviceId, moduleId }: IdentityKey): IdentityKey {
  return moduleId === undefined ? { deviceId } : { deviceId, moduleId }
}

function certificateOf(leaf: Uint8Array): ReturnType<typeof parseCertificate> | undefined {
  try {
    return parseCertificate(leaf)
  } catch (error) {
    // It proved itself by its thumbprint alone, and is no certificate that we read.
    if (error instanceof PkiError) return undefined
    throw error
  }
}
