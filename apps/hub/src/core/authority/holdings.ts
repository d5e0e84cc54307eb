/**
 * What the hub's own authority holds, on disk and in memory: its state, the issuing authorities with what signs for each,
 * and where the roots' keys are. Every change is on disk before it is in memory; who changes it takes turns.
 */

import { type KeyObject, X509Certificate } from 'node:crypto'
import type { EventSink, EventType, SecurityEvent } from '@holdfast/audit'
import type { Clock } from '@holdfast/base'
import type { KeyFolder, KeyRing, Random } from '@holdfast/keys'
import { type AuthorityKeys, type Certificate, type Publication, renewalTimeOf } from '@holdfast/pki'
import { HubCertificateError } from '../certificate-file.ts'
import type { RecordFirst } from '../record-first.ts'
import { AuthorityFiles, TRUST_PEM } from './authority-files.ts'
import {
  type AuthorityState,
  type Generation,
  generation,
  ISSUERS_MAX,
  REVOKED_ISSUERS_MAX,
  type RevokedIssuer,
  trusted,
} from './authority-state.ts'
import { AuthorityError } from './errors.ts'
import { Issuance } from './issuance.ts'
import {
  type Issuer,
  type IssuerFiles,
  issuerFileName,
  readIssuer,
  retireIssuer,
  retireLeftover,
  writeIssuer,
} from './issuer-file.ts'
import { RingAuthorityKeys } from './ring-authority-keys.ts'
import { without } from './rollover.ts'
import { openRootKey, parseRootBundle } from './root-bundle.ts'
import { RootKeys, type RootPlace } from './root-keys.ts'
import { RootLists } from './root-list.ts'

export interface HubAuthorityParts {
  readonly folder: KeyFolder
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly events: EventSink
  /** For roots and authorities that are ended. */
  readonly recordFirst: RecordFirst
  readonly hostNames: readonly string[]
  /** Where keys of issuing authorities are made and kept, before the key ring, which is always one of them. */
  readonly keys?: readonly AuthorityKeys[]
  /** What seals a new root; undefined: it is sealed to the machine. The caller of it zeroes what it gets. */
  readonly rootPassphrase?: (() => Promise<Uint8Array>) | undefined
  /** Where an issuing authority publishes what others judge devices' certificates by; undefined: nowhere. */
  readonly publicationOf?: ((authority: Certificate) => Publication) | undefined
}

/** A bundle that was brought, and what opens it. */
export interface BroughtRoot {
  /** Text of the file. */
  readonly bundle: string
  readonly passphrase: Uint8Array
}

/** Numbers of roots and issuing authorities that are looked at for keys nobody needs; some ten years of them. */
const SWEEP_MAX = 64

export class AuthorityHoldings {
  readonly parts: HubAuthorityParts
  readonly files: AuthorityFiles
  readonly rootKeys: RootKeys
  readonly rootLists: RootLists
  readonly issuance: Issuance
  /** Where the key of each root is, as of the last look. */
  readonly places = new Map<number, RootPlace>()
  state: AuthorityState
  /** In the order of the state. */
  issuers: readonly Issuer[] = []
  readonly #homes: readonly [AuthorityKeys, ...AuthorityKeys[]]
  readonly #listeners = new Set<() => void>()

  private constructor(parts: HubAuthorityParts, state: AuthorityState, files: AuthorityFiles) {
    this.parts = parts
    this.state = state
    this.files = files
    this.rootKeys = new RootKeys({ ...parts, passphrase: parts.rootPassphrase })
    this.rootLists = new RootLists(parts.folder, parts.clock)
    this.issuance = new Issuance(parts)
    const ring = new RingAuthorityKeys(parts.ring, parts.random)
    const [first = ring, ...others] = parts.keys ?? []
    this.#homes = first.id === ring.id ? [first, ...others] : [first, ...others, ring]
  }

