/** Certificates for devices and modules: issued from requests, renewed, taken away, and told of before they lapse. */

import { createHash } from 'node:crypto'
import type { SecurityEvent } from '@holdfast/audit'
import { assertNever, type Clock, type Timestamp, timestampOf } from '@holdfast/base'
import {
  type Cut,
  type Identity,
  type IdentityKey,
  identitySubject,
  identityText,
  type KeyRegister,
} from '@holdfast/identity'
import {
  issueCertificate,
  parseCertificate,
  PkiError,
  renewalTimeOf,
  validityOf,
  type VerifiedRequest,
  verifyCertificationRequest,
} from '@holdfast/pki'
import { CredentialError, type CredentialErrorCode } from './errors.ts'
import type { HubIssuer } from './hub-issuer.ts'
import { type IssuedCertificate, isLive, type RevocationReason } from './issued-certificate.ts'
import type { IssuedCertificates } from './issued-certificates.ts'
import { ISSUES_RUNNING_MAX, RECORD_KEPT_MS, RECORDS_PER_IDENTITY_MAX, SERIAL_BYTES } from './limits.ts'
import { alternativeNamesOf, certificateProfileOf, DEFAULT_PROFILE, type IssuanceProfile } from './profile.ts'
import type { Profiles } from './profiles.ts'
import type { AfterRecord, IssuedCertificateStore } from './store.ts'

/** MUST come from the system's cryptographic generator outside of tests. */
export type RandomBytes = (count: number) => Uint8Array

export interface CredentialServiceParts {
  readonly store: IssuedCertificateStore
  readonly issued: IssuedCertificates
  readonly profiles: Profiles
  readonly issuer: HubIssuer
  readonly identities: { read(key: IdentityKey): Promise<Identity | undefined> }
  readonly clock: Clock
  readonly random: RandomBytes
  /** Which key proves whom, however it does that; absent: certificates that were issued here alone are looked at. */
  readonly keys?: Pick<KeyRegister, 'claim'>
  /** Closes the sessions that rest on what was taken away; resolves when the last is over. */
  readonly close: (cuts: readonly Cut[]) => Promise<{ readonly sessionsClosed: number; readonly milliseconds: number }>
}

export interface IssueWish {
  readonly key: IdentityKey
  /** DER of PKCS #10. */
  readonly request: Uint8Array
  /** What the device chose by itself: open to it, or refused. Absent: what was chosen for it, else `device`. */
  readonly label?: string
  /** Names of which the request has one, where that is not the id of the identity. The certificate has the id. */
  readonly names?: readonly string[]
  /** Whoever asks has decided that the identity leaves its keys, whatever its profile says of that. */
  readonly replacesKeys?: boolean
  /** The subject that the request must have, as text, where one certificate follows another (RFC 7030 §4.2.2). */
  readonly subjectName?: string
  /**
   * The identity as it proved itself. Where it has been deleted or changed since, nothing is issued (`busy`): what it
   * proved itself by may be what was taken away.
   */
  readonly proved?: { readonly generationId: string; readonly etag?: string }
  /** For events, e.g. `device/pump-1`, `operator/local`. */
  readonly actor: string
  /** How the request came, for events. */
  readonly via: 'est' | 'dps' | 'mqtt'
}

export interface RenewalWish extends Omit<IssueWish, 'key' | 'subjectName' | 'names' | 'replacesKeys'> {
  /** Of the certificate that was shown and proved: SHA-256, upper-case hex. */
  readonly sha256: string
}

export interface Issued {
  readonly record: IssuedCertificate
  /** DER: the certificate, then what stands above it, the root last. */
  readonly chain: readonly Uint8Array[]
}

/** Where a page of a list goes on, and how long it is (1 to 1 000). */
export interface RecordPage {
  readonly after?: AfterRecord
  readonly limit: number
}

export interface Revoked {
  readonly certificates: readonly IssuedCertificate[]
  readonly sessionsClosed: number
  readonly milliseconds: number
}

/** What is refused after its key was revoked for one of these reasons: who had it may not be the device. */
const KEY_LOST: ReadonlySet<RevocationReason | undefined> = new Set([
  undefined,
  'unspecified',
  'keyCompromise',
  'privilegeWithdrawn',
])

