/** Who a connection to the hub, or a device's request to it, is. */

import type { Clock, Timestamp } from '@holdfast/base'
import { timestampOf } from '@holdfast/base'
import {
  coversDevice,
  EXPIRY_SKEW_MS,
  isExpired,
  parseSasToken,
  type SasToken,
  TokenError,
  verifySasToken,
} from '@holdfast/tokens'
import { authMethodOf } from './auth-method.ts'
import { thumbprintsOf } from './authentication.ts'
import type { Authorities, ChainDenial, PresentedCertificate } from './authorities.ts'
import type { Basis, KeySlot } from './credential.ts'
import { FailureThrottle } from './failure-throttle.ts'
import { isIdentityKey } from './identity-key.ts'
import type { Identity, IdentityKey } from './identity.ts'
import {
  type FoundCertificate,
  type IssuedCertificateJudge,
  type IssuedDenial,
  NO_ISSUED_CERTIFICATES,
} from './issued-certificates.ts'
import type { KeyRegister, KeyVerdict } from './key-register.ts'
import type { Lane } from './lane.ts'
import { KEY_BYTES } from './limits.ts'
import { audienceOf, type Policies, type PolicyDenial } from './policies.ts'
import { type RandomBytes, randomBase64 } from './random.ts'
import type { Registry } from './registry.ts'

/** What a peer says of itself and shows for it. */
export interface Claimant {
  readonly key: IdentityKey
  /** The hub's name as the peer gave it; absent where the protocol does not repeat it. */
  readonly hostName?: string
  /** Text of a shared access signature. When there is one, it alone is judged. Never logged. */
  readonly token?: string
  /** The client certificate of the TLS connection, whose private key the peer has proved to hold. */
  readonly certificate?: PresentedCertificate
  readonly address: string
}

export interface Allowed {
  readonly kind: 'allowed'
  readonly identity: Identity
  readonly basis: Basis
  /** What the credential is good for; admission may narrow it. */
  readonly lane: Lane
  /** JSON text, azure-iot.md §5.6. */
  readonly authMethod: string
  /** When the credential ends and the session with it. */
  readonly expires?: Timestamp
  /** See `isCurrent`. */
  readonly asOf: number
}

/** To the peer all of them look alike; the code is for the log. */
export type DenialCode =
  | PolicyDenial
  | ChainDenial
  | IssuedDenial
  | 'wrong-host'
  | 'unknown-identity'
  | 'identity-disabled'
  /** The device of the module is disabled. */
  | 'device-disabled'
  | 'no-credential'
  /** The identity proves itself in another way. */
  | 'wrong-credential-kind'
  | 'thumbprint-unknown'
  /** Another identity proves itself by the same key. */
  | 'key-shared'
  /** The key was a retired device's. */
  | 'key-retired'
  /** The key stands on a list of weak keys. */
  | 'key-weak'
  /** Too many failures before; refused unseen. */
  | 'throttled'

export interface Denied {
  readonly kind: 'denied'
  readonly code: DenialCode
  /** One sentence for the log, without secrets. */
  readonly detail: string
}

export type Decision = Allowed | Denied

export interface AuthenticatorParts {
  readonly registry: Registry
  readonly policies: Policies
  readonly authorities: Authorities
  /** Absent: the hub issues no certificates to devices. */
  readonly issued?: IssuedCertificateJudge
  /** Absent: nobody looks whether two identities share a key. */
  readonly keys?: KeyRegister
  readonly clock: Clock
  readonly random: RandomBytes
  /** Names of this hub. */
  readonly hostNames: readonly string[]
}

/** A credential that holds, before the identity's status is looked at. */
type Proof =
  | { readonly kind: 'proved'; readonly basis: Basis; readonly expires?: Timestamp; readonly lane?: Lane }
  | Denied

const KEY_FAULTS: { readonly [Verdict in Exclude<KeyVerdict, 'good'>]: string } = {
  'key-shared': 'another identity proves itself by the same key; make a key for each device',
  'key-retired': 'the key was that of a retired device, which does not come back; make a new one',
  'key-weak': 'the key stands on a list of weak keys; make a new one',
}

/** The identity of the claim as the register has it. */
type Record =
  | { readonly kind: 'known'; readonly identity: Identity; readonly device: Identity }
  | { readonly kind: 'unknown' }

/** What was looked up for a claim. */
interface Found {
  readonly record: Record
  readonly issued: FoundCertificate | undefined
}

