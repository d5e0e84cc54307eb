/**
 * Attestation of a hub's devices: keys certified through the endorsement key, challenges, evidence judged, and how each
 * device stands. The order of one device's requests is kept; devices do not wait for each other.
 */

import { timingSafeEqual } from 'node:crypto'
import type { Because, EventSink, EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import {
  type Credential,
  decodePublic,
  encodePublic,
  endorsementPrimaryName,
  makeCredential,
  nameOf,
  publicKeyOf,
  qualifiedName,
  type SeedSource,
  TpmError,
  type TpmPublic,
} from '@holdfast/tpm'
import { checkAttestationKey, checkEndorsementKey } from './attestation-key.ts'
import { AttestationError, type AttestationErrorCode } from './errors.ts'
import {
  type Evidence,
  firmwareText,
  isBefore,
  type Judgement,
  judgeEvidence,
  type TpmState,
} from './judge-evidence.ts'
import { ACTIVATION_MS, ACTIVATION_SECRET_BYTES, CHALLENGE_MS, NONCE_BYTES, WAITING_MAX } from './limits.ts'
import type { AttestationPolicies } from './policies.ts'
import { type AttestationPolicy, DEFAULT_POLICY } from './policy.ts'
import type { References } from './references.ts'
import { StaleQueue } from './stale-queue.ts'
import { decideStanding, type Standing, standingOf, type StandingVerdict } from './standing.ts'
import type { AttestationRecord, AttestationStore, AttestedVerdict, StoredStanding } from './store.ts'
import { Waiting } from './waiting.ts'

/** Who speaks, as it has proved. */
export interface AttestingDevice {
  readonly deviceId: string
  readonly generationId: string
}

/** Whether anybody vouches for an endorsement key. */
export type Endorsement =
  | { readonly kind: 'vouched'; readonly manufacturer: string }
  /** `why` is one clause without bytes of the peer. */
  | { readonly kind: 'unproven'; readonly why: string }

/** Which device a TPM proves, by whatever door it comes: provisioning asks the same. */
export interface EndorsementKeyHolders {
  /** Of a device that has proved to have the TPM. */
  claim(endorsementKey: TpmPublic, device: AttestingDevice): Promise<'good' | 'taken' | 'retired' | 'weak'>
  /** The operator says that the device has this TPM no more. */
  release(endorsementKey: TpmPublic, deviceId: string): Promise<void>
}

export interface AttestationsParts {
  readonly store: AttestationStore
  readonly clock: Clock
  /** MUST come from the system's cryptographic generator outside of tests. */
  readonly random: (count: number) => Uint8Array
  readonly seeds: SeedSource
  /** What operators do and time does: each is told. */
  readonly acts: EventSink
  /** What devices can cause at will: may be told in sums. */
  readonly events: EventSink
  readonly references: References
  readonly policies: AttestationPolicies
  /** Name of the device's model, as it is recorded; undefined where it has none. */
  readonly modelOf: (deviceId: string) => string | undefined
  /** Brings into memory what `modelOf` and the policies of models ask; undefined where it is there. */
  readonly load: (deviceId: string) => Promise<unknown> | undefined
  /** Judges the endorsement key and, if there is one, its certificate in DER. */
  readonly vouch: (endorsementKey: TpmPublic, certificate: Uint8Array | undefined) => Promise<Endorsement>
  readonly holders: EndorsementKeyHolders
  /** What may be thought of the device has changed. MUST NOT throw. */
  readonly reconsider: (deviceId: string) => void
}

/** What a device shows to have its attestation key certified. */
export interface KeyRequest {
  /** TPM2B_PUBLIC of both. */
  readonly endorsementKey: Uint8Array
  readonly attestationKey: Uint8Array
  /** DER. */
  readonly endorsementCertificate?: Uint8Array
}

export interface Challenge {
  readonly nonce: Uint8Array
  readonly policy: AttestationPolicy
  readonly expires: number
}

interface WaitingKey {
  readonly secret: Uint8Array
  readonly record: Omit<AttestationRecord, 'certifiedTime' | 'state' | 'verdict'>
}

/** Ids of one page while standings are read at the start. */
const PAGE = 1_000

/** Rejects with AttestationError for what cannot be had, or with what the store throws. */
export class Attestations {
  readonly #parts: AttestationsParts
  readonly #standings = new Map<string, StoredStanding>()
  readonly #stale: StaleQueue
  readonly #keys = new Waiting<WaitingKey>(ACTIVATION_MS, WAITING_MAX)
  readonly #challenges = new Waiting<{ readonly nonce: Uint8Array; readonly policy: AttestationPolicy }>(
    CHALLENGE_MS,
    WAITING_MAX,
  )
  /** The last thing under way of each device. */
  readonly #turns = new Map<string, Promise<unknown>>()

  private constructor(parts: AttestationsParts) {
    this.#parts = parts
    this.#stale = new StaleQueue(parts.clock.wall())
  }

  static async open(parts: AttestationsParts): Promise<Attestations> {
    const attestations = new Attestations(parts)
    let after: string | undefined
    do {
      const page = await parts.store.listStandings({ limit: PAGE, ...(after === undefined ? {} : { after }) })
      for (const standing of page) attestations.#stand(standing)
      after = page.length < PAGE ? undefined : page.at(-1)?.deviceId
    } while (after !== undefined)
    return attestations
  }

  /** How the device stands now. Without a policy, as the default would have it. */
  standing(device: AttestingDevice): Standing {
    const { clock, policies, references } = this.#parts
    return standingOf(this.#standings.get(device.deviceId), {
      generationId: device.generationId,
      policy: policies.find(device.deviceId)?.policy ?? DEFAULT_POLICY,
      now: clock.wall(),
      isInForce: (name) => references.isInForce(name),
    })
  }

  /** What admission does with it. */
  decide(device: AttestingDevice): StandingVerdict {
    const found = this.#parts.policies.find(device.deviceId)
    if (found === undefined) return { kind: 'pass' }
    const standing = this.standing(device)
    // Policies of models are known only once somebody has asked about the device.
    if (standing.kind === 'trusted') this.#stale.set(device.deviceId, standing.until)
    return decideStanding(standing, found.policy)
  }

  /** Devices that have a certified key, by id, after `after`. */
  async list(page: {
    readonly limit: number
    readonly after?: string
  }): Promise<readonly { readonly deviceId: string; readonly standing: Standing; readonly reference?: string }[]> {
    const stored = await this.#parts.store.listStandings(page)
    for (const { deviceId } of stored) await this.#parts.load(deviceId)
    return stored.map((one) => {
      const { deviceId, verdict } = one
      const standing = this.standing(one)
      return verdict?.reference === undefined
        ? { deviceId, standing }
        : { deviceId, standing, reference: verdict.reference }
    })
  }

  /** Undefined if it has no certified key, or its predecessor had. */
  async read({ deviceId, generationId }: AttestingDevice): Promise<AttestationRecord | undefined> {
    await this.#parts.load(deviceId)
    const record = await this.#parts.store.readAttestation(deviceId)
    return record?.generationId === generationId ? record : undefined
  }

  /**
   * Begins to certify an attestation key: whoever gives back the secret in the credential has that key in the TPM of that
   * endorsement key.
   * @throws AttestationError.
   */
  enrol(
    device: AttestingDevice,
    request: KeyRequest,
  ): Promise<{ readonly credential: Credential; readonly expires: number }> {
    return this.#inTurn(device, () => this.#refusing(device, () => this.#enrol(device, request)))
  }

  async #enrol(
    device: AttestingDevice,
    request: KeyRequest,
  ): Promise<{ readonly credential: Credential; readonly expires: number }> {
    const { random, seeds, vouch, policies, clock } = this.#parts
    const endorsementKey = readKey(request.endorsementKey, 'endorsement')
    const attestationKey = readKey(request.attestationKey, 'attestation')
    checkEndorsementKey(endorsementKey)
    checkAttestationKey(attestationKey)
    const endorsementName = hex(nameOf(endorsementKey))
    const before = await this.read(device)
    if (before !== undefined && before.endorsementName !== endorsementName) {
      throw new AttestationError('endorsement-key-changed', 'the device has attested with another TPM')
    }
    const endorsement = await vouch(endorsementKey, request.endorsementCertificate)
    if (endorsement.kind === 'unproven' && policies.find(device.deviceId)?.policy.endorsementCertificate === true) {
      throw new AttestationError('endorsement-unproven', endorsement.why)
    }
    const secret = random(ACTIVATION_SECRET_BYTES)
    const name = nameOf(attestationKey)
    const credential = makeCredential({ endorsementKey, name, secret, source: seeds })
    const record = {
      deviceId: device.deviceId,
      generationId: device.generationId,
      endorsementKey: encodePublic(endorsementKey),
      endorsementName,
      ...(endorsement.kind === 'vouched' ? { manufacturer: endorsement.manufacturer } : {}),
      attestationKey: encodePublic(attestationKey),
      attestationName: hex(name),
    }
    return { credential, expires: this.#keys.put(device, { secret, record }, clock.wall()) }
  }

  /** Certifies the key that waits, if this is its secret; one try. @throws AttestationError. */
  activate(device: AttestingDevice, secret: Uint8Array): Promise<AttestationRecord> {
    return this.#inTurn(device, () =>
      this.#refusing(device, async () => {
        const { clock } = this.#parts
        const now = clock.wall()
        const waiting = this.#keys.take(device, now)
        if (waiting === undefined) {
          throw new AttestationError('no-activation', 'no key waits to be activated; show the keys again')
        }
        const isRight = secret.length === waiting.secret.length && timingSafeEqual(secret, waiting.secret)
        if (!isRight) throw new AttestationError('wrong-secret', 'this is not the secret that was sealed to the TPM')
        await this.#claim(waiting.record, device)
        // Of the same TPM: its counts outlive its keys, and what was found of its boot is not undone by a new key.
        const { state, verdict } = (await this.read(device)) ?? {}
        const record = {
          ...waiting.record,
          certifiedTime: now,
          ...(state === undefined ? {} : { state }),
          ...(verdict === undefined ? {} : { verdict }),
        }
        const certified = this.#event('attestation.key-certified', device, {
          endorsementKey: record.endorsementName,
          attestationKey: record.attestationName,
          endorsement: record.manufacturer ?? 'unproven',
        })
        await this.#write(record, certified)
        this.#parts.reconsider(device.deviceId)
        return record
      }),
    )
  }

  /** A new challenge, in place of one that waits. @throws AttestationError `no-attestation-key`, `endorsement-unproven`. */
  challenge(device: AttestingDevice): Promise<Challenge> {
    return this.#inTurn(device, async () => {
      const { random, policies, clock } = this.#parts
      const { manufacturer } = await this.#recordOf(device)
      const policy = policies.find(device.deviceId)?.policy ?? DEFAULT_POLICY
      if (policy.endorsementCertificate && manufacturer === undefined) {
        // The policy came after the key. Quotes by a TPM that may be a program prove nothing.
        await this.#refusing(device, async () => {
          throw new AttestationError('endorsement-unproven', 'show the keys again, with the certificate of the TPM')
        })
      }
      const nonce = random(NONCE_BYTES)
      return { nonce, policy, expires: this.#challenges.put(device, { nonce, policy }, clock.wall()) }
    })
  }

  /**
   * Judges evidence over the challenge that waits, which it uses up. What comes without one proves nothing and changes
   * nothing.
   * @throws AttestationError `no-challenge`, `no-attestation-key`.
   */
  submit(device: AttestingDevice, evidence: Evidence): Promise<AttestedVerdict> {
    return this.#inTurn(device, () => this.#refusing(device, () => this.#submit(device, evidence)))
  }

  async #submit(device: AttestingDevice, evidence: Evidence): Promise<AttestedVerdict> {
    const { clock, references, modelOf } = this.#parts
    const now = clock.wall()
    const challenge = this.#challenges.take(device, now)
    if (challenge === undefined) {
      throw new AttestationError('no-challenge', 'no challenge waits for an answer; ask for one')
    }
    const record = await this.#recordOf(device)
    const area = readKey(record.attestationKey, 'attestation')
    const judgement = judgeEvidence(evidence, {
      key: { area, key: publicKeyOf(area) },
      qualifiedNames: [
        qualifiedName(endorsementPrimaryName(readKey(record.endorsementKey, 'endorsement')), area),
        endorsementPrimaryName(area),
      ],
      nonce: challenge.nonce,
      policy: challenge.policy,
      references: references.forModel(modelOf(device.deviceId)),
      denied: references.denied,
      ...(record.state === undefined ? {} : { before: record.state }),
    })
    const { state, ...verdict } = judgement
    const kept = highest(record.state, state, judgement.kind)
    const attested: AttestedVerdict = { ...verdict, at: now }
    const told = this.#verdictEvent(device, judgement)
    const after = { ...record, verdict: attested, ...(kept === undefined ? {} : { state: kept }) }
    // The same verdict once more changes nothing that counts, and a device can have it as often as it likes.
    if (isSame(record.verdict, attested)) {
      await this.#write(after)
      this.#parts.events(told)
    } else {
      await this.#write(after, told)
    }
    this.#parts.reconsider(device.deviceId)
    return attested
  }

  /** Forgets keys and verdict: the device may come with another TPM. Whether there was anything. */
  forget(deviceId: string, actor: string): Promise<boolean> {
    return this.#inTurn({ deviceId }, async () => {
      const { store, holders } = this.#parts
      const record = await store.readAttestation(deviceId)
      const forgotten = this.#event('attestation.forgotten', { deviceId }, {}, actor)
      const wasThere = await store.deleteAttestation(deviceId, forgotten)
      if (record !== undefined) await holders.release(readKey(record.endorsementKey, 'endorsement'), deviceId)
      this.drop(deviceId)
      this.#parts.reconsider(deviceId)
      return wasThere
    })
  }

  /** The device is gone, and all of it in the store. */
  drop(deviceId: string): void {
    this.#standings.delete(deviceId)
    this.#stale.clear(deviceId)
    this.#keys.drop(deviceId)
    this.#challenges.drop(deviceId)
  }

  /** To be called about once a second: tells of quotes that have got too old since. */
  tick(): void {
    for (const deviceId of this.#stale.due(this.#parts.clock.wall())) {
      const stored = this.#standings.get(deviceId)
      if (stored === undefined) continue
      const standing = this.standing(stored)
      if (standing.kind === 'trusted') {
        this.#stale.set(deviceId, standing.until)
      } else if (standing.kind === 'stale') {
        this.#parts.acts(this.#event('attestation.stale', stored, { reason: standing.reason }, 'hub'))
        this.#parts.reconsider(deviceId)
      }
    }
  }

  /** Policies or reference values have changed: deadlines are set anew. */
  reschedule(deviceId?: string): void {
    const changed = deviceId === undefined ? [...this.#standings.values()] : [this.#standings.get(deviceId)]
    for (const stored of changed) if (stored !== undefined) this.#stand(stored)
  }

  async #recordOf(device: AttestingDevice): Promise<AttestationRecord> {
    const record = await this.read(device)
    if (record !== undefined) return record
    throw new AttestationError('no-attestation-key', 'no attestation key is certified for the device; show one first')
  }

  /** Only what has proved to have the TPM takes it: the key itself is public. */
  async #claim({ endorsementKey }: Pick<AttestationRecord, 'endorsementKey'>, device: AttestingDevice): Promise<void> {
    switch (await this.#parts.holders.claim(readKey(endorsementKey, 'endorsement'), device)) {
      case 'good':
        return
      case 'taken':
        throw new AttestationError('endorsement-key-taken', 'another device has this TPM')
      case 'retired':
        throw new AttestationError('endorsement-key-taken', 'the TPM is that of a retired device')
      case 'weak':
        throw new AttestationError('bad-endorsement-key', 'the endorsement key is on a list of weak keys')
    }
  }

  async #write(record: AttestationRecord, because?: Because): Promise<void> {
    const outcome = await this.#parts.store.writeAttestation(record, because)
    if (outcome === 'device-missing') throw new AttestationError('device-missing', 'the device does not exist any more')
    if (outcome === 'endorsement-key-taken') {
      throw new AttestationError('endorsement-key-taken', 'another device attests with this TPM')
    }
    this.#stand(standingIn(record))
  }

  #stand(stored: StoredStanding): void {
    const { deviceId } = stored
    this.#standings.set(deviceId, stored)
    this.#stale.clear(deviceId)
    if (stored.verdict?.kind !== 'trusted') return
    const maxAgeMs = this.#parts.policies.find(deviceId)?.policy.maxAgeMs
    if (maxAgeMs !== undefined) this.#stale.set(deviceId, stored.verdict.at + maxAgeMs)
  }

  #verdictEvent(
    device: AttestingDevice,
    { kind, reasons, reasonsOmitted, reference, state }: Judgement,
  ): SecurityEvent {
    const [first] = reasons
    const facts = {
      ...(state === undefined
        ? {}
        : { resetCount: state.resetCount, firmware: firmwareText(state.firmwareVersion), clockSafe: state.isSafe }),
      ...(reference === undefined ? {} : { reference: `${reference.name}/${reference.serial}` }),
    }
    if (kind === 'trusted') return this.#event('attestation.verified', device, facts)
    return this.#event('attestation.failed', device, {
      ...facts,
      reason: first?.code ?? '',
      reasons: reasons.length + reasonsOmitted,
      ...(first?.pcr === undefined ? {} : { pcr: first.pcr }),
      ...(first?.event === undefined ? {} : { event: first.event }),
    })
  }

  /** Tells of what is refused, so that somebody who tries is seen. */
  async #refusing<T>(device: AttestingDevice, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code: AttestationErrorCode | undefined =
        error instanceof AttestationError ? error.code : error instanceof TpmError ? 'invalid' : undefined
      if (code !== undefined) this.#parts.events(this.#event('attestation.refused', device, { code }))
      if (error instanceof TpmError) throw new AttestationError('invalid', error.message, { cause: error })
      throw error
    }
  }

  #event(
    type: EventType,
    { deviceId }: { readonly deviceId: string },
    detail: SecurityEvent['detail'],
    actor = `device/${deviceId}`,
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `device/${deviceId}`, actor, detail }
  }

  #inTurn<T>({ deviceId }: { readonly deviceId: string }, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(deviceId) ?? Promise.resolve()
    const done = before.then(work)
    const settled = done.then(
      () => undefined,
      () => undefined,
    )
    this.#turns.set(deviceId, settled)
    void settled.then(() => {
      if (this.#turns.get(deviceId) === settled) this.#turns.delete(deviceId)
    })
    return done
  }
}