/** Records looked at for one key: more than one identity may have of it, so that another's cannot hide behind them. */
const KEY_USES_MAX = 2 * RECORDS_PER_IDENTITY_MAX

/** Every method may reject with what the store or the signer throws when it is unavailable; then asking again is right. */
export class CredentialService {
  readonly profiles: Profiles
  readonly #parts: CredentialServiceParts
  #running = 0

  constructor(parts: CredentialServiceParts) {
    this.#parts = parts
    this.profiles = parts.profiles
  }

  /**
   * Issues a certificate to an identity that has proved itself. Asking again is harmless: an unseen successor gives way
   * to the newer one, and nothing that is in use ends before its successor is seen.
   * @throws CredentialError.
   */
  async issue(wish: IssueWish): Promise<Issued> {
    return this.#bounded(async () => {
      const request = readRequest(wish.request)
      if (wish.subjectName !== undefined) checkSubject(request, wish.subjectName)
      return this.#issue(wish, request, await this.#profileFor(wish.key, wish.label), undefined)
    })
  }

  /**
   * Issues the successor of a certificate that its holder has shown, in time or within its grace. The caller has asked
   * the gates whether the identity may renew.
   * @throws CredentialError, `not-renewable` and `wrong-subject` among them.
   */
  async renew(wish: RenewalWish): Promise<Issued> {
    return this.#bounded(async () => {
      const { issued, clock, profiles } = this.#parts
      const request = readRequest(wish.request)
      const record = await issued.read(wish.sha256)
      if (record === undefined || !isLive(record)) throw notRenewable()
      if (clock.wall() >= record.notAfter + profiles.orDefault(record.profile).graceMs) {
        throw new CredentialError('not-renewable', 'the certificate has expired, and its grace too; enrol anew')
      }
      checkSubject(request, parseCertificate(record.certificate).subjectName)
      const profile = await this.#profileFor(record.key, wish.label, record.profile)
      return this.#issue({ ...wish, key: record.key }, request, profile, record)
    })
  }

  /**
   * What is wrong with a request whatever becomes of the identity; undefined for nothing.
   * @param names one of these is the common name.
   */
  faultOf(request: Uint8Array, names: readonly string[]): CredentialError | undefined {
    try {
      if (names.includes(readRequest(request).commonName)) return undefined
      return new CredentialError('wrong-name', 'the common name of the request is not the id of the identity')
    } catch (error) {
      if (error instanceof CredentialError) return error
      throw error
    }
  }

  /** The profile of an identity: `label` if it may have that, what was chosen for it, that of before, or `device`. */
  async #profileFor(key: IdentityKey, label: string | undefined, before?: string): Promise<IssuanceProfile> {
    const { profiles, store } = this.#parts
    const chosen = await store.readCertificateProfile(key)
    if (label === undefined) return profiles.orDefault(chosen ?? before ?? DEFAULT_PROFILE)
    const profile = profiles.read(label)
    // The same words for both: names of profiles that are not open are not for devices to find.
    if (profile === undefined || (!profile.isOpen && label !== chosen && label !== before)) {
      throw new CredentialError('profile-closed', 'there is no such profile for this identity')
    }
    return profile
  }

  async #issue(
    { key, actor, via, proved, names = [identityText(key)], replacesKeys: isDecided = false }: IssueWish,
    request: VerifiedRequest,
    profile: IssuanceProfile,
    renewed: IssuedCertificate | undefined,
  ): Promise<Issued> {
    if (!names.includes(request.commonName)) {
      throw new CredentialError('wrong-name', 'the common name of the request is not the id of the identity')
    }
    if (!profile.keyKinds.includes(request.keyKind)) {
      throw new CredentialError('key-kind', `keys are ${profile.keyKinds.join(', ')} here, not ${request.keyKind}`)
    }
    return this.#parts.issued.inTurn(key, async () => {
      const identity = await this.#identity(key)
      if (proved !== undefined && !isStill(identity, proved)) {
        throw new CredentialError('busy', 'the identity was changed meanwhile; prove it again')
      }
      const replacesKeys = replaces(identity, isDecided ? { ...profile, mayReplaceKeys: true } : profile)
      if (renewed !== undefined) await this.#checkRenewed(renewed, identity)
      const spkiSha256 = digestOf(request.spki)
      await this.#checkKey(spkiSha256, identity)
      await this.#claimKey(request.spki, identity)
      const { certificate, notBefore, notAfter, issuerSha256 } = await this.#sign(key, request, profile)
      const parsed = parseCertificate(certificate)
      const now = this.#parts.clock.wall()
      const siblings = await this.#parts.store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
      const live = siblings.filter((one) => isLive(one))
      const current = live.find((one) => one.state === 'current' && this.#isUsable(one, identity, now))
      const record: IssuedCertificate = {
        serialNumber: parsed.serialNumber,
        sha256: parsed.sha256Thumbprint,
        spkiSha256,
        key,
        generationId: identity.generationId,
        profile: profile.name,
        issuerSha256,
        notBefore,
        notAfter,
        renewalTime: renewalTimeOf({ notBefore, notAfter }),
        issuedTime: now,
        state: current === undefined ? 'current' : 'next',
        stateTime: now,
        replacesKeys,
        certificate,
      }
      await this.#parts.issued.add(
        record,
        live.filter((one) => one !== current),
        eventOf(record, renewed, actor, via),
      )
      return { record, chain: [certificate, ...this.#parts.issuer.chain.map(({ der }) => der)] }
    })
  }

  /** In the turn of the device: it may have been revoked, or followed, while this request waited for it. */
  async #checkRenewed({ sha256, generationId }: IssuedCertificate, identity: Identity): Promise<void> {
    const record = await this.#parts.issued.read(sha256)
    if (record === undefined || !isLive(record)) throw notRenewable()
    if (generationId !== identity.generationId) {
      throw new CredentialError('not-renewable', 'the certificate was issued to an earlier identity of this id')
    }
  }

  /** Whether it can still prove the identity, at least for its own renewal. */
  #isUsable(record: IssuedCertificate, identity: Identity, now: Timestamp): boolean {
    const { graceMs } = this.#parts.profiles.orDefault(record.profile)
    return record.generationId === identity.generationId && now < record.notAfter + graceMs
  }

  async #identity(key: IdentityKey): Promise<Identity> {
    const { identities } = this.#parts
    const identity = await identities.read(key)
    const device = key.moduleId === undefined ? identity : await identities.read({ deviceId: key.deviceId })
    if (identity === undefined || device === undefined) {
      throw new CredentialError('identity-missing', 'there is no such device or module')
    }
    if (identity.status === 'disabled' || device.status === 'disabled') {
      throw new CredentialError('identity-disabled', 'the identity is disabled')
    }
    return identity
  }

  async #checkKey(spkiSha256: string, identity: Identity): Promise<void> {
    const uses = await this.#parts.store.listIssuedByKey(spkiSha256, KEY_USES_MAX)
    const own = identityText(identity)
    for (const use of uses) {
      const isGone = use.state === 'revoked' && use.reason === 'cessationOfOperation'
      // One key is one identity's: else who has the one has the other. A key whose identity is gone is free again.
      if (identityText(use.key) !== own && !isGone) {
        throw keyInUse()
      }
      if (use.state === 'revoked' && KEY_LOST.has(use.reason)) {
        throw new CredentialError('key-revoked', 'a certificate for this key was revoked; make a new key')
      }
    }
  }

  async #claimKey(spki: Uint8Array, identity: Identity): Promise<void> {
    const verdict = (await this.#parts.keys?.claim(spki, identity)) ?? 'good'
    switch (verdict) {
      case 'good':
        return
      case 'key-shared':
        throw keyInUse()
      case 'key-retired':
        throw new CredentialError('key-revoked', 'the key was that of a retired device; make a new key')
      case 'key-weak':
        throw new CredentialError('weak-key', 'the key is on a list of weak keys; make a new one')
      default:
        assertNever(verdict)
    }
  }

  async #sign(key: IdentityKey, request: VerifiedRequest, profile: IssuanceProfile) {
    const { issuer, clock, random } = this.#parts
    const { certificate: above, signer, publication } = issuer.issuing
    const now = clock.wall()
    if (now >= above.notAfter) {
      throw new CredentialError('no-issuer', 'the issuing authority of the hub has ended')
    }
    const alternativeNames = alternativeNamesOf(profile, key)
    const written = certificateProfileOf(profile, alternativeNames)
    const validity = validityOf(written, now, above)
    const certificate = await issueCertificate({
      profile: written,
      subject: { commonName: identityText(key) },
      spki: request.spki,
      issuer: above,
      signer,
      serialNumber: random(SERIAL_BYTES),
      validity,
      ...(alternativeNames.length > 0 ? { alternativeNames } : {}),
      ...(publication === undefined ? {} : { publication }),
    })
    return { certificate, ...validity, issuerSha256: above.sha256Thumbprint }
  }

  /**
   * Takes one certificate away and closes what rests on it; resolves when the last session is over.
   * @throws CredentialError `missing`, `already-revoked`.
   */
  async revoke(serialNumber: string, reason: RevocationReason, actor: string): Promise<Revoked> {
    const { store, issued } = this.#parts
    const record = await store.readIssuedBySerial(serialNumber)
    if (record === undefined) throw new CredentialError('missing', 'there is no certificate with this serial number')
    const select = async (): Promise<readonly IssuedCertificate[]> => {
      const again = await store.readIssued(record.sha256)
      return again === undefined ? [] : [again]
    }
    const { revoked, cuts } = await issued.revoke(select, record.key, reason, actor)
    if (revoked.length === 0) throw new CredentialError('already-revoked', 'the certificate is revoked already')
    return { certificates: revoked, ...(await this.#parts.close(cuts)) }
  }

  /** As `revoke`, of every certificate that the identity has, the retired ones too. None is no error. */
  async revokeAllOf(key: IdentityKey, reason: RevocationReason, actor: string): Promise<Revoked> {
    const { store, issued, close } = this.#parts
    const select = (): Promise<readonly IssuedCertificate[]> =>
      store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
    const { revoked, cuts } = await issued.revoke(select, key, reason, actor)
    if (cuts.length === 0) return { certificates: [], sessionsClosed: 0, milliseconds: 0 }
    return { certificates: revoked, ...(await close(cuts)) }
  }

  /** Newest first; what has ended long ago is forgotten. */
  listOf(key: IdentityKey): Promise<readonly IssuedCertificate[]> {
    return this.#parts.store.listIssuedOf(key, { limit: RECORDS_PER_IDENTITY_MAX })
  }

  /** @param serialNumber upper-case hex. */
  readBySerial(serialNumber: string): Promise<IssuedCertificate | undefined> {
    return this.#parts.store.readIssuedBySerial(serialNumber)
  }

  /** Current ones that are past two thirds of their life and have no successor, longest due first. */
  dueForRenewal(now: Timestamp, page: RecordPage): Promise<readonly IssuedCertificate[]> {
    return this.#parts.store.listIssuedDue({ now, ...page })
  }

  /** Current and next ones whose end lies in [from, to), by their end. */
  expiring(from: Timestamp, to: Timestamp, page: RecordPage): Promise<readonly IssuedCertificate[]> {
    return this.#parts.store.listIssuedByEnd({ from, to, ...page })
  }

  /** Revoked ones that have not ended, by the time of their revocation: what a CRL has to list. */
  revoked(now: Timestamp, page: RecordPage): Promise<readonly IssuedCertificate[]> {
    return this.#parts.store.listIssuedRevoked({ now, ...page })
  }

  /** Live certificates by the authority that issued them: how far a roll-over has come. */
  byIssuer(): Promise<readonly { readonly issuerSha256: string; readonly live: number }[]> {
    return this.#parts.store.countIssuedByIssuer()
  }

  /**
   * What an operator or an enrolment chose for an identity; undefined for nothing.
   * @throws CredentialError `profile-missing`, `identity-missing`.
   */
  async chooseProfile(key: IdentityKey, profile: string | undefined, actor: string): Promise<void> {
    const { profiles, store, identities, clock } = this.#parts
    if (profile !== undefined && profiles.read(profile) === undefined) {
      throw new CredentialError('profile-missing', 'there is no profile of this name')
    }
    if ((await identities.read(key)) === undefined) {
      throw new CredentialError('identity-missing', 'there is no such device or module')
    }
    if ((await store.readCertificateProfile(key)) === profile) return
    await store.writeCertificateProfile(key, profile, {
      type: 'certificate.profile-changed',
      at: clock.wall(),
      subject: identitySubject(key),
      actor,
      detail: { profile: profile ?? DEFAULT_PROFILE, change: 'chosen' },
    })
  }

  chosenProfile(key: IdentityKey): Promise<string | undefined> {
    return this.#parts.store.readCertificateProfile(key)
  }

  /** Forgets records that can be of no use any more, a bounded number at a time; call now and then. */
  async sweep(): Promise<number> {
    const { store, clock } = this.#parts
    const longestGraceMs = Math.max(...this.profiles.list().map(({ graceMs }) => graceMs))
    return store.deleteIssuedBefore(timestampOf(clock.wall() - longestGraceMs - RECORD_KEPT_MS), 500)
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= ISSUES_RUNNING_MAX) {
      throw new CredentialError('busy', 'many devices ask for certificates just now; try again shortly')
    }
    this.#running += 1
    try {
      return await work()
    } finally {
      this.#running -= 1
    }
  }
}

