/** Tokens of machines as the hub has them: who comes with one, and how far whoever made it may still go. */

import { type AccessToken, lastUseOf, Tokens, type TokensParts } from '@holdfast/access-tokens'
import { ACTIONS } from '@holdfast/api'
import type { Grant, Resource, Subject } from '@holdfast/authorization'
import type { Policies } from '@holdfast/identity'
import type { Roll } from '@holdfast/operators'
import type { Actor, TokenCaller, TokenMaker } from './actor.ts'
import type { Identified, Shown } from './identification.ts'
import type { Notice } from '../core/notices.ts'
import { type AuthorizationOffice, isForTokens } from './authorization-office.ts'

export interface TokenOfficeParts extends TokensParts {
  readonly authorization: AuthorizationOffice
  readonly roll: Pick<Roll, 'operatorNamed'>
  readonly policies: Pick<Policies, 'read'>
  readonly setNotice: (code: string, notice: Omit<Notice, 'code'> | undefined) => void
}

const CANARY = 'canary-used'

export class TokenOffice {
  readonly tokens: Tokens
  readonly #parts: TokenOfficeParts

  private constructor(parts: TokenOfficeParts, tokens: Tokens) {
    this.#parts = parts
    this.tokens = tokens
  }

  static async open(parts: TokenOfficeParts): Promise<TokenOffice> {
    const office = new TokenOffice(parts, await Tokens.open(parts))
    office.showCanaries()
    return office
  }

  async identify({ bearer, address }: Shown): Promise<Identified<TokenCaller>> {
    const verdict = this.tokens.identify(bearer ?? '', address)
    if (verdict.kind === 'denied') {
      if (verdict.code === 'token-canary') this.showCanaries()
      return verdict
    }
    const { token, until, ended } = verdict
    const maker = this.#makerOf(token)
    if (maker === undefined) return { kind: 'denied', code: 'token-without-maker' }
    const { id, name, organisation, scope } = token
    return { kind: 'caller', caller: { kind: 'token', id, name, organisation, scope, maker, until, ended } }
  }

  /**
   * What a token of this scope could do that whoever makes it may not, as `action on node`: no token is made where there
   * is something. That it is so later, too, every decision sees to.
   */
  async beyond(maker: Actor, organisation: string, scope: readonly Grant[]): Promise<readonly string[]> {
    const { authorization } = this.#parts
    const { decisions } = authorization.access
    const token: Subject = { kind: 'token', name: 'token/new', organisation, posture: 'full', isPresent: false }
    const found: string[] = []
    for (const grant of scope) {
      const resource = await this.#resourceOf(grant)
      for (const action of ACTIONS) {
        if (!isForTokens(action)) continue
        const isGiven =
          grant.kind === 'actions'
            ? grant.actions.includes(action)
            : decisions.ask(token, action, resource, { roles: [grant.role], isScoped: false }).isAllowed
        if (isGiven && !authorization.couldDo(maker, action, resource)) found.push(action)
      }
    }
    return [...new Set(found)]
  }

  /** A canary that was used stands as a notice until it is revoked. */
  showCanaries(): void {
    const used = this.tokens.all().filter((token) => this.tokens.isCanaryUsed(token))
    const [first] = used
    if (first === undefined) {
      this.#parts.setNotice(CANARY, undefined)
      return
    }
    const others = used.length === 1 ? '' : ` and ${used.length - 1} others`
    this.#parts.setNotice(CANARY, {
      detail: `the canary token ${first.name}${others} was used, from ${lastUseOf(first)?.address ?? 'an unknown address'}`,
      advice: 'whoever did has read the place where it was kept: change every secret there, then revoke the canary',
    })
  }

  async upkeep(): Promise<void> {
    await this.tokens.upkeep()
    this.showCanaries()
  }

  /** Streams of tokens whose maker is gone end; to be called every second or so. */
  tick(): void {
    this.tokens.endOf((token) => this.#makerOf(token) === undefined)
  }

  async end(): Promise<void> {
    // What the disk does not take any more is lost: it is when something was used last.
    await this.tokens.writeUses().catch(() => undefined)
  }

  /** Undefined where they are gone, suspended, or somebody else's now: then their tokens open nothing. */
  #makerOf({ maker, organisation }: AccessToken): TokenMaker | undefined {
    if (maker === 'operator/local') return { kind: 'hub' }
    const name = maker.slice(maker.indexOf('/') + 1)
    if (maker.startsWith('policy/')) {
      const policy = this.#parts.policies.read(name)
      return policy && { kind: 'policy', rights: policy.rights }
    }
    if (!maker.startsWith('operator/')) return undefined
    const operator = this.#parts.roll.operatorNamed(name)
    if (operator?.state !== 'active' || operator.organisation !== organisation) return undefined
    return { kind: 'person', name: maker }
  }

  async #resourceOf({ node }: Grant): Promise<Resource> {
    return node.kind === 'device' ? this.#parts.authorization.deviceAt(node.deviceId) : node
  }
}
