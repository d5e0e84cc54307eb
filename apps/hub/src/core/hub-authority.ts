/**
 * The hub's own certificate authority: roots, whose keys are needed only to make issuing authorities and may lie
 * offline; the issuing authorities, whose keys are where `AuthorityKeys` keeps them; and the certificate of the
 * listeners, which renews itself. Two roots are trusted side by side while the authority rolls over.
 */

import { type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { EventSink, EventType } from '@holdfast/audit'
import type { Clock, Timestamp } from '@holdfast/base'
import { isPassphrase, type KeyFolder, type KeyRing, type Random } from '@holdfast/keys'
import {
  type AuthorityKeys,
  type Certificate,
  encodePem,
  type Publication,
  renewalTimeOf,
  type Signer,
} from '@holdfast/pki'
import {
  type CertificateWithKey,
  HubCertificateError,
  readCertificateWithKey,
  writeCertificateWithKey,
} from './certificate-file.ts'
import { AuthorityFiles, TRUST_PEM } from './authority/authority-files.ts'
import {
  type AuthorityState,
  type Generation,
  generation,
  ISSUERS_MAX,
  REVOKED_ISSUERS_MAX,
  type RevokedIssuer,
  type Rollover,
  type Serving,
  trusted,
} from './authority/authority-state.ts'
import { AuthorityError } from './authority/errors.ts'
import { Issuance } from './authority/issuance.ts'
import {
  type Issuer,
  issuerFileName,
  readIssuer,
  retireIssuer,
  retireLeftover,
  writeIssuer,
} from './authority/issuer-file.ts'
import { RingAuthorityKeys } from './authority/ring-authority-keys.ts'
import { begun, finished, returned, servingWith, without } from './authority/rollover.ts'
import { formatRootBundle, openRootKey, parseRootBundle, sealByPassphrase } from './authority/root-bundle.ts'
import { RootKeys, type RootPlace } from './authority/root-keys.ts'
import { RootLists } from './authority/root-list.ts'

export interface HubAuthorityParts {
  readonly folder: KeyFolder
  readonly ring: KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly events: EventSink
  readonly hostNames: readonly string[]
  /** Where keys of issuing authorities are made and kept, before the key ring, which is always one of them. */
  readonly keys?: readonly AuthorityKeys[]
  /** What seals a new root; undefined: it is sealed to the machine. The caller of it zeroes what it gets. */
  readonly rootPassphrase?: (() => Promise<Uint8Array>) | undefined
  /** Where an issuing authority publishes what others judge devices' certificates by; undefined: nowhere. */
  readonly publicationOf?: ((authority: Certificate) => Publication) | undefined
}

const SERVER = 'server.json'
/** Numbers of roots and issuing authorities that are looked at for keys nobody needs; some ten years of them. */
const SWEEP_MAX = 64
const ROOT_KEY_NEEDED = "the root's key is needed to renew the issuing authority: holdfast ca root use FILE"

/** An authority that issues: its certificate, and what signs with its key wherever that is kept. */
export interface IssuingAuthority {
  readonly certificate: Certificate
  readonly signer: Signer
  /** Where it publishes what others judge its certificates by, for the certificates of devices; undefined: nowhere. */
  readonly publication?: Publication
}

/** A bundle that was brought, and what opens it. */
export interface BroughtRoot {
  /** Text of the file. */
  readonly bundle: string
  readonly passphrase: Uint8Array
}

/** A root as it may be shown. */
export interface RootShown {
  readonly generation: number
  readonly certificate: Certificate
  readonly place: RootPlace
  /** Devices are told to trust it. What was gone back from is not, and devices' certificates below it count. */
  readonly isTrusted: boolean
  readonly isCrossSigned: boolean
}

export class HubAuthority {
  readonly #parts: HubAuthorityParts
  readonly #files: AuthorityFiles
  readonly #rootKeys: RootKeys
  readonly #rootLists: RootLists
  readonly #issuance: Issuance
  readonly #homes: readonly [AuthorityKeys, ...AuthorityKeys[]]
  readonly #listeners = new Set<() => void>()
  readonly #places = new Map<number, RootPlace>()
  #state: AuthorityState
  /** In the order of the state. */
  #issuers: readonly Issuer[] = []
  #server: CertificateWithKey | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(parts: HubAuthorityParts, state: AuthorityState, files: AuthorityFiles) {
    this.#parts = parts
    this.#state = state
    this.#files = files
    this.#rootKeys = new RootKeys({ ...parts, passphrase: parts.rootPassphrase })
    this.#rootLists = new RootLists(parts.folder, parts.clock)
    this.#issuance = new Issuance(parts)
    const [first = ringKeys(parts), ...others] = parts.keys ?? []
    this.#homes = first.id === 'ring' ? [first, ...others] : [first, ...others, ringKeys(parts)]
  }

  /**
   * Reads what is there and makes what is not.
   * @throws HubCertificateError or KeyError when what is there is damaged: a new authority would cut off every device.
   */
  static async open(parts: HubAuthorityParts): Promise<HubAuthority> {
    const files = new AuthorityFiles(parts.folder, parts.ring)
    const found = await files.readState()
    const authority = new HubAuthority(parts, found ?? (await firstState(parts, files)), files)
    await authority.#open()
    return authority
  }

  /** Path of the roots' certificates, which devices are to trust. */
  get rootFile(): string {
    return this.#files.pathOf(TRUST_PEM)
  }

  /** What the listeners show. */
  get server(): Certificate {
    return this.#shown.certificate
  }

  get serverNotAfter(): Timestamp {
    return this.#shown.certificate.notAfter
  }

  /** Upper-case hex. */
  get serverSha256(): string {
    return this.#shown.certificate.sha256Thumbprint
  }

  /** Upper-case hex. */
  get serverSerialNumber(): string {
    return this.#shown.certificate.serialNumber
  }

  /**
   * What issues certificates to devices now. Changes when it is renewed and when authorities roll over, whose new one
   * issues from the beginning: ask each time.
   */
  get issuing(): IssuingAuthority {
    const { certificate, signer } = this.#issuingNow
    const publication = this.#parts.publicationOf?.(certificate)
    return { certificate, signer, ...(publication === undefined ? {} : { publication }) }
  }

  /** What stands above a certificate that is issued now, nearest first: the issuing authority and its root. */
  get chain(): readonly [Certificate, Certificate] {
    const { current, rollover } = this.#state
    return [this.issuing.certificate, generation(this.#state, rollover?.generation ?? current).root]
  }

  /** Every root that devices are to trust now, the one in use first; two while authorities roll over. */
  get roots(): readonly Certificate[] {
    return trusted(this.#state).map(({ root }) => root)
  }

  /** Certificates of the new root as the old one vouches for it, while they roll over and there is one. */
  get crossCertificates(): readonly Certificate[] {
    return trusted(this.#state).flatMap(({ cross }) => (cross === undefined ? [] : [cross]))
  }

  /** Issuing authorities of the hub whose certificates count now, the one that issues first. */
  get issuers(): readonly Certificate[] {
    return this.issuersAtWork.map(({ certificate }) => certificate)
  }

  /** The same, with what signs for each: lists of revoked certificates are signed by whoever issued them. */
  get issuersAtWork(): readonly IssuingAuthority[] {
    const issuing = this.#issuingNow
    return [issuing, ...this.#issuers.filter((it) => it !== issuing)]
  }

  get rollover(): Rollover | undefined {
    return this.#state.rollover
  }

  /** Every root there is, and where its key is, as of the last look: the start, a renewal, an act of an operator. */
  get rootsShown(): readonly RootShown[] {
    const isTrusted = new Set(trusted(this.#state))
    return this.#state.generations.map((it) => ({
      generation: it.number,
      certificate: it.root,
      place: this.#places.get(it.number) ?? 'away',
      isTrusted: isTrusted.has(it),
      isCrossSigned: it.cross !== undefined,
    }))
  }

  /** Where the key of the issuing authority is kept. */
  get issuingHome(): string {
    return this.#issuingNow.home
  }

  /** Issuing authorities below a root of this generation, oldest first. */
  issuersOf(number: number): readonly Certificate[] {
    return this.#issuers.filter((it) => it.generation === number).map(({ certificate }) => certificate)
  }

  /** Calls `listener` after anything of the authority changed; returns what ends it. `listener` does not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whether an issuing authority is due for renewal and cannot be renewed, for the root's key is elsewhere. */
  get isRootKeyNeeded(): boolean {
    return trusted(this.#state).some(({ number }) => this.#isDue(this.#issuerOf(number).certificate))
  }

  /** PEM of the key, and of the certificate with what stands above it, for the listeners. */
  material(): { readonly key: string; readonly certificate: string } {
    const { key, certificate } = this.#shown
    const { number, cross } = this.#serving
    const above = [
      this.#issuerOf(number).certificate,
      ...(this.#state.rollover?.serving === 'crossed' && cross !== undefined ? [cross] : []),
    ]
    return {
      key: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
      certificate: [certificate, ...above].map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
    }
  }

  /**
   * Renews what is two thirds through its life, lacks a name of the hub, or was issued by an authority that has been
   * renewed since; true when the listeners have to reload.
   */
  renewIfDue(): Promise<boolean> {
    return this.#inTurn(() => this.#renewIfDue())
  }

  /**
   * Issues a new server certificate with a new key.
   * @throws HubCertificateError when the issuing authority has ended.
   */
  renew(actor = 'hub'): Promise<void> {
    return this.#inTurn(() => this.#renewServer(actor))
  }

  /** DER of what a root says of the authorities below it; undefined: nothing yet. */
  async rootListOf(root: Certificate): Promise<Uint8Array | undefined> {
    const found = this.#state.generations.find((it) => it.root === root)
    return found && this.#rootLists.read(found)
  }

  /**
   * The root's key sealed by a passphrase, as the text of a bundle that opens anywhere.
   * @param number the generation; undefined: the newest whose key is here.
   * @throws AuthorityError `root-key-away`, `bad-passphrase`.
   */
  exportRoot(passphrase: Uint8Array, actor: string, number?: number): Promise<string> {
    return this.#inTurn(async () => {
      if (!isPassphrase(passphrase)) throw badPassphrase()
      const it = this.#chosen(number)
      const bundle = await this.#rootKeys.read(it)
      const key =
        (bundle && (await openRootKey(bundle, { ring: this.#parts.ring, passphrase }))) ??
        (await this.#rootKeys.open(it))
      if (key === undefined) throw keyAway()
      const sealed = await sealByPassphrase(it.root, key, passphrase, this.#parts.random)
      this.#tell('hub-authority.root-exported', it, actor)
      return formatRootBundle(sealed).toString('utf8')
    })
  }

  /**
   * Whether a bundle opens with a passphrase and is of a root of this hub.
   * @throws AuthorityError `wrong-bundle`, `wrong-passphrase`.
   */
  async verifyBundle(brought: BroughtRoot): Promise<{ readonly generation: number; readonly root: Certificate }> {
    const { it } = await this.#openBrought(brought)
    return { generation: it.number, root: it.root }
  }

  /**
   * Takes the key of a root out of the data folder, once it is proved that it lies elsewhere, too.
   * @throws AuthorityError `wrong-bundle`, `wrong-passphrase`: then nothing is removed.
   */
  removeRoot(brought: BroughtRoot, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const { it } = await this.#openBrought(brought)
      await this.#rootKeys.remove(it.number, it.root)
      await this.#look()
      this.#tell('hub-authority.root-removed', it, actor)
      this.#changed()
    })
  }

  /**
   * Makes a new issuing authority with a root's key, which is brought for it and not kept, or is here.
   * @param options.revokes whether the root revokes the issuing authorities before it: their keys are in wrong hands.
   * @returns those that count no longer: whoever calls cuts off what rests on them.
   * @throws AuthorityError `root-key-away`, `wrong-bundle`, `wrong-passphrase`, `too-many-authorities`.
   */
  useRoot(
    options: { readonly brought?: BroughtRoot; readonly revokes?: boolean },
    actor: string,
  ): Promise<readonly Certificate[]> {
    return this.#inTurn(async () => {
      const { brought, revokes = false } = options
      const { it, key } = brought === undefined ? await this.#openHere() : await this.#openBrought(brought)
      const former = revokes ? this.#issuers.filter(({ generation: its }) => its === it.number) : []
      await this.#renewIssuer(it, key, actor, former)
      this.#tell('hub-authority.root-used', it, actor, { revokes })
      await this.#renewIfDue()
      for (const issuer of former) await retireIssuer(this.#issuerFiles, issuer)
      return former.map(({ certificate }) => certificate)
    })
  }

  /**
   * Begins a roll-over: a new root and an issuing authority below it, trusted beside the old ones. Certificates for
   * devices come from the new one from now on; the listeners go on showing the old.
   * @param options.old the old root, to have it vouch for the new one, where its key is not here.
   * @param options.passphrase seals the new root; undefined: as the first start does.
   * @throws AuthorityError `rollover-under-way`, `too-many-authorities`, `bad-passphrase`, `wrong-bundle`,
   * `wrong-passphrase`.
   */
  beginRollover(
    options: { readonly old?: BroughtRoot; readonly passphrase?: Uint8Array | undefined },
    actor: string,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { passphrase } = options
      if (passphrase !== undefined && !isPassphrase(passphrase)) throw badPassphrase()
      const before = this.#state
      const now = this.#parts.clock.wall()
      const number = before.next
      const current = generation(before, before.current)
      // Looked at before anything is made: a roll-over that cannot begin leaves nothing behind.
      begun(before, { number, root: current.root }, now)
      const oldKey = options.old === undefined ? await this.#rootKeys.open(current) : await this.#openOld(options.old)
      const { certificate: root, key } = await this.#issuance.root(actor, current.root)
      const old = { certificate: current.root }
      const cross = oldKey && (await this.#issuance.cross(root, { ...old, key: oldKey }, actor))
      await this.#rootKeys.write({ number, root, key }, passphrase)
      const it: Generation = { number, root, ...(cross === undefined ? {} : { cross }) }
      const state = begun(before, it, now)
      const issuer = await this.#makeIssuer(it, key, issuerNumber(state), actor)
      await this.#rootLists.issue(it, key, [])
      await this.#commit(state, [...this.#issuers, issuer])
      this.#tell('rollover.begun', it, actor, { crossSigned: cross !== undefined })
      this.#tellPlaces()
    })
  }

  /**
   * What the listeners show from now on; asks for a reload of theirs.
   * @throws AuthorityError `no-rollover`; `root-key-away` for `crossed` where the old root does not vouch for the new.
   */
  switchRollover(serving: Exclude<Serving, 'old'>, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const state = servingWith(this.#state, serving, this.#parts.clock.wall())
      await this.#commit(state, this.#issuers)
      await this.#renewIfDue()
      this.#tell('rollover.switched', this.#serving, actor, { serving })
    })
  }

  /**
   * Back to the old root. Devices' certificates below the new one go on counting; no device is told to trust its root.
   * @throws AuthorityError `no-rollover`.
   */
  backRollover(actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const it = generation(this.#state, this.#rollover.generation)
      await this.#commit(returned(this.#state), this.#issuers)
      await this.#renewIfDue()
      this.#tell('rollover.returned', it, actor)
    })
  }

  /**
   * Ends the roll-over: the old root and what stands below it count no longer, their keys are destroyed.
   * @returns the issuing authorities that count no longer: whoever calls cuts off what rests on them.
   * @throws AuthorityError `no-rollover`, `not-switched`.
   */
  finishRollover(actor: string): Promise<readonly Certificate[]> {
    return this.#inTurn(async () => {
      const old = generation(this.#state, this.#state.current)
      const gone = await this.#drop([old.number], finished(this.#state))
      await this.#renewIfDue()
      const it = generation(this.#state, this.#state.current)
      this.#tell('rollover.finished', it, actor, { retired: old.root.sha256Thumbprint })
      return gone.map(({ certificate }) => certificate)
    })
  }

  /**
   * Roots that were gone back from, and under which nothing counts any more, go with their keys.
   * @param isInUse whether any certificate of this issuing authority still counts.
   */
  dropUnused(isInUse: (issuer: Certificate) => Promise<boolean>): Promise<void> {
    return this.#inTurn(async () => {
      const isTrusted = new Set(trusted(this.#state))
      for (const it of this.#state.generations.filter((each) => !isTrusted.has(each))) {
        const gone = this.#issuers.filter(({ generation: its }) => its === it.number)
        const used = await Promise.all(gone.map(({ certificate }) => isInUse(certificate)))
        if (!used.includes(true)) await this.#drop([it.number])
      }
    })
  }

  async #drop(numbers: readonly number[], state = without(this.#state, numbers)): Promise<readonly Issuer[]> {
    const isDropped = (it: Issuer): boolean => numbers.includes(it.generation)
    const gone = this.#issuers.filter(isDropped)
    const roots = this.#state.generations.filter(({ number }) => numbers.includes(number))
    await this.#commit(
      state,
      this.#issuers.filter((it) => !isDropped(it)),
    )
    for (const issuer of gone) await retireIssuer(this.#issuerFiles, issuer)
    for (const { number, root } of roots) await this.#rootKeys.remove(number, root)
    return gone
  }

  async #open(): Promise<void> {
    await this.#adoptFirstRootKey()
    await this.#files.writeStateIfNew(this.#state)
    const issuers: Issuer[] = []
    for (const which of this.#state.issuers) {
      const issuer = (await readIssuer(this.#issuerFiles, which)) ?? (await this.#firstIssuer(which))
      const { root } = generation(this.#state, which.generation)
      if (!isIssuedBy(issuer.certificate, root)) {
        const path = this.#files.pathOf(issuerFileName(which.number))
        throw new HubCertificateError(path, `it was not issued by the root of ${TRUST_PEM}`)
      }
      issuers.push(issuer)
    }
    this.#issuers = issuers
    await this.#sweep()
    this.#server = await readCertificateWithKey({ folder: this.#parts.folder, name: SERVER }, this.#parts.ring)
    await this.#look()
    await this.#renewIfDue()
    if (this.#server === undefined)
      throw new HubCertificateError(this.#rootKeys.pathOf(this.#serving.number), ROOT_KEY_NEEDED)
    this.#tellPlaces()
  }

  /** Keys that a finished roll-over did not come to destroy, and those of one that was never begun. */
  async #sweep(): Promise<void> {
    const { next, generations, issuers } = this.#state
    const counts = new Set([...generations, ...issuers].map(({ number }) => number))
    for (let number = Math.max(1, next - SWEEP_MAX); number <= next + 1; number += 1) {
      if (counts.has(number)) continue
      try {
        await retireLeftover(this.#issuerFiles, number)
        await this.#rootKeys.removeLeftover(number)
      } catch (error) {
        // A damaged file that nobody needs keeps no hub from starting.
        if (!(error instanceof HubCertificateError)) throw error
      }
    }
  }

  /** What the first release kept, or an operator put back from it, becomes a bundle. */
  async #adoptFirstRootKey(): Promise<void> {
    const found = await this.#files.firstRootKey()
    const first = this.#state.generations.find(({ number }) => number === 1)
    if (found === undefined || first === undefined) return
    if (found.certificate.sha256Thumbprint !== first.root.sha256Thumbprint) {
      throw new HubCertificateError(this.#files.firstRootKeyPath(), `it belongs to another root than ${TRUST_PEM}`)
    }
    await this.#rootKeys.write({ number: 1, root: first.root, key: found.key })
    await this.#files.forgetFirstRootKey()
  }

  /** A first start that was broken off goes on where its root's key is here. */
  async #firstIssuer(which: { readonly number: number; readonly generation: number }): Promise<Issuer> {
    const it = generation(this.#state, which.generation)
    const key = which.number === 1 ? await this.#rootKeys.open(it) : undefined
    if (key === undefined) {
      throw new HubCertificateError(this.#files.pathOf(issuerFileName(which.number)), 'it is not there')
    }
    const issuer = await this.#makeIssuer(it, key, which.number, 'hub')
    await this.#rootLists.issue(it, key, [])
    return issuer
  }

  async #renewIfDue(): Promise<boolean> {
    await this.#retireEnded()
    for (const it of trusted(this.#state)) {
      if (!this.#isDue(this.#issuerOf(it.number).certificate)) continue
      const key = await this.#rootKeys.open(it)
      if (key !== undefined) await this.#renewIssuer(it, key, 'hub')
    }
    const issuer = this.#issuerOf(this.#serving.number)
    const server = this.#server?.certificate
    const isGood =
      server !== undefined &&
      !this.#isDue(server) &&
      namesAll(server, this.#parts.hostNames) &&
      isIssuedBy(server, issuer.certificate)
    // An authority that has ended issues nothing: devices refuse the hub until the root's key is back, operators do not.
    if (isGood || hasEnded(issuer.certificate, this.#parts.clock)) return false
    await this.#renewServer('hub')
    return true
  }

  async #renewServer(actor: string): Promise<void> {
    const { number } = this.#serving
    const issuer = this.#issuerOf(number)
    if (hasEnded(issuer.certificate, this.#parts.clock)) {
      throw new HubCertificateError(this.#rootKeys.pathOf(number), ROOT_KEY_NEEDED)
    }
    const server = await this.#issuance.server(issuer, actor)
    await writeCertificateWithKey({ folder: this.#parts.folder, name: SERVER }, server, this.#parts)
    this.#server = server
  }

  async #renewIssuer(it: Generation, key: KeyObject, actor: string, former: readonly Issuer[] = []): Promise<void> {
    const at = this.#parts.clock.wall()
    const revoked: readonly RevokedIssuer[] = [
      ...this.#state.revoked,
      ...former.map(({ certificate: { serialNumber } }) => ({ generation: it.number, serialNumber, at })),
    ]
    if (this.#state.issuers.length >= ISSUERS_MAX || revoked.length > REVOKED_ISSUERS_MAX) {
      throw new AuthorityError('too-many-authorities', `at most ${ISSUERS_MAX} issuing authorities count at once`)
    }
    const number = this.#state.next
    const issuer = await this.#makeIssuer(it, key, number, actor)
    await this.#rootLists.issue(
      it,
      key,
      revoked.filter(({ generation: its }) => its === it.number),
    )
    const stays = (which: { readonly number: number }): boolean => !former.some((gone) => gone.number === which.number)
    const issuers = [...this.#state.issuers.filter(stays), { number, generation: it.number }]
    const state = { ...this.#state, issuers, revoked, next: number + 1 }
    await this.#commit(state, [...this.#issuers.filter(stays), issuer])
  }

  async #makeIssuer(it: Generation, key: KeyObject, number: number, actor: string): Promise<Issuer> {
    const [home] = this.#homes
    const made = await home.generate(issuerFileName(number))
    const certificate = await this.#issuance.issuing(made, { certificate: it.root, key }, actor)
    const { handle, signer } = made
    const issuer = { number, generation: it.number, certificate, signer, home: home.id, handle }
    await writeIssuer(this.#issuerFiles, issuer)
    return issuer
  }

  /** An authority before the last of its root goes when nothing that it issued can be in its time any more. */
  async #retireEnded(): Promise<void> {
    const isOver = (it: Issuer): boolean =>
      hasEnded(it.certificate, this.#parts.clock) && this.#issuers.some((other) => isSuccessor(other, it))
    const over = this.#issuers.filter(isOver)
    if (over.length === 0) return
    const issuers = this.#state.issuers.filter(({ number }) => !over.some((it) => it.number === number))
    await this.#commit(
      { ...this.#state, issuers },
      this.#issuers.filter((it) => !over.includes(it)),
    )
    for (const issuer of over) await retireIssuer(this.#issuerFiles, issuer)
  }

  /** On disk first, then in memory. */
  async #commit(state: AuthorityState, issuers: readonly Issuer[]): Promise<void> {
    await this.#files.writeState(state)
    this.#state = state
    this.#issuers = issuers
    await this.#look()
    this.#changed()
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async #look(): Promise<void> {
    this.#places.clear()
    for (const it of this.#state.generations) this.#places.set(it.number, await this.#rootKeys.place(it))
  }

  async #openBrought({ bundle: text, passphrase }: BroughtRoot): Promise<{ it: Generation; key: KeyObject }> {
    const bundle = parseBrought(text)
    const thumbprint = bundle.certificate.sha256Thumbprint
    const it = this.#state.generations.find(({ root }) => root.sha256Thumbprint === thumbprint)
    if (it === undefined) throw new AuthorityError('wrong-bundle', 'the bundle is of no root of this hub')
    if (bundle.key.kind !== 'passphrase') throw new AuthorityError('wrong-bundle', 'the bundle has no key of its own')
    const key = await openRootKey(bundle, { passphrase })
    if (key === undefined) throw new AuthorityError('wrong-passphrase', 'the bundle does not open with this passphrase')
    return { it, key }
  }

  async #openOld(old: BroughtRoot): Promise<KeyObject> {
    const { it, key } = await this.#openBrought(old)
    if (it.number === this.#state.current) return key
    throw new AuthorityError('wrong-bundle', 'the bundle is of another root than the one in use')
  }

  async #openHere(): Promise<{ it: Generation; key: KeyObject }> {
    for (const it of trusted(this.#state).toReversed()) {
      const key = await this.#rootKeys.open(it)
      if (key !== undefined) return { it, key }
    }
    throw keyAway()
  }

  #chosen(number: number | undefined): Generation {
    const { generations } = this.#state
    const isHere = (it: Generation): boolean => this.#places.get(it.number) !== 'away'
    const found = number === undefined ? generations.findLast(isHere) : generations.find((it) => it.number === number)
    if (found === undefined || !isHere(found)) throw keyAway()
    return found
  }

  get #issuingNow(): Issuer {
    const { current, rollover } = this.#state
    return this.#issuerOf(rollover?.generation ?? current)
  }

  get #shown(): CertificateWithKey {
    if (this.#server === undefined) throw new TypeError('an authority that is open has a server certificate')
    return this.#server
  }

  get #rollover(): Rollover {
    const { rollover } = this.#state
    if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
    return rollover
  }

  /** The generation whose certificate the listeners show. */
  get #serving(): Generation {
    const { current, rollover } = this.#state
    return generation(this.#state, rollover === undefined || rollover.serving === 'old' ? current : rollover.generation)
  }

  get #issuerFiles() {
    return { folder: this.#parts.folder, homes: this.#homes }
  }

  /** The one that issues, of a generation. */
  #issuerOf(number: number): Issuer {
    const found = this.#issuers.findLast((it) => it.generation === number)
    if (found === undefined) throw new TypeError(`generation ${number} has no issuing authority`)
    return found
  }

  #isDue(certificate: Certificate): boolean {
    return this.#parts.clock.wall() >= renewalTimeOf(certificate)
  }

  /** A key of a root that lies with the data is told at each start, until it has been moved away. */
  #tellPlaces(): void {
    for (const it of this.#state.generations) {
      const place = this.#places.get(it.number)
      if (place !== undefined && place !== 'away') this.#tell('hub-authority.root-on-machine', it, 'hub', { place })
    }
  }

  #tell(
    type: EventType,
    { number, root }: Generation,
    actor: string,
    detail: Readonly<Record<string, string | boolean>> = {},
  ): void {
    this.#parts.events({
      type,
      at: this.#parts.clock.wall(),
      subject: `root/${number}`,
      actor,
      detail: { sha256: root.sha256Thumbprint, ...detail },
    })
  }

  /** One change at a time: what is on disk is what is in memory. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
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

function ringKeys({ ring, random }: HubAuthorityParts): AuthorityKeys {
  return new RingAuthorityKeys(ring, random)
}

function issuerNumber({ next }: AuthorityState): number {
  return next - 1
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

function keyAway(): AuthorityError {
  return new AuthorityError('root-key-away', "the root's private key is not on this machine, or does not open")
}

function badPassphrase(): AuthorityError {
  return new AuthorityError('bad-passphrase', 'a passphrase has 12 to 1,024 bytes')
}

function hasEnded(certificate: Certificate, clock: Clock): boolean {
  return clock.wall() >= certificate.notAfter
}

/** Signature and names fit, whatever the time is. */
function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  const [subject, authority] = [new X509Certificate(certificate.der), new X509Certificate(issuer.der)]
  return subject.checkIssued(authority) && subject.verify(authority.publicKey)
}

function namesAll(certificate: Certificate, hostNames: readonly string[]): boolean {
  const x509 = new X509Certificate(certificate.der)
  return hostNames.every((name) =>
    isIP(name) === 0 ? x509.checkHost(name) !== undefined : x509.checkIP(name) !== undefined,
  )
}