function eventOf(
  record: IssuedCertificate,
  renewed: IssuedCertificate | undefined,
  actor: string,
  via: string,
): SecurityEvent {
  const { sha256, serialNumber, profile, notAfter, key, state } = record
  return {
    type: renewed === undefined ? 'certificate.issued' : 'certificate.renewed',
    at: record.issuedTime,
    subject: identitySubject(key),
    actor,
    detail: {
      sha256,
      serialNumber,
      profile,
      notAfter: new Date(notAfter).toISOString(),
      state,
      via,
      ...(renewed === undefined ? {} : { renews: renewed.sha256 }),
    },
  }
}

/** Whether the identity will leave its keys for the certificate. @throws CredentialError `wrong-authentication`. */
function replaces({ authentication }: Identity, profile: IssuanceProfile): boolean {
  switch (authentication.kind) {
    case 'certificateAuthority':
      return false
    case 'sas':
    case 'selfSigned':
      if (profile.mayReplaceKeys) return true
      throw new CredentialError(
        'wrong-authentication',
        `the profile ${profile.name} is for identities with certificates`,
      )
    case 'none':
      throw new CredentialError(
        'wrong-authentication',
        'the identity has no way to prove itself, and gets none by this',
      )
  }
}

const REQUEST_FAULTS: Readonly<Partial<Record<PkiError['code'], CredentialErrorCode>>> = { 'weak-key': 'weak-key' }

/** @throws CredentialError `bad-request`, `weak-key`. */
function readRequest(der: Uint8Array): VerifiedRequest {
  try {
    return verifyCertificationRequest(der)
  } catch (error) {
    if (!(error instanceof PkiError)) throw error
    throw new CredentialError(REQUEST_FAULTS[error.code] ?? 'bad-request', error.message, { cause: error })
  }
}

/** RFC 7030 §4.2.2: the subject is that of the certificate that is renewed. @throws CredentialError `wrong-subject`. */
function checkSubject(request: VerifiedRequest, subjectName: string): void {
  if (request.subjectName === subjectName) return
  throw new CredentialError('wrong-subject', 'the subject of the request is not that of the certificate')
}

/** Who proved itself, and whoever has the id now. */
function isStill(identity: Identity, proved: NonNullable<IssueWish['proved']>): boolean {
  if (identity.generationId !== proved.generationId) return false
  return proved.etag === undefined || identity.etag === proved.etag
}

function notRenewable(): CredentialError {
  return new CredentialError('not-renewable', 'the certificate was revoked, or its successor is in use already')
}

function keyInUse(): CredentialError {
  return new CredentialError('key-in-use', 'the key belongs to another identity; make a new key')
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').toUpperCase()
}
