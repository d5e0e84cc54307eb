/** Tokens of machines: who comes with one, and every change of them. */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { EventSink, EventType, SecurityEvent } from '@holdfast/audit'
import { type Grant, isName } from '@holdfast/authorization'
import { type Clock, formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import { formatMachineToken, isMachineToken, MACHINE_TOKEN_BYTES } from '@holdfast/tokens'
import { formatDocument, parseDocument } from './document.ts'
import { AccessTokenError } from './errors.ts'
import { Gatekeeper } from './gatekeeper.ts'
import {
  EXPIRED_KEPT_MS,
  LIFE_DEFAULT_MS,
  LIFE_MAX_MS,
  LIFE_MIN_MS,
  OVERLAP_DEFAULT_MS,
  OVERLAP_MAX_MS,
  REPORTED_MAX,
  SCOPE_GRANTS_MAX,
  TOKENS_MAX,
  UNUSED_MS,
  USES_WRITTEN_MAX,
} from './limits.ts'
import type { TokenStore } from './store.ts'
import { type AccessToken, expiryOf, lastUseOf, type TokenSecret, type TokenUse } from './token.ts'

export interface TokensParts {
  readonly store: TokenStore
  readonly clock: Clock
  /** MUST come from the system's cryptographic generator outside of tests. */
  readonly random: (bytes: number) => Uint8Array
  /** For what no write brings with it: canaries, and reports of them. */
  readonly events: EventSink
  /** Told of what is stored and does not hold; it is left out, and so opens nothing. */
  readonly damaged: (id: string) => void
  /** Told of what went wrong where nobody waits. */
  readonly fault: (error: unknown) => void
}

export interface TokenDraft {
  readonly name: string
  readonly organisation: string
  /** Empty for a canary, and for nothing else. */
  readonly scope: readonly Grant[]
  readonly lifeMs?: number
  readonly isCanary?: boolean
}

/** The text is shown this once; nothing here can tell it again. */
export interface MadeToken {
  readonly text: string
  readonly token: AccessToken
}

/** To the sender all refusals look alike; the code is for the log. */
export type TokenDenial = 'token-malformed' | 'token-unknown' | 'token-expired' | 'token-canary' | 'throttled'

export type TokenVerdict =
  | { readonly kind: 'known'; readonly token: AccessToken; readonly until: Timestamp; readonly ended: AbortSignal }
  | { readonly kind: 'denied'; readonly code: TokenDenial }

/** Where a token is told by its digest. */
interface Slot {
  readonly id: string
  readonly digest: string
  /** Aborted when the secret counts no more. */
  readonly end: AbortController
}

const NEVER: Timestamp = timestampOf(8_640_000_000_000_000)

/**
 * Changes are made one after the other, take the `actor` for their event, resolve when they are durable, and reject with
 * AccessTokenError for what cannot be had, or with what the store throws. What takes something away holds at once.
 */
export class Tokens {
  readonly #parts: TokensParts
  readonly #tokens = new Map<string, AccessToken>()
  readonly #slots = new Map<string, Slot>()
  /** Uses since the last write, by digest. */
  readonly #uses = new Map<string, TokenUse>()
  /** Being removed, or meant to be when the disk failed: they open nothing any more. At most `TOKENS_MAX`. */
  readonly #ended = new Set<string>()
  readonly #gate = new Gatekeeper()
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(parts: TokensParts) {
    this.#parts = parts
  }

  static async open(parts: TokensParts): Promise<Tokens> {
    const tokens = new Tokens(parts)
    const stored = await parts.store.listTokens()
    for (const id of stored.damaged) parts.damaged(id)
    for (const { id, document } of stored.tokens) {
      try {
        tokens.#put(parseDocument(document))
      } catch {
        parts.damaged(id)
      }
    }
    return tokens
  }

  /** Of an organisation, by name; uses that are not written yet are in them. */
  list(organisation: string): readonly AccessToken[] {
    return [...this.#tokens.values()]
      .filter((token) => token.organisation === organisation)
      .map((token) => this.#withUses(token))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  all(): readonly AccessToken[] {
    return [...this.#tokens.values()].map((token) => this.#withUses(token))
  }

  named(organisation: string, name: string): AccessToken | undefined {
    return this.list(organisation).find((token) => token.name === name)
  }

  isCanaryUsed(token: AccessToken): boolean {
    return token.isCanary && lastUseOf(token) !== undefined
  }

  /** Who comes with this text. Counts the use, and retires the former secret when the new one is seen. */
  identify(text: string, address: string): TokenVerdict {
    const { clock } = this.#parts
    const now = clock.monotonic()
    const isClosed = this.#gate.isClosed(address, now)
    const found = isMachineToken(text) ? this.#find(text) : undefined
    if (found === undefined) {
      this.#gate.failed(address, now)
      if (isClosed) return denied('throttled')
      return denied(isMachineToken(text) ? 'token-unknown' : 'token-malformed')
    }
    const { token, secret, slot } = found
    if (token.isCanary) {
      this.#canaryUsed(token, secret, address)
      return denied('token-canary')
    }
    if (isClosed && !this.#gate.isFamiliar(address, token.id)) return denied('throttled')
    const at = clock.wall()
    if (at >= secret.expires) return denied('token-expired')
    this.#gate.cameIn(address, token.id)
    this.#uses.set(secret.digest, { at, address })
    if (token.secrets.length > 1 && token.secrets[0] === secret) {
      void this.#retireFormer(token.id, 'new-one-seen', `token/${token.id}`).catch(this.#parts.fault)
    }
    return { kind: 'known', token, until: secret.expires, ended: slot.end.signal }
  }

  /** @throws AccessTokenError `invalid`, `exists`, `too-many`. */
  async create(draft: TokenDraft, maker: string): Promise<MadeToken> {
    const { name, organisation, scope, lifeMs = LIFE_DEFAULT_MS, isCanary = false } = draft
    return this.#next(async () => {
      if (!isName(name)) throw invalid('a token is called by 1 to 63 of a-z, 0-9 and hyphens, with none at either end')
      if (isCanary !== (scope.length === 0)) {
        throw invalid(isCanary ? 'a canary opens nothing, so it has no scope' : 'say what the token may do')
      }
      if (scope.length > SCOPE_GRANTS_MAX) throw invalid(`a token has at most ${SCOPE_GRANTS_MAX} grants`)
      if (!Number.isSafeInteger(lifeMs) || lifeMs < LIFE_MIN_MS || lifeMs > LIFE_MAX_MS) {
        throw invalid('a token lasts from a minute to 90 days')
      }
      if (this.named(organisation, name) !== undefined) {
        throw new AccessTokenError('exists', `there is a token ${name} already; rotate or revoke it`)
      }
      if (this.#tokens.size >= TOKENS_MAX)
        throw new AccessTokenError('too-many', `a hub has at most ${TOKENS_MAX} tokens`)
      const { text, secret } = this.#secret(isCanary ? NEVER : this.#in(lifeMs))
      const token: AccessToken = {
        id: Buffer.from(this.#parts.random(10)).toString('hex'),
        name,
        organisation,
        scope,
        maker,
        isCanary,
        lifeMs,
        createdTime: this.#parts.clock.wall(),
        secrets: [secret],
        isToldUnused: false,
      }
      await this.#write(
        token,
        this.#event('token.created', token, maker, {
          name,
          organisation,
          canary: isCanary,
          expires: isCanary ? 'never' : formatTimestamp(secret.expires),
        }),
      )
      return { text, token }
    })
  }

  /**
   * Makes a new secret, for as long as the first one was made for. The one in use works on until the new one has been
   * seen, and no longer than `overlapMs` (0: ends now). A new one that nobody has used yet is replaced.
   * @throws AccessTokenError `missing`, `expired`, `invalid`.
   */
  async rotate(
    { organisation, name }: Pick<AccessToken, 'organisation' | 'name'>,
    actor: string,
    overlapMs: number = OVERLAP_DEFAULT_MS,
  ): Promise<MadeToken> {
    if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > OVERLAP_MAX_MS) {
      throw invalid('secrets overlap for at most 7 days')
    }
    return this.#next(async () => {
      const token = this.#existing(organisation, name)
      if (token.isCanary) throw invalid('a canary has nothing to rotate; make another one')
      const used = token.secrets.find(({ lastUse }) => lastUse !== undefined) ?? token.secrets[0]
      const now = this.#parts.clock.wall()
      if (used === undefined || now >= used.expires) {
        throw new AccessTokenError('expired', `the token ${name} has expired; make a new one`)
      }
      const { text, secret } = this.#secret(this.#in(token.lifeMs))
      const former = { ...used, expires: timestampOf(Math.min(used.expires, now + overlapMs)) }
      const next = { ...token, secrets: overlapMs === 0 ? [secret] : [secret, former], isToldUnused: false }
      const detail = { name, expires: formatTimestamp(secret.expires), formerUntil: formatTimestamp(former.expires) }
      await this.#write(next, this.#event('token.rotated', token, actor, detail))
      return { text, token: next }
    })
  }

  /** Ends the former secret of a rotation before its time. @throws AccessTokenError `missing`, `no-former`. */
  async retire(
    { organisation, name }: Pick<AccessToken, 'organisation' | 'name'>,
    actor: string,
  ): Promise<AccessToken> {
    const token = this.#existing(organisation, name)
    if (token.secrets.length < 2) throw new AccessTokenError('no-former', `the token ${name} has one secret alone`)
    await this.#retireFormer(token.id, 'asked', actor)
    return this.#existing(organisation, name)
  }

  /** @throws AccessTokenError `missing`. */
  async revoke({ organisation, name }: Pick<AccessToken, 'organisation' | 'name'>, actor: string): Promise<void> {
    const { id } = this.#existing(organisation, name)
    await this.#remove(id, 'token.revoked', actor, { reason: 'asked' })
  }

  /**
   * Takes what somebody found: of these texts, those that are ours are revoked, and a canary is told of and stays. Says
   * nothing of what was among them, so that a report is no way to try tokens.
   */
  async report(texts: readonly string[], address: string): Promise<void> {
    const ids = new Set<string>()
    for (const text of texts.slice(0, REPORTED_MAX)) {
      const found = isMachineToken(text) ? this.#find(text) : undefined
      if (found !== undefined) ids.add(found.token.id)
    }
    for (const id of ids) {
      const token = this.#tokens.get(id)
      if (token === undefined) continue
      const { name, organisation, maker, isCanary } = token
      const detail = { name, organisation, maker, canary: isCanary, address }
      const actor = `address/${address}`
      if (isCanary) this.#parts.events(this.#event('token.reported', token, actor, detail))
      else await this.#remove(id, 'token.reported', actor, detail)
    }
  }

  /** Ends what has run out, tells of what nobody uses, writes what was used. To be called every minute or so. */
  async upkeep(): Promise<void> {
    const now = this.#parts.clock.wall()
    for (const token of this.all()) {
      const expires = expiryOf(token)
      if (token.isCanary || expires === undefined) continue
      for (const { digest, expires: until } of token.secrets) if (now >= until) this.#slots.get(digest)?.end.abort()
      if (now >= expires + EXPIRED_KEPT_MS) await this.#remove(token.id, 'token.expired', 'hub', { name: token.name })
      else if (token.secrets[1] !== undefined && now >= token.secrets[1].expires) {
        await this.#retireFormer(token.id, 'overlap-over', 'hub')
      } else if (this.#isUnused(token, now)) await this.#tellUnused(token)
    }
    await this.writeUses()
  }

  /** Ends streams of tokens whose maker is gone. */
  endOf(isOver: (token: AccessToken) => boolean): void {
    for (const { id, digest, end } of this.#slots.values()) {
      const token = this.#tokens.get(id)
      if (token === undefined || token.isCanary || end.signal.aborted || !isOver(token)) continue
      end.abort()
      // Should the maker come back, it counts again, and so its streams need another end.
      this.#slots.set(digest, { id, digest, end: new AbortController() })
    }
  }

  async writeUses(): Promise<void> {
    const ids = new Set([...this.#uses.keys()].flatMap((digest) => this.#slots.get(digest)?.id ?? []))
    for (const id of [...ids].slice(0, USES_WRITTEN_MAX)) {
      await this.#next(async () => {
        const token = this.#tokens.get(id)
        if (token !== undefined) await this.#write({ ...this.#withUses(token), isToldUnused: false })
      })
    }
  }

  #isUnused(token: AccessToken, now: Timestamp): boolean {
    return !token.isToldUnused && now - (lastUseOf(token)?.at ?? token.createdTime) >= UNUSED_MS
  }

  async #tellUnused({ id }: AccessToken): Promise<void> {
    await this.#next(async () => {
      const token = this.#tokens.get(id)
      if (token === undefined) return
      const lastUse = lastUseOf(token)
      const detail = { name: token.name, ...(lastUse !== undefined && { lastUse: formatTimestamp(lastUse.at) }) }
      await this.#write({ ...token, isToldUnused: true }, this.#event('token.unused', token, 'hub', detail))
    })
  }

  #canaryUsed(token: AccessToken, secret: TokenSecret, address: string): void {
    const { clock, events, fault } = this.#parts
    this.#gate.close(address, clock.monotonic())
    const { name, organisation } = token
    events(this.#event('token.canary-used', token, `address/${address}`, { name, organisation, address }))
    this.#uses.set(secret.digest, { at: clock.wall(), address })
    void this.writeUses().catch(fault)
  }

  async #retireFormer(id: string, reason: string, actor: string): Promise<void> {
    await this.#next(async () => {
      const token = this.#tokens.get(id)
      const [first, former] = token?.secrets ?? []
      if (token === undefined || first === undefined || former === undefined) return
      // It ends here and now, whatever the disk says.
      const next = { ...token, secrets: [first] }
      this.#put(next)
      await this.#write(next, this.#event('token.retired', token, actor, { name: token.name, reason }))
    })
  }

  async #remove(id: string, type: EventType, actor: string, detail: SecurityEvent['detail']): Promise<void> {
    await this.#next(async () => {
      const token = this.#tokens.get(id)
      if (token === undefined) return
      // What takes away holds at once. Should the write fail, whoever asked hears of it and asks again.
      this.#ended.add(id)
      for (const { digest } of token.secrets) this.#drop(digest)
      await this.#parts.store.deleteToken(id, this.#event(type, token, actor, detail))
      this.#tokens.delete(id)
      this.#ended.delete(id)
    })
  }

  #find(text: string): { readonly token: AccessToken; readonly secret: TokenSecret; readonly slot: Slot } | undefined {
    const digest = digestOf(text)
    const slot = this.#slots.get(digest)
    const token = slot && this.#tokens.get(slot.id)
    const secret = token?.secrets.find((one) => timingSafeEqual(Buffer.from(one.digest), Buffer.from(digest)))
    return slot === undefined || token === undefined || secret === undefined ? undefined : { token, secret, slot }
  }

  #existing(organisation: string, name: string): AccessToken {
    const token = this.named(organisation, name)
    if (token === undefined) throw new AccessTokenError('missing', `there is no token ${name}`)
    return token
  }

  #secret(expires: Timestamp): { readonly text: string; readonly secret: TokenSecret } {
    const text = formatMachineToken(this.#parts.random(MACHINE_TOKEN_BYTES))
    return { text, secret: { digest: digestOf(text), createdTime: this.#parts.clock.wall(), expires } }
  }

  #in(milliseconds: number): Timestamp {
    return timestampOf(this.#parts.clock.wall() + milliseconds)
  }

  #withUses(token: AccessToken): AccessToken {
    const secrets = token.secrets.map((secret) => {
      const lastUse = this.#uses.get(secret.digest)
      return lastUse === undefined ? secret : { ...secret, lastUse }
    })
    return { ...token, secrets }
  }

  #put(token: AccessToken): void {
    for (const { digest } of this.#tokens.get(token.id)?.secrets ?? []) {
      if (!token.secrets.some((one) => one.digest === digest)) this.#drop(digest)
    }
    this.#tokens.set(token.id, token)
    if (this.#ended.has(token.id)) return
    for (const { digest } of token.secrets) {
      if (!this.#slots.has(digest)) this.#slots.set(digest, { id: token.id, digest, end: new AbortController() })
    }
  }

  #drop(digest: string): void {
    this.#slots.get(digest)?.end.abort()
    this.#slots.delete(digest)
    this.#uses.delete(digest)
  }

  async #write(token: AccessToken, because?: SecurityEvent): Promise<void> {
    await this.#parts.store.writeToken({ id: token.id, document: formatDocument(token) }, because)
    this.#put(token)
    for (const { digest, lastUse } of token.secrets) {
      if (lastUse !== undefined && this.#uses.get(digest)?.at === lastUse.at) this.#uses.delete(digest)
    }
  }

  async #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  #event(
    type: EventType,
    { id }: Pick<AccessToken, 'id'>,
    actor: string,
    detail: SecurityEvent['detail'],
  ): SecurityEvent {
    return { type, at: this.#parts.clock.wall(), subject: `token/${id}`, actor, detail }
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function denied(code: TokenDenial): TokenVerdict {
  return { kind: 'denied', code }
}

function invalid(message: string): AccessTokenError {
  return new AccessTokenError('invalid', message)
}
