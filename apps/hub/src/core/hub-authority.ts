/**
 * The hub's own certificate authority: roots, whose keys are needed only to make issuing authorities and may lie
 * offline; the issuing authorities, whose keys are where `AuthorityKeys` keeps them; and the certificate of the
 * listeners, which renews itself. Two roots are trusted side by side while the authority rolls over.
 */

import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Timestamp } from '@holdfast/base'
import { isPassphrase, KeyError } from '@holdfast/keys'
import { type Certificate, encodePem, type Publication, type Signer } from '@holdfast/pki'
import { TRUST_PEM } from './authority/authority-files.ts'
import { type Generation, generation, type Rollover, type Serving, trusted } from './authority/authority-state.ts'
import { AuthorityError } from './authority/errors.ts'
import {
  AuthorityHoldings,
  type BroughtRoot,
  hasEnded,
  type HubAuthorityParts,
  isIssuedBy,
  keyAway,
} from './authority/holdings.ts'
import { retireIssuer } from './authority/issuer-file.ts'
import { begun, finished, returned, servingWith } from './authority/rollover.ts'
import { formatRootBundle, openRootKey, sealByPassphrase } from './authority/root-bundle.ts'
import type { RootPlace } from './authority/root-keys.ts'
import {
  type CertificateWithKey,
  HubCertificateError,
  readCertificateWithKey,
  writeCertificateWithKey,
} from './certificate-file.ts'

export type { BroughtRoot, HubAuthorityParts } from './authority/holdings.ts'

const SERVER = 'server.json'
const ROOT_KEY_NEEDED = "the root's key is needed to renew the issuing authority: holdfast ca root use FILE"

