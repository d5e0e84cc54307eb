/** Quarantine, connection policies and the watch over copies, joined for the hub and for those who operate it. */

import {
  type AdmissionGates,
  ConnectionPolicies,
  type ConnectionPolicy,
  type ConnectionPolicyStore,
  Incumbents,
  Quarantine,
  type QuarantineStore,
} from '@holdfast/admission'
import type { EventSink } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import { type IdentityKey, identitySubject } from '@holdfast/identity'
import { type Dossier, Dossiers, type DossierStore, type Judgement, type Scale } from '@holdfast/masquerade'
import type { Twins } from '@holdfast/twins'
import type { DeviceHandlers } from '../../core/device-handlers.ts'
import type { TwinRefusal } from '../../core/twin-refusals.ts'
import { ConnectionGate } from './connection-gate.ts'
import { MasqueradeWatch } from './masquerade-watch.ts'
import { NonceOffers } from './nonce-offers.ts'

/** Once in so many milliseconds dossiers go to disk and unanswered nonces are looked at. */
const TICK_MS = 1_000

export interface MasqueradeOfficeParts {
  readonly store: QuarantineStore & DossierStore & ConnectionPolicyStore
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly scale: Scale
  /** For what strangers can cause. */
  readonly throttledEvents: EventSink
  readonly gates: AdmissionGates
  readonly twins: Pick<Twins, 'read' | 'write'>
  readonly models: ModelConnections
  readonly fault: (error: unknown) => void
}

/** What the models of devices say of their connections. */
export interface ModelConnections {
  /** Of the identity's model as it is recorded, not as the device says; from memory. */
  policyOf(key: IdentityKey): ConnectionPolicy | undefined
  /** Reads it into memory; undefined where it is there. */
  load(key: IdentityKey): Promise<unknown> | undefined
}

export class MasqueradeOffice {
  readonly quarantine: Quarantine
  readonly policies: ConnectionPolicies
  /** For the desk. */
  readonly handlers: DeviceHandlers
  readonly #parts: MasqueradeOfficeParts
  readonly #dossiers: Dossiers
  readonly #incumbents: Incumbents
  readonly #offers: NonceOffers
  readonly #watch: MasqueradeWatch
  readonly #timer: NodeJS.Timeout

  private constructor(
    parts: MasqueradeOfficeParts,
    opened: { readonly quarantine: Quarantine; readonly policies: ConnectionPolicies; readonly dossiers: Dossiers },
  ) {
    const { clock, random, scale, gates, twins, models, throttledEvents, fault } = parts
    const { quarantine, policies, dossiers } = opened
    this.#parts = parts
    this.quarantine = quarantine
    this.policies = policies
    this.#dossiers = dossiers
    this.#incumbents = new Incumbents()
    this.#offers = new NonceOffers({ dossiers, twins, clock, random, fault })
    const loadModel = models.load.bind(models)
    this.#watch = new MasqueradeWatch({
      dossiers,
      policies,
      quarantine,
      loadModel,
      incumbents: this.#incumbents,
      offers: this.#offers,
      scale,
      clock,
      events: throttledEvents,
      reconsider: (key) => gates.reconsider(key),
      fault,
    })
    gates.add(new ConnectionGate({ policies, incumbents: this.#incumbents, clock, loadModel }))
    gates.add(quarantine)
    gates.add(this.#watch)
    this.handlers = {
      deleted: (key) => {
        this.#watch.deleted(key)
        quarantine.deleted(key)
        policies.deleted(key)
      },
    }
    this.#timer = setInterval(() => void this.tick(), TICK_MS)
    this.#timer.unref()
  }

  /** Adds its gates. Rejects with what the store throws. */
  static async open(parts: MasqueradeOfficeParts): Promise<MasqueradeOffice> {
    const { store, clock, gates, models, fault } = parts
    const changed = (key: IdentityKey | undefined): void => gates.reconsider(key)
    const quarantine = await Quarantine.open({ store, clock, changed })
    const ofModel = models.policyOf.bind(models)
    const policies = await ConnectionPolicies.open({ store, clock, ofModel, changed })
    const dossiers = await Dossiers.open({ store, fault })
    return new MasqueradeOffice(parts, { quarantine, policies, dossiers })
  }

  /** What is known of an identity, which exists, and what follows from it now. */
  async show(key: IdentityKey): Promise<{ readonly dossier: Dossier; readonly judgement: Judgement }> {
    const dossier = await this.#dossiers.load(key)
    return { dossier, judgement: this.#watch.judgementOf(dossier) }
  }

  /** A patch that a device reports, before its twin is written. @returns why it is not to be. */
  vet(key: IdentityKey, patch: string): TwinRefusal | undefined {
    return this.#watch.vet(key, patch)
  }

  get scale(): Scale {
    return this.#parts.scale
  }

  /** What was found of an identity, which exists, is over; a nonce and a counter begin anew. */
  async clear(key: IdentityKey, actor: string): Promise<void> {
    const { clock, gates } = this.#parts
    const dossier = await this.#dossiers.load(key)
    dossier.cleared()
    const at = clock.wall()
    const cleared = { type: 'identity.cleared', at, subject: identitySubject(key), actor, detail: {} } as const
    await this.#dossiers.write(key, dossier, cleared)
    const live = this.#incumbents.find(key)
    if (live !== undefined && dossier.nonce !== undefined) this.#offers.offer(live, dossier)
    gates.reconsider(key)
  }

  /**
   * Lets an identity out, with what was found of it cleared: else the next finding would put it back. False where it is
   * not in quarantine by itself.
   */
  async release(key: IdentityKey, actor: string): Promise<boolean> {
    if (!this.quarantine.has(key)) return false
    await this.clear(key, actor)
    return this.quarantine.release(key, actor)
  }

  /** Writes what is left and keeps no timer. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#dossiers.flush()
    await this.#dossiers.flush()
  }

  /** What time has brought; never rejects. */
  async tick(): Promise<void> {
    const { clock, fault } = this.#parts
    const due = this.#offers.due(clock.monotonic())
    await Promise.all(due.map(([facts, dossier]) => this.#watch.silent(facts, dossier).catch(fault)))
    await this.#dossiers.flush()
    // Whoever put it there was told that the disk had not taken it; that need not be said each second.
    await this.quarantine.save().catch(() => undefined)
  }
}