  /** @throws HubCertificateError or KeyError when what is there is damaged. */
  static async open(parts: HubAuthorityParts): Promise<AuthorityHoldings> {
    const files = new AuthorityFiles(parts.folder, parts.ring)
    const found = await files.readState()
    const held = new AuthorityHoldings(parts, found ?? (await firstState(parts, files)), files)
    await held.#open()
    return held
  }

  /** As `HubAuthority.onChange`. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #open(): Promise<void> {
    await this.#adoptFirstRootKey()
    await this.files.writeStateIfNew(this.state)
    const issuers: Issuer[] = []
    for (const which of this.state.issuers) {
      const issuer = (await readIssuer(this.issuerFiles, which)) ?? (await this.#firstIssuer(which))
      const { root } = generation(this.state, which.generation)
      if (!isIssuedBy(issuer.certificate, root)) {
        const path = this.files.pathOf(issuerFileName(which.number))
        throw new HubCertificateError(path, `it was not issued by the root of ${TRUST_PEM}`)
      }
      issuers.push(issuer)
    }
    this.issuers = issuers
    await this.#sweep()
    await this.#listFirst()
    await this.look()
  }

  /** The first release issued no lists: a root whose key is here gets its first. */
  async #listFirst(): Promise<void> {
    for (const it of trusted(this.state)) {
      if ((await this.rootLists.read(it)) !== undefined) continue
      const key = await this.rootKeys.open(it)
      if (key !== undefined) await this.rootLists.issue(it, key, [])
    }
  }

  /** Keys that a finished roll-over did not come to destroy, and those of one that was never begun. */
  async #sweep(): Promise<void> {
    const { next, generations, issuers } = this.state
    const counts = new Set([...generations, ...issuers].map(({ number }) => number))
    for (let number = Math.max(1, next - SWEEP_MAX); number <= next + 1; number += 1) {
      if (counts.has(number)) continue
      try {
        await retireLeftover(this.issuerFiles, number)
        await this.rootKeys.removeLeftover(number)
      } catch (error) {
        // A damaged file that nobody needs keeps no hub from starting.
        if (!(error instanceof HubCertificateError)) throw error
      }
    }
  }

  /** What the first release kept, or an operator put back from it, becomes a bundle. */
  async #adoptFirstRootKey(): Promise<void> {
    const found = await this.files.firstRootKey()
    const first = this.state.generations.find(({ number }) => number === 1)
    if (found === undefined || first === undefined) return
    if (found.certificate.sha256Thumbprint !== first.root.sha256Thumbprint) {
      throw new HubCertificateError(this.files.firstRootKeyPath(), `it belongs to another root than ${TRUST_PEM}`)
    }
    await this.rootKeys.write({ number: 1, root: first.root, key: found.key })
    await this.files.forgetFirstRootKey()
  }

  /** A first start that was broken off goes on where its root's key is here. */
  async #firstIssuer(which: { readonly number: number; readonly generation: number }): Promise<Issuer> {
    const it = generation(this.state, which.generation)
    const key = which.number === 1 ? await this.rootKeys.open(it) : undefined
    if (key === undefined) {
      throw new HubCertificateError(this.files.pathOf(issuerFileName(which.number)), 'it is not there')
    }
    const issuer = await this.makeIssuer(it, key, which.number, 'hub')
    await this.rootLists.issue(it, key, [])
    return issuer
  }

  /** Generations that count no longer go, with the keys of their roots and of what issues below them. */
  async drop(numbers: readonly number[], state = without(this.state, numbers)): Promise<readonly Issuer[]> {
    const isDropped = (it: Issuer): boolean => numbers.includes(it.generation)
    const gone = this.issuers.filter(isDropped)
    const roots = this.state.generations.filter(({ number }) => numbers.includes(number))
    await this.commit(
      state,
      this.issuers.filter((it) => !isDropped(it)),
    )
    for (const issuer of gone) await retireIssuer(this.issuerFiles, issuer)
    for (const { number, root } of roots) await this.rootKeys.remove(number, root)
    return gone
  }

  /** Renews the issuing authorities that are due, where their root's key is here; those that have ended go. */
  async renewDue(): Promise<void> {
    await this.#retireEnded()
    for (const it of trusted(this.state)) {
      if (!this.isDue(this.issuerOf(it.number).certificate)) continue
      const key = await this.rootKeys.open(it)
      if (key !== undefined) await this.renewIssuer(it, key, 'hub')
    }
  }

  /** A new issuing authority takes over; `former` are revoked by the root, and count no longer. */
  async renewIssuer(it: Generation, key: KeyObject, actor: string, former: readonly Issuer[] = []): Promise<void> {
    const at = this.parts.clock.wall()
    const revoked: readonly RevokedIssuer[] = [
      ...this.state.revoked,
      ...former.map(({ certificate: { serialNumber } }) => ({ generation: it.number, serialNumber, at })),
    ]
    if (this.state.issuers.length >= ISSUERS_MAX || revoked.length > REVOKED_ISSUERS_MAX) {
      throw new AuthorityError('too-many-authorities', `at most ${ISSUERS_MAX} issuing authorities count at once`)
    }
    const number = this.state.next
    const issuer = await this.makeIssuer(it, key, number, actor)
    await this.rootLists.issue(
      it,
      key,
      revoked.filter(({ generation: its }) => its === it.number),
    )
    const stays = (which: { readonly number: number }): boolean => !former.some((gone) => gone.number === which.number)
    const issuers = [...this.state.issuers.filter(stays), { number, generation: it.number }]
    const state = { ...this.state, issuers, revoked, next: number + 1 }
    await this.commit(state, [...this.issuers.filter(stays), issuer])
  }

  async makeIssuer(it: Generation, key: KeyObject, number: number, actor: string): Promise<Issuer> {
    const [home] = this.#homes
    const made = await home.generate(issuerFileName(number))
    const certificate = await this.issuance.issuing(made, { certificate: it.root, key }, actor)
    const { handle, signer } = made
    const issuer = { number, generation: it.number, certificate, signer, home: home.id, handle }
    await writeIssuer(this.issuerFiles, issuer)
    return issuer
  }

  /** An authority before the last of its root goes when nothing that it issued can be in its time any more. */
  async #retireEnded(): Promise<void> {
    const isOver = (it: Issuer): boolean =>
      hasEnded(it.certificate, this.parts.clock) && this.issuers.some((other) => isSuccessor(other, it))
    const over = this.issuers.filter(isOver)
    if (over.length === 0) return
    const issuers = this.state.issuers.filter(({ number }) => !over.some((it) => it.number === number))
    await this.commit(
      { ...this.state, issuers },
      this.issuers.filter((it) => !over.includes(it)),
    )
    for (const issuer of over) await retireIssuer(this.issuerFiles, issuer)
  }

  /** On disk first, then in memory. */
  async commit(state: AuthorityState, issuers: readonly Issuer[]): Promise<void> {
    await this.files.writeState(state)
    this.state = state
    this.issuers = issuers
    await this.look()
    this.changed()
  }

  changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async look(): Promise<void> {
    this.places.clear()
    for (const it of this.state.generations) this.places.set(it.number, await this.rootKeys.place(it))
  }

  async openBrought({ bundle: text, passphrase }: BroughtRoot): Promise<{ it: Generation; key: KeyObject }> {
    const bundle = parseBrought(text)
    const thumbprint = bundle.certificate.sha256Thumbprint
    const it = this.state.generations.find(({ root }) => root.sha256Thumbprint === thumbprint)
    if (it === undefined) throw new AuthorityError('wrong-bundle', 'the bundle is of no root of this hub')
    if (bundle.key.kind !== 'passphrase') throw new AuthorityError('wrong-bundle', 'the bundle has no key of its own')
    const key = await openRootKey(bundle, { passphrase })
    if (key === undefined) throw new AuthorityError('wrong-passphrase', 'the bundle does not open with this passphrase')
    return { it, key }
  }

  async openOld(old: BroughtRoot): Promise<KeyObject> {
    const { it, key } = await this.openBrought(old)
    if (it.number === this.state.current) return key
    throw new AuthorityError('wrong-bundle', 'the bundle is of another root than the one in use')
  }

  async openHere(): Promise<{ it: Generation; key: KeyObject }> {
    for (const it of trusted(this.state).toReversed()) {
      const key = await this.rootKeys.open(it)
      if (key !== undefined) return { it, key }
    }
    throw keyAway()
  }

  chosen(number: number | undefined): Generation {
    const { generations } = this.state
    const isHere = (it: Generation): boolean => this.places.get(it.number) !== 'away'
    const found = number === undefined ? generations.findLast(isHere) : generations.find((it) => it.number === number)
    if (found === undefined || !isHere(found)) throw keyAway()
    return found
  }

  get issuingNow(): Issuer {
    const { current, rollover } = this.state
    return this.issuerOf(rollover?.generation ?? current)
  }

  /** The generation whose certificate the listeners show. */
  get serving(): Generation {
    const { current, rollover } = this.state
    return generation(this.state, rollover === undefined || rollover.serving === 'old' ? current : rollover.generation)
  }

  get issuerFiles(): IssuerFiles {
    return { folder: this.parts.folder, homes: this.#homes }
  }

  /** The one that issues, of a generation. */
  issuerOf(number: number): Issuer {
    const found = this.issuers.findLast((it) => it.generation === number)
    if (found === undefined) throw new TypeError(`generation ${number} has no issuing authority`)
    return found
  }

  isDue(certificate: Certificate): boolean {
    return this.parts.clock.wall() >= renewalTimeOf(certificate)
  }

  /** A key of a root that lies with the data is told at each start, until it has been moved away. */
  tellPlaces(): void {
    for (const it of this.state.generations) {
      const place = this.places.get(it.number)
      if (place !== undefined && place !== 'away') this.tell('hub-authority.root-on-machine', it, 'hub', { place })
    }
  }

  tell(
    type: EventType,
    { number, root }: Generation,
    actor: string,
    detail: Readonly<Record<string, string | boolean>> = {},
  ): void {
    this.parts.events(this.event(type, { number, root }, actor, detail))
  }

  event(
    type: EventType,
    { number, root }: Pick<Generation, 'number' | 'root'>,
    actor: string,
    detail: Readonly<Record<string, string | boolean>> = {},
  ): SecurityEvent {
    return {
      type,
      at: this.parts.clock.wall(),
      subject: `root/${number}`,
      actor,
      detail: { sha256: root.sha256Thumbprint, ...detail },
    }
  }
}

