/**
 * How often one identity may connect and take over from itself. Its own credential is no reason to let it cost the hub a
 * handshake, a proof and a seat as often as it likes, and two clients of one identity would push each other out for ever.
 */

import { type Instant, later, LruMap, TokenBucket } from '@holdfast/base'
import { type IdentityKey, identityText } from '@holdfast/identity'
import { BACK_OFF_MS, CONNECTIONS, PACES_MAX, TAKEOVERS } from './limits.ts'

interface Pace {
  readonly connections: TokenBucket
  readonly takeovers: TokenBucket
  waitMs: number
  until: Instant
}

export type PaceVerdict = { readonly kind: 'go' } | { readonly kind: 'wait'; readonly milliseconds: number }

const GO: PaceVerdict = { kind: 'go' }

export class ConnectionPace {
  readonly #paces = new LruMap<string, Pace>(PACES_MAX)

  /**
   * A connection with a good credential has come. While it has to wait, coming again costs nothing and changes nothing:
   * a client that tries too soon is not shut out for longer by it.
   */
  come(key: IdentityKey, { isTakeover }: { readonly isTakeover: boolean }, now: Instant): PaceVerdict {
    const text = identityText(key)
    let pace = this.#paces.get(text)
    if (pace === undefined) {
      const connections = new TokenBucket(now, CONNECTIONS)
      const takeovers = new TokenBucket(now, TAKEOVERS)
      pace = { connections, takeovers, waitMs: BACK_OFF_MS.first, until: now }
      this.#paces.set(text, pace)
    }
    if (now < pace.until) return { kind: 'wait', milliseconds: pace.until - now }
    if (pace.connections.isFull(now) && pace.takeovers.isFull(now)) pace.waitMs = BACK_OFF_MS.first
    if (pace.connections.take(now) && (!isTakeover || pace.takeovers.take(now))) return GO
    const milliseconds = pace.waitMs
    pace.until = later(now, milliseconds)
    pace.waitMs = Math.min(BACK_OFF_MS.most, milliseconds * 2)
    return { kind: 'wait', milliseconds }
  }
}
