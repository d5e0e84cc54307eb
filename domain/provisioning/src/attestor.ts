/** Who a device that wants to be provisioned is, and which enrolment is its own. */

import { type Clock, LruMap, type Timestamp, timestampOf } from '@holdfast/base'
import { type RegistrationId, parseRegistrationId } from '@holdfast/dps'
import { EXPIRY_SKEW_MS } from '@holdfast/tokens'
import { type Credentials, type Denied, type RegistrationClaim, type Verdict, denied } from './claim.ts'
import type { GroupIndex } from './group-index.ts'
import { CHAINS_REMEMBERED_MAX, KEY_BYTES } from './limits.ts'
import type { AttemptThrottle, CertificateRules, RandomBytes, SupplyRules } from './ports.ts'
import { type Proved, proveByCertificate, proveByToken } from './proof.ts'
import type { Enrollment, ProvisioningStore } from './store.ts'

export interface AttestorParts {
  readonly idScope: string
  readonly store: ProvisioningStore
  readonly groups: GroupIndex
  readonly certificates: CertificateRules
  readonly supply?: SupplyRules
  readonly throttle: AttemptThrottle
  readonly clock: Clock
  readonly random: RandomBytes
}

export class Attestor {
  readonly #parts: AttestorParts
  readonly #decoy: string
  /**
   * Chains that led to a group, by the leaf's SHA-256. A resumed TLS session proves the leaf and repeats nothing above
   * it (Node's HTTPS client resumes between register and poll). What is remembered is verified again like anything sent.
   */
  readonly #chains = new LruMap<string, readonly Uint8Array[]>(CHAINS_REMEMBERED_MAX)

  constructor(parts: AttestorParts) {
    this.#parts = parts
    this.#decoy = Buffer.from(parts.random(KEY_BYTES)).toString('base64')
  }

  /**
   * Decides. An individual enrolment of the id decides alone, enabled or not; without one the groups do.
   * The status is looked at last, after the proof: who cannot prove to be a device learns neither whether it is
   * enrolled nor whether it is disabled.
   */
  async authenticate(claim: RegistrationClaim, credentials: Credentials): Promise<Verdict> {
    const id = parseRegistrationId(claim.registrationId)
    const isOurScope = claim.idScope.toLowerCase() === this.#parts.idScope.toLowerCase()
    const leaf = credentials.token === undefined ? credentials.certificate?.chain[0] : undefined
    const { candidates, isKnown } = id !== undefined && isOurScope ? await this.#candidates(id, leaf) : NONE
    // From here on nothing waits.
    const now = this.#parts.clock.monotonic()
    const { throttle } = this.#parts
    const { address } = credentials
    const pair = { deviceId: `registration/${id ?? ''}` }
    const isSpent = isKnown ? throttle.isPairSpent(address, pair, now) : throttle.isAddressSpent(address, now)
    if (isSpent) return denied('throttled', 'too many failures from this address before')
    const verdict = this.#decide(claim, id, credentials, candidates, isOurScope)
    if (verdict.kind === 'attested' && (await this.#parts.supply?.areRetired(verdict.proof)) === true) {
      // It holds the key, so that it is nobody who guesses; and it is told no more than others.
      return denied('key-retired', 'the key is that of a retired device')
    }
    if (verdict.kind === 'attested') throttle.succeeded(address, pair)
    else if (isKnown) throttle.failedAsKnown(address, pair, now)
    else throttle.failedAsUnknown(address, now)
    return verdict
  }

  async #candidates(id: RegistrationId, leaf: Uint8Array | undefined): Promise<Candidates> {
    const claimed = await this.#parts.supply?.bindingOf(id, leaf)
    if (claimed !== undefined) return { candidates: [claimed], isKnown: true }
    const individual = await this.#parts.store.readEnrollment('individual', id)
    if (individual !== undefined) return { candidates: [individual], isKnown: true }
    const [groups, registration] = await Promise.all([
      this.#parts.groups.list(),
      this.#parts.store.readRegistration(id),
    ])
    return { candidates: groups, isKnown: registration !== undefined }
  }

  #decide(
    claim: RegistrationClaim,
    id: RegistrationId | undefined,
    credentials: Credentials,
    candidates: readonly Enrollment[],
    isOurScope: boolean,
  ): Verdict {
    const now = this.#parts.clock.wall()
    const proof = this.#prove(claim, id, credentials, candidates, now)
    if (id === undefined) return denied('bad-registration-id', 'the registration id has a wrong form')
    if (!isOurScope) return denied('wrong-scope', 'the device asks for another id scope')
    if (proof.kind === 'denied') return proof
    if (proof.enrollment.status === 'disabled') {
      return denied('enrollment-disabled', `the ${proof.enrollment.scope} enrolment ${proof.enrollment.id} is disabled`)
    }
    return {
      kind: 'attested',
      registrationId: id,
      enrollment: proof.enrollment,
      proof: proof.proof,
      // A token that was let in by the skew ends with the skew.
      expires: proof.expires > now ? proof.expires : timestampOf(proof.expires + EXPIRY_SKEW_MS),
    }
  }

  #prove(
    claim: RegistrationClaim,
    id: RegistrationId | undefined,
    credentials: Credentials,
    candidates: readonly Enrollment[],
    now: Timestamp,
  ): Proved | Denied {
    const { idScope, certificates: rules } = this.#parts
    if (credentials.token !== undefined) {
      return proveByToken(credentials.token, candidates, { claim, idScope, now, decoy: this.#decoy })
    }
    if (credentials.certificate === undefined) {
      return denied('no-credential', 'neither a token nor a client certificate was shown')
    }
    if (id === undefined) return denied('bad-registration-id', 'the registration id has a wrong form')
    const shown = credentials.certificate
    const chain = shown.chain.length > 1 ? shown.chain : (this.#chains.get(shown.sha256) ?? shown.chain)
    const proof = proveByCertificate({ ...shown, chain }, candidates, { id, now, rules })
    if (proof.kind === 'proved' && chain.length > 1) this.#chains.set(shown.sha256, chain)
    return proof
  }
}

interface Candidates {
  readonly candidates: readonly Enrollment[]
  /** Whether there is such a registration, as far as failures are counted. */
  readonly isKnown: boolean
}

const NONE: Candidates = { candidates: [], isKnown: false }
