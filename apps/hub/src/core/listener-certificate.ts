/** What the listeners prove the hub with, kept fresh while they listen. */

import type { Api } from '@holdfast/api'
import { type Clock, formatTimestamp } from '@holdfast/base'
import type { Random } from '@holdfast/keys'
import type { TlsMaterial } from '@holdfast/node'
import type { HubAuthority } from './hub-authority.ts'

const TICKET_KEY_BYTES = 48
/** Who learns a ticket key can read the resumed sessions of its time; a device shakes hands in full once a day. */
const TICKET_KEY_MS = 24 * 3_600_000

export interface ListenerCertificateParts {
  readonly authority: HubAuthority
  readonly clock: Clock
  readonly random: Random
  /** New connections use it from now on; resolves when every listener does. */
  readonly toListeners: (material: TlsMaterial) => Promise<void>
}

export class ListenerCertificate {
  readonly #parts: ListenerCertificateParts
  /** What the listeners were given last. */
  #given: string | undefined
  #ticketKeys: Uint8Array
  #ticketKeysAt: number
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: ListenerCertificateParts) {
    this.#parts = parts
    this.#ticketKeys = parts.random(TICKET_KEY_BYTES)
    this.#ticketKeysAt = parts.clock.monotonic()
  }

  material(): TlsMaterial {
    const material = this.#parts.authority.material()
    this.#given = material.certificate
    return { ...material, ticketKeys: this.#ticketKeys }
  }

  get shown(): Api.Certificate {
    const { serverNotAfter, serverSha256 } = this.#parts.authority
    return { notAfter: formatTimestamp(serverNotAfter), sha256: serverSha256 }
  }

  /** To be called every minute or so: a new certificate when the old one is due, new ticket keys once a day. */
  renewIfDue(): Promise<void> {
    return this.#inTurn(async () => {
      const { authority, clock } = this.#parts
      const isRenewed = await authority.renewIfDue()
      if (isRenewed || clock.monotonic() - this.#ticketKeysAt >= TICKET_KEY_MS) await this.#reload()
    })
  }

  /** Has the listeners show what the authority has for them now, where that is something else than they were given. */
  follow(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#parts.authority.material().certificate !== this.#given) await this.#reload()
    })
  }

  /**
   * A new certificate with a new key, and new ticket keys: nothing of what the listeners used before opens or proves
   * anything that begins from now on. Connections that are open stay open.
   * @throws HubCertificateError when the authority has ended and cannot issue any more.
   */
  renew(actor: string): Promise<Api.Certificate> {
    return this.#inTurn(async () => {
      await this.#parts.authority.renew(actor)
      await this.#reload()
      return this.shown
    })
  }

  async #reload(): Promise<void> {
    const { clock, random, toListeners } = this.#parts
    this.#ticketKeys = random(TICKET_KEY_BYTES)
    this.#ticketKeysAt = clock.monotonic()
    await toListeners(this.material())
  }

  /** One change at a time: the listeners end with what is on disk. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