export class Authenticator {
  readonly #parts: AuthenticatorParts
  readonly #issued: IssuedCertificateJudge
  readonly #hosts: readonly string[]
  readonly #throttle = new FailureThrottle()
  readonly #decoy: string

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts
    this.#issued = parts.issued ?? NO_ISSUED_CERTIFICATES
    this.#hosts = parts.hostNames.map((name) => name.toLowerCase())
    this.#decoy = randomBase64(parts.random, KEY_BYTES)
  }

  /**
   * Decides. A caller MUST, in the same turn in which it registers the session, ask `isCurrent` and decide again when it
   * is not: a credential taken away in between would find no session to close.
   *
   * The status is looked at last, after the proof, and an unknown identity is verified against a decoy: who cannot prove
   * to be an identity learns neither from the answer nor from its time whether it exists or is disabled.
   */
  async authenticate(claimant: Claimant): Promise<Decision> {
    const asOf = this.#cutsMade()
    const [record, issued] = await Promise.all([this.#record(claimant.key), this.#find(claimant)])
    // From here to the decision nothing waits.
    const { monotonic, wall } = { monotonic: this.#parts.clock.monotonic(), wall: this.#parts.clock.wall() }
    const { address, key } = claimant
    const isSpent =
      record.kind === 'known'
        ? this.#throttle.isPairSpent(address, key, monotonic)
        : this.#throttle.isAddressSpent(address, monotonic)
    if (isSpent) return denied('throttled', 'too many failures from this address before')
    const decided = this.#decide(claimant, { record, issued }, wall, asOf)
    const decision = decided.kind === 'allowed' ? await this.#withOwnKey(claimant, decided) : decided
    if (decision.kind === 'allowed' && decision.basis.kind === 'issued') this.#issued.seen(decision.basis.sha256)
    if (decision.kind === 'allowed') this.#throttle.succeeded(address, key)
    else if (record.kind === 'known') this.#throttle.failedAsKnown(address, key, monotonic)
    else this.#throttle.failedAsUnknown(address, monotonic)
    return decision
  }

  /** After everything else, so that who holds no key of an identity claims none for it. */
  async #withOwnKey({ token, certificate }: Claimant, decision: Allowed): Promise<Decision> {
    const { keys } = this.#parts
    if (token !== undefined || certificate === undefined || keys === undefined) return decision
    const verdict = await keys.claimCertificate(certificate, decision.identity)
    return verdict === 'good' ? decision : denied(verdict, KEY_FAULTS[verdict])
  }

  /** Whether nothing was taken away since the decision was begun. */
  isCurrent(decision: Allowed): boolean {
    return decision.asOf === this.#cutsMade()
  }

  #cutsMade(): number {
    const { registry, policies, authorities } = this.#parts
    return registry.cutsMade + policies.cutsMade + authorities.cutsMade + this.#issued.cutsMade
  }

  async #record(key: IdentityKey): Promise<Record> {
    // An id of the wrong form never reaches the store or the cache.
    if (!isIdentityKey(key)) return { kind: 'unknown' }
    const { registry } = this.#parts
    const device = await registry.read({ deviceId: key.deviceId })
    const identity = key.moduleId === undefined ? device : await registry.read(key)
    return device === undefined || identity === undefined ? { kind: 'unknown' } : { kind: 'known', identity, device }
  }

  /** The certificate as one of the hub's own, where it is what is judged. */
  async #find({ token, certificate }: Claimant): Promise<FoundCertificate | undefined> {
    return token === undefined && certificate !== undefined ? this.#issued.find(certificate) : undefined
  }

  #decide(claimant: Claimant, found: Found, now: Timestamp, asOf: number): Decision {
    const { record } = found
    const proof = this.#prove(claimant, found, now)
    if (record.kind === 'unknown') return denied('unknown-identity', 'there is no such device or module')
    if (proof.kind === 'denied') return proof
    if (claimant.hostName !== undefined && !this.#isOurs(claimant.hostName)) {
      return denied('wrong-host', 'the peer asked for another hub; start this one with that name as --hostname')
    }
    const { identity, device } = record
    if (device.status === 'disabled') {
      return identity === device
        ? denied('identity-disabled', 'the device is disabled')
        : denied('device-disabled', "the module's device is disabled")
    }
    if (identity.status === 'disabled') return denied('identity-disabled', 'the module is disabled')
    return {
      kind: 'allowed',
      identity,
      basis: proof.basis,
      lane: proof.lane ?? 'full',
      authMethod: authMethodOf(proof.basis, identity.moduleId !== undefined),
      ...(proof.expires === undefined ? {} : { expires: proof.expires }),
      asOf,
    }
  }

  #prove(claimant: Claimant, { record, issued }: Found, now: Timestamp): Proof {
    if (claimant.token !== undefined) return this.#proveByToken(claimant.token, claimant.key, record, now)
    if (claimant.certificate !== undefined) {
      const { certificate, key } = claimant
      return issued === undefined
        ? this.#proveByCertificate(certificate, key, record, now)
        : proveByIssued(issued, certificate, record, now)
    }
    return denied('no-credential', 'neither a token nor a client certificate was shown')
  }

  #proveByToken(text: string, key: IdentityKey, record: Record, now: Timestamp): Proof {
    let token: SasToken
    try {
      token = parseSasToken(text)
    } catch (error) {
      if (error instanceof TokenError) return denied('token-malformed', `${error.message} (${error.code})`)
      throw error
    }
    if (token.policyName !== undefined) {
      const verdict = this.#parts.policies.verifyDevice(token, key)
      if (verdict.kind === 'denied') return denied(verdict.code, verdict.detail)
      const { name, slot } = verdict.principal
      return { kind: 'proved', basis: { kind: 'policy', name, slot }, expires: sessionEnd(token, now) }
    }
    return this.#proveByOwnKey(token, key, record, now)
  }

  #proveByOwnKey(token: SasToken, key: IdentityKey, record: Record, now: Timestamp): Proof {
    const audience = audienceOf(token)
    // A device's token covers its modules: unless it names the module, it is the device's key that signed.
    const [, , modules, moduleId] = audience.path
    const isByDevice = key.moduleId === undefined || modules?.toLowerCase() !== 'modules' || moduleId === undefined
    const holder = record.kind === 'unknown' ? undefined : isByDevice ? record.device : record.identity
    const keys = holder?.authentication.kind === 'sas' ? holder.authentication : undefined
    // Both slots are always tried, with decoys where there are no keys, so that every refusal takes the same work.
    const isPrimary = verifySasToken(token, keys?.primaryKey ?? this.#decoy)
    const isSecondary = verifySasToken(token, keys?.secondaryKey ?? this.#decoy)
    if (keys === undefined) return denied('wrong-credential-kind', 'the identity does not prove itself by a key')
    if (!isPrimary && !isSecondary) return denied('wrong-signature', 'not signed by a key of the identity')
    if (isExpired(token, now, EXPIRY_SKEW_MS)) {
      return denied('token-expired', `expired at ${new Date(token.expires).toISOString()}`)
    }
    if (!coversDevice(audience, { hosts: this.#hosts, ...key, holder: 'identity' })) {
      return denied('wrong-audience', 'the token is for another resource')
    }
    const slot: KeySlot = isPrimary ? 'primary' : 'secondary'
    return {
      kind: 'proved',
      basis: isByDevice ? { kind: 'device-key', slot } : { kind: 'module-key', slot },
      expires: sessionEnd(token, now),
    }
  }

  #proveByCertificate(certificate: PresentedCertificate, key: IdentityKey, record: Record, now: Timestamp): Proof {
    const authentication = record.kind === 'known' ? record.identity.authentication : undefined
    const thumbprint =
      authentication === undefined
        ? undefined
        : thumbprintsOf(authentication).find((one) => one === certificate.sha1 || one === certificate.sha256)
    if (thumbprint !== undefined) {
      const denial = outsideValidity(certificate, now)
      return denial ?? { kind: 'proved', basis: { kind: 'thumbprint', thumbprint }, expires: certificate.notAfter }
    }
    // Judged also for identities that have no use for it, so that time does not tell which ones have.
    const verdict = this.#parts.authorities.judge(certificate, key, now)
    switch (authentication?.kind) {
      case 'certificateAuthority':
        if (verdict.kind === 'denied') return denied(verdict.code, verdict.detail)
        return {
          kind: 'proved',
          basis: { kind: 'authority', name: verdict.name, thumbprint: verdict.thumbprint, path: verdict.path },
          expires: verdict.expires,
        }
      case 'selfSigned':
        return denied('thumbprint-unknown', `no registered thumbprint is ${certificate.sha256}`)
      default:
        return denied('wrong-credential-kind', 'the identity does not prove itself by a certificate')
    }
  }

  #isOurs(hostName: string): boolean {
    return this.#hosts.includes(hostName.toLowerCase().replace(/:[0-9]+$/, ''))
  }
}

