/** Who a device that wants to be provisioned is, and which enrolment is its own. */

import { type Clock, LruMap, type Timestamp, timestampOf } from '@holdfast/base'
import { type RegistrationId, type TpmKeys, parseRegistrationId } from '@holdfast/dps'
import { EXPIRY_SKEW_MS } from '@holdfast/tokens'
import type { Activations } from './activations.ts'
import { type Attested, type Credentials, type Denied, type RegistrationClaim, type Verdict, denied } from './claim.ts'
import type { GroupIndex } from './group-index.ts'
import { CHAINS_REMEMBERED_MAX, KEY_BYTES } from './limits.ts'
import type { AttemptThrottle, CertificateRules, RandomBytes, SupplyRules, TpmParts } from './ports.ts'
import { type Proved, isTpmEnrollment, proveByCertificate, proveByToken, symmetricKeysOf } from './proof.ts'
import { checkTpmKeys, namedKeys, proveByActivation } from './tpm-proof.ts'
import type { Enrollment, ProvisioningStore } from './store.ts'

export interface AttestorParts {
  readonly idScope: string
  readonly store: ProvisioningStore
  readonly groups: GroupIndex
  readonly certificates: CertificateRules
  readonly supply?: SupplyRules
  /** Without it no enrolment by TPM is met. */
  readonly tpm?: TpmParts
  readonly activations: Activations
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
    const decided = this.#decide(claim, id, credentials, candidates, isOurScope)
    const verdict = decided.kind === 'attested' ? await this.#vouched(decided, credentials) : decided
    if (verdict.kind === 'attested' && (await this.#isRetired(verdict, claim))) {
      // It holds the key, so that it is nobody who guesses; and it is told no more than others.
      return denied('key-retired', 'the key is that of a retired device')
    }
    if (verdict.kind === 'attested') throttle.succeeded(address, pair)
    else if (isKnown) throttle.failedAsKnown(address, pair, now)
    else throttle.failedAsUnknown(address, now)
    return verdict
  }

  /**
   * Whether a device may be challenged: an enabled individual enrolment under this id names the keys of its TPM. Each
   * challenge counts as a failure until it is answered, so that they cannot be had without end.
   */
  async mayChallenge(claim: RegistrationClaim, keys: TpmKeys, address: string): Promise<Challengeable | Denied> {
    const id = parseRegistrationId(claim.registrationId)
    const isOurScope = claim.idScope.toLowerCase() === this.#parts.idScope.toLowerCase()
    const { candidates, isKnown } = id !== undefined && isOurScope ? await this.#candidates(id, undefined) : NONE
    const now = this.#parts.clock.monotonic()
    const { throttle } = this.#parts
    const pair = { deviceId: `registration/${id ?? ''}` }
    const isSpent = isKnown ? throttle.isPairSpent(address, pair, now) : throttle.isAddressSpent(address, now)
    if (isSpent) return denied('throttled', 'too many failures or challenges from this address before')
    if (isKnown) throttle.failedAsKnown(address, pair, now)
    else throttle.failedAsUnknown(address, now)
    if (id === undefined) return denied('bad-registration-id', 'the registration id has a wrong form')
    if (!isOurScope) return denied('wrong-scope', 'the device asks for another id scope')
    const [enrollment] = candidates
    if (enrollment === undefined) return denied('not-enrolled', 'no enrolment knows this registration id')
    if (!isTpmEnrollment(enrollment)) {
      return denied('wrong-credential-kind', 'the enrolment does not ask for a TPM')
    }
    const differs = namedKeys(enrollment.attestation, keys)
    if (differs !== undefined) return differs
    if (enrollment.status === 'disabled') return denied('enrollment-disabled', `the enrolment ${id} is disabled`)
    return { kind: 'challengeable', registrationId: id }
  }

  async symmetricKeysOf(ids: ReadonlySet<RegistrationId>): Promise<readonly string[]> {
    const { store, groups } = this.#parts
    const keys = new Set<string>()
    for (const id of ids) {
      const [individual, registration] = await Promise.all([
        store.readEnrollment('individual', id),
        store.readRegistration(id),
      ])
      const own = registration?.scope === 'group' ? registration.enrollmentId : undefined
      const asked = (await groups.list()).filter((group) => own === undefined || group.id === own)
      for (const enrollment of [...(individual === undefined ? [] : [individual]), ...asked]) {
        const found = symmetricKeysOf(enrollment, id)
        if (found !== undefined) keys.add(found.primaryKey).add(found.secondaryKey)
      }
    }
    return [...keys]
  }

  /** A group derives another key for each way to write an id: those of a retired device are all of one group. */
  async #isRetired({ proof, enrollment, registrationId }: Attested, claim: RegistrationClaim): Promise<boolean> {
    const { supply } = this.#parts
    if (supply === undefined) return false
    if (await supply.areRetired(proof)) return true
    if (proof.kind !== 'symmetricKey' || claim.registrationId === registrationId) return false
    const keys = symmetricKeysOf(enrollment, registrationId)
    return keys !== undefined && supply.areRetired({ kind: 'symmetricKey', ...keys })
  }

  /** What the certificates of a TPM's endorsement key say, where a challenge was answered just now. */
  async #vouched(attested: Attested, { tpm: keys }: Credentials): Promise<Attested | Denied> {
    const { tpm } = this.#parts
    const { proof, enrollment } = attested
    if (proof.kind !== 'tpm' || proof.activation === undefined || tpm === undefined) return attested
    const { attestation } = enrollment
    if (attestation.kind !== 'tpm') throw new TypeError('proved by an enrolment of another kind')
    const certificates = attestation.endorsementCertificate ?? keys?.endorsementCertificate
    const { endorsementKey } = checkTpmKeys(proof)
    const endorsement = await tpm.vouch(endorsementKey, certificates)
    if (endorsement.kind === 'vouched') {
      return { ...attested, proof: { ...proof, manufacturer: endorsement.manufacturer } }
    }
    const isRequired = attestation.requireEndorsementCertificate ?? tpm.requireEndorsementCertificate
    return isRequired ? denied('endorsement-unproven', endorsement.why) : attested
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
      return proveByToken(credentials.token, candidates, {
        claim,
        idScope,
        now,
        decoy: this.#decoy,
        activated: (token, enrollment) => {
          const { tpm, activations, clock } = this.#parts
          if (id === undefined || tpm === undefined) return denied('not-activated', 'no TPM is challenged here')
          const keys = credentials.tpm
          return proveByActivation(token, enrollment, { id, keys, activations, now: clock.monotonic() })
        },
      })
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

/** A device that may be challenged. */
export interface Challengeable {
  readonly kind: 'challengeable'
  readonly registrationId: RegistrationId
}

interface Candidates {
  readonly candidates: readonly Enrollment[]
  /** Whether there is such a registration, as far as failures are counted. */
  readonly isKnown: boolean
}

const NONE: Candidates = { candidates: [], isKnown: false }