/** An authority that issues: its certificate, and what signs with its key wherever that is kept. */
export interface IssuingAuthority {
  readonly certificate: Certificate
  readonly signer: Signer
  /** Where it publishes what others judge its certificates by, for the certificates of devices; undefined: nowhere. */
  readonly publication?: Publication
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
  readonly #held: AuthorityHoldings
  #server: CertificateWithKey | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(held: AuthorityHoldings, server: CertificateWithKey | undefined) {
    this.#parts = held.parts
    this.#held = held
    this.#server = server
  }

  /**
   * Reads what is there and makes what is not.
   * @throws HubCertificateError or KeyError when what is there is damaged: a new authority would cut off every device.
   */
  static async open(parts: HubAuthorityParts): Promise<HubAuthority> {
    const held = await AuthorityHoldings.open(parts)
    const server = await readCertificateWithKey({ folder: parts.folder, name: SERVER }, parts.ring)
    const authority = new HubAuthority(held, server)
    try {
      await authority.renewIfDue()
    } catch (error) {
      // The listeners have what they need, and the renewal is tried again every minute.
      const isAway = error instanceof KeyError && error.code === 'unavailable'
      if (!isAway || authority.#server === undefined) throw error
    }
    if (authority.#server === undefined) throw authority.#needsRoot()
    held.tellPlaces()
    return authority
  }

  /** Path of the roots' certificates, which devices are to trust. */
  get rootFile(): string {
    return this.#held.files.pathOf(TRUST_PEM)
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
    const { certificate, signer } = this.#held.issuingNow
    const publication = this.#parts.publicationOf?.(certificate)
    return { certificate, signer, ...(publication === undefined ? {} : { publication }) }
  }

  /** What stands above a certificate that is issued now, nearest first: the issuing authority and its root. */
  get chain(): readonly [Certificate, Certificate] {
    const { current, rollover } = this.#held.state
    return [this.issuing.certificate, generation(this.#held.state, rollover?.generation ?? current).root]
  }

  /** Every root that devices are to trust now, the one in use first; two while authorities roll over. */
  get roots(): readonly Certificate[] {
    return trusted(this.#held.state).map(({ root }) => root)
  }

  /** Certificates of the new root as the old one vouches for it, while they roll over and there is one. */
  get crossCertificates(): readonly Certificate[] {
    return trusted(this.#held.state).flatMap(({ cross }) => (cross === undefined ? [] : [cross]))
  }

  /** Issuing authorities of the hub whose certificates count now, the one that issues first. */
  get issuers(): readonly Certificate[] {
    return this.issuersAtWork.map(({ certificate }) => certificate)
  }

  /** The same, with what signs for each: lists of revoked certificates are signed by whoever issued them. */
  get issuersAtWork(): readonly IssuingAuthority[] {
    const issuing = this.#held.issuingNow
    return [issuing, ...this.#held.issuers.filter((it) => it !== issuing)]
  }

  get rollover(): Rollover | undefined {
    return this.#held.state.rollover
  }

  /** Every root there is, and where its key is, as of the last look: the start, a renewal, an act of an operator. */
  get rootsShown(): readonly RootShown[] {
    const isTrusted = new Set(trusted(this.#held.state))
    return this.#held.state.generations.map((it) => ({
      generation: it.number,
      certificate: it.root,
      place: this.#held.places.get(it.number) ?? 'away',
      isTrusted: isTrusted.has(it),
      isCrossSigned: it.cross !== undefined,
    }))
  }

  /** Where the key of the issuing authority is kept. */
  get issuingHome(): string {
    return this.#held.issuingNow.home
  }

  /** Issuing authorities below a root of this generation, oldest first. */
  issuersOf(number: number): readonly Certificate[] {
    return this.#held.issuers.filter((it) => it.generation === number).map(({ certificate }) => certificate)
  }

  /** Calls `listener` after anything of the authority changed; returns what ends it. `listener` does not throw. */
  onChange(listener: () => void): () => void {
    return this.#held.onChange(listener)
  }

  /** Whether an issuing authority is due for renewal and cannot be renewed, for the root's key is elsewhere. */
  get isRootKeyNeeded(): boolean {
    return trusted(this.#held.state).some(({ number }) => this.#held.isDue(this.#held.issuerOf(number).certificate))
  }

  /** PEM of the key, and of the certificate with what stands above it, for the listeners. */
  material(): { readonly key: string; readonly certificate: string } {
    const { key, certificate } = this.#shown
    const { number, cross } = this.#held.serving
    const above = [
      this.#held.issuerOf(number).certificate,
      ...(this.#held.state.rollover?.serving === 'crossed' && cross !== undefined ? [cross] : []),
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
    const found = this.#held.state.generations.find((it) => it.root === root)
    return found && this.#held.rootLists.read(found)
  }

  /**
   * The root's key sealed by a passphrase, as the text of a bundle that opens anywhere.
   * @param number the generation; undefined: the newest whose key is here.
   * @throws AuthorityError `root-key-away`, `bad-passphrase`.
   */
  exportRoot(passphrase: Uint8Array, actor: string, number?: number): Promise<string> {
    return this.#inTurn(async () => {
      if (!isPassphrase(passphrase)) throw badPassphrase()
      const it = this.#held.chosen(number)
      const bundle = await this.#held.rootKeys.read(it)
      const key =
        (bundle && (await openRootKey(bundle, { ring: this.#parts.ring, passphrase }))) ??
        (await this.#held.rootKeys.open(it))
      if (key === undefined) throw keyAway()
      const sealed = await sealByPassphrase(it.root, key, passphrase, this.#parts.random)
      this.#held.tell('hub-authority.root-exported', it, actor)
      return formatRootBundle(sealed).toString('utf8')
    })
  }

  /**
   * Whether a bundle opens with a passphrase and is of a root of this hub.
   * @throws AuthorityError `wrong-bundle`, `wrong-passphrase`.
   */
  async verifyBundle(brought: BroughtRoot): Promise<{ readonly generation: number; readonly root: Certificate }> {
    const { it } = await this.#held.openBrought(brought)
    return { generation: it.number, root: it.root }
  }

  /**
   * Takes the key of a root out of the data folder, once it is proved that it lies elsewhere, too.
   * @throws AuthorityError `wrong-bundle`, `wrong-passphrase`: then nothing is removed.
   */
  removeRoot(brought: BroughtRoot, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const { it } = await this.#held.openBrought(brought)
      const removed = this.#held.event('hub-authority.root-removed', it, actor)
      await this.#parts.recordFirst(removed, () => this.#held.rootKeys.remove(it.number, it.root))
      await this.#held.look()
      this.#held.changed()
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
      const { it, key } = brought === undefined ? await this.#held.openHere() : await this.#held.openBrought(brought)
      const former = revokes ? this.#held.issuers.filter(({ generation: its }) => its === it.number) : []
      await this.#parts.recordFirst(this.#held.event('hub-authority.root-used', it, actor, { revokes }), async () => {
        await this.#held.renewIssuer(it, key, actor, former)
        await this.#renewIfDue()
        for (const issuer of former) await retireIssuer(this.#held.issuerFiles, issuer)
      })
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
      const before = this.#held.state
      const now = this.#parts.clock.wall()
      const number = before.next
      const current = generation(before, before.current)
      // Looked at before anything is made: a roll-over that cannot begin leaves nothing behind.
      begun(before, { number, root: current.root }, now)
      const oldKey =
        options.old === undefined ? await this.#held.rootKeys.open(current) : await this.#held.openOld(options.old)
      const { certificate: root, key } = await this.#held.issuance.root(actor, current.root)
      const old = { certificate: current.root }
      const cross = oldKey && (await this.#held.issuance.cross(root, { ...old, key: oldKey }, actor))
      await this.#held.rootKeys.write({ number, root, key }, passphrase)
      const it: Generation = { number, root, ...(cross === undefined ? {} : { cross }) }
      const state = begun(before, it, now)
      const issuer = await this.#held.makeIssuer(it, key, state.next - 1, actor)
      await this.#held.rootLists.issue(it, key, [])
      await this.#held.commit(state, [...this.#held.issuers, issuer])
      this.#held.tell('rollover.begun', it, actor, { crossSigned: cross !== undefined })
      this.#held.tellPlaces()
    })
  }

  /**
   * What the listeners show from now on; asks for a reload of theirs.
   * @throws AuthorityError `no-rollover`; `root-key-away` for `crossed` where the old root does not vouch for the new.
   */
  switchRollover(serving: Exclude<Serving, 'old'>, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const state = servingWith(this.#held.state, serving, this.#parts.clock.wall())
      await this.#held.commit(state, this.#held.issuers)
      await this.#renewIfDue()
      this.#held.tell('rollover.switched', this.#held.serving, actor, { serving })
    })
  }

  /**
   * Back to the old root. Devices' certificates below the new one go on counting; no device is told to trust its root.
   * @throws AuthorityError `no-rollover`.
   */
  backRollover(actor: string): Promise<void> {
    return this.#inTurn(async () => {
      const it = generation(this.#held.state, this.#rollover.generation)
      await this.#held.commit(returned(this.#held.state), this.#held.issuers)
      await this.#renewIfDue()
      this.#held.tell('rollover.returned', it, actor)
    })
  }

  /**
   * Ends the roll-over: the old root and what stands below it count no longer, their keys are destroyed.
   * @returns the issuing authorities that count no longer: whoever calls cuts off what rests on them.
   * @throws AuthorityError `no-rollover`, `not-switched`.
   */
  finishRollover(actor: string): Promise<readonly Certificate[]> {
    return this.#inTurn(async () => {
      const old = generation(this.#held.state, this.#held.state.current)
      const state = finished(this.#held.state)
      const it = generation(state, state.current)
      const detail = { retired: old.root.sha256Thumbprint }
      const gone = await this.#parts.recordFirst(this.#held.event('rollover.finished', it, actor, detail), () =>
        this.#held.drop([old.number], state),
      )
      await this.#renewIfDue()
      return gone.map(({ certificate }) => certificate)
    })
  }

  /**
   * Roots that were gone back from, and under which nothing counts any more, go with their keys.
   * @param isInUse whether any certificate of this issuing authority still counts.
   */
  dropUnused(isInUse: (issuer: Certificate) => Promise<boolean>): Promise<void> {
    return this.#inTurn(async () => {
      const isTrusted = new Set(trusted(this.#held.state))
      for (const it of this.#held.state.generations.filter((each) => !isTrusted.has(each))) {
        const gone = this.#held.issuers.filter(({ generation: its }) => its === it.number)
        const used = await Promise.all(gone.map(({ certificate }) => isInUse(certificate)))
        if (!used.includes(true)) await this.#held.drop([it.number])
      }
    })
  }

  async #renewIfDue(): Promise<boolean> {
    await this.#held.renewDue()
    const issuer = this.#held.issuerOf(this.#held.serving.number)
    const server = this.#server?.certificate
    const isGood =
      server !== undefined &&
      !this.#held.isDue(server) &&
      namesAll(server, this.#parts.hostNames) &&
      isIssuedBy(server, issuer.certificate)
    // An authority that has ended issues nothing: devices refuse the hub until the root's key is back, operators do not.
    if (isGood || hasEnded(issuer.certificate, this.#parts.clock)) return false
    await this.#renewServer('hub')
    return true
  }

  async #renewServer(actor: string): Promise<void> {
    const issuer = this.#held.issuerOf(this.#held.serving.number)
    if (hasEnded(issuer.certificate, this.#parts.clock)) throw this.#needsRoot()
    const server = await this.#held.issuance.server(issuer, actor)
    await writeCertificateWithKey({ folder: this.#parts.folder, name: SERVER }, server, this.#parts)
    this.#server = server
  }

  #needsRoot(): HubCertificateError {
    return new HubCertificateError(this.#held.rootKeys.pathOf(this.#held.serving.number), ROOT_KEY_NEEDED)
  }

  get #shown(): CertificateWithKey {
    if (this.#server === undefined) throw new TypeError('an authority that is open has a server certificate')
    return this.#server
  }

  get #rollover(): Rollover {
    const { rollover } = this.#held.state
    if (rollover === undefined) throw new AuthorityError('no-rollover', 'no roll-over is under way')
    return rollover
  }

  /** One change at a time: what is on disk is what is in memory. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

function badPassphrase(): AuthorityError {
  return new AuthorityError('bad-passphrase', 'a passphrase has 12 to 1,024 bytes')
}

function namesAll(certificate: Certificate, hostNames: readonly string[]): boolean {
  const x509 = new X509Certificate(certificate.der)
  return hostNames.every((name) =>
    isIP(name) === 0 ? x509.checkHost(name) !== undefined : x509.checkIP(name) !== undefined,
  )
}