/** The state is written last: where it is missing, the first start did not get that far, and begins anew. */
async function firstState(parts: HubAuthorityParts, files: AuthorityFiles): Promise<AuthorityState> {
  const { certificate: root, key } = await new Issuance(parts).root('hub')
  await new RootKeys({ ...parts, passphrase: parts.rootPassphrase }).write({ number: 1, root, key })
  const state: AuthorityState = {
    current: 1,
    generations: [{ number: 1, root }],
    issuers: [{ number: 1, generation: 1 }],
    revoked: [],
    next: 2,
  }
  // A start of the first release may have been cut off after its root's key: nothing rests on that one.
  await files.forgetFirstRootKey()
  await files.writeState(state)
  return state
}

function isSuccessor(other: Issuer, { generation: its, number }: Issuer): boolean {
  return other.generation === its && other.number > number
}

function parseBrought(text: string): ReturnType<typeof parseRootBundle> {
  try {
    return parseRootBundle(text, 'bundle')
  } catch (error) {
    if (!(error instanceof HubCertificateError)) throw error
    throw new AuthorityError('wrong-bundle', 'this is no root bundle, or a damaged one')
  }
}

export function keyAway(): AuthorityError {
  return new AuthorityError('root-key-away', "the root's private key is not on this machine, or does not open")
}

export function hasEnded(certificate: Certificate, clock: Clock): boolean {
  return clock.wall() >= certificate.notAfter
}

/** Signature and names fit, whatever the time is. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const [subject, authority] = [new X509Certificate(certificate.der), new X509Certificate(issuer.der)]
  return subject.checkIssued(authority) && subject.verify(authority.publicKey)
}