/**
 * A session ends when its token does. The skew is granted to a token when it is shown, not to a session while it runs:
 * only one that was let in by the skew ends with it.
 */
function sessionEnd(token: SasToken, now: Timestamp): Timestamp {
  return token.expires > now ? token.expires : timestampOf(token.expires + EXPIRY_SKEW_MS)
}

/**
 * By a certificate that the hub issued. Nobody else vouches for one, whatever authorities are registered: it is bound to
 * one identity, and can be taken away.
 */
function proveByIssued(
  issued: FoundCertificate,
  { sha256 }: PresentedCertificate,
  record: Record,
  now: Timestamp,
): Proof {
  if (record.kind === 'unknown') return denied('unknown-identity', 'there is no such device or module')
  const judgement = issued.judge(record.identity, now)
  if (judgement.kind === 'denied') return denied(judgement.code, judgement.detail)
  const { expires, lane } = judgement
  return { kind: 'proved', basis: { kind: 'issued', sha256 }, expires, lane }
}

function outsideValidity(certificate: PresentedCertificate, now: Timestamp): Denied | undefined {
  if (now + EXPIRY_SKEW_MS < certificate.notBefore) {
    return denied('certificate-not-yet-valid', `valid from ${new Date(certificate.notBefore).toISOString()}`)
  }
  if (now >= certificate.notAfter) {
    return denied('certificate-expired', `expired at ${new Date(certificate.notAfter).toISOString()}`)
  }
  return undefined
}

function denied(code: DenialCode, detail: string): Denied {
  return { kind: 'denied', code, detail }
}