/** Counts that were put back do not become the new measure, nor does firmware that nobody has called good. */
function highest(
  before: TpmState | undefined,
  now: TpmState | undefined,
  kind: Judgement['kind'],
): TpmState | undefined {
  if (before === undefined || now === undefined || kind === 'trusted') return now ?? before
  const counts = isBefore(now, before) ? before : now
  const newer = now.firmwareVersion > before.firmwareVersion ? now : before
  return { ...counts, firmwareVersion: newer.firmwareVersion }
}

/** Whether a verdict says what the one before it said: of the same kind, by the same values, for the same first reason. */
function isSame(before: AttestedVerdict | undefined, now: AttestedVerdict): boolean {
  const [was] = before?.reasons ?? []
  const [is] = now.reasons
  return (
    before?.kind === now.kind &&
    before.reference?.name === now.reference?.name &&
    before.reference?.serial === now.reference?.serial &&
    was?.code === is?.code &&
    was?.pcr === is?.pcr
  )
}

export function standingIn({ deviceId, generationId, verdict }: AttestationRecord): StoredStanding {
  if (verdict === undefined) return { deviceId, generationId }
  const { kind, at, reference, reasons } = verdict
  const [first] = reasons
  return {
    deviceId,
    generationId,
    verdict: {
      kind,
      at,
      ...(reference === undefined ? {} : { reference: reference.name }),
      ...(first === undefined ? {} : { reason: first.code }),
    },
  }
}

function readKey(bytes: Uint8Array, which: 'endorsement' | 'attestation'): TpmPublic {
  try {
    return decodePublic(bytes)
  } catch (cause) {
    if (!(cause instanceof TpmError)) throw cause
    throw new AttestationError('invalid', `the ${which} key is no TPM2B_PUBLIC: ${cause.message}`, { cause })
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
