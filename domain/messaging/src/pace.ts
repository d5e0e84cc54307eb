/** How fast one connection may ask things of the hub, each kind by its own rate. */

import { type Instant, TokenBucket } from '@holdfast/base'
import type { FrontLimits } from './limits.ts'

/** Kinds of packets that cost the core something, by the name of their rate in `FrontLimits`. */
export type Pacing = 'subscribeRate' | 'requestRate' | 'methodAnswerRate'

/** What a connection is told when it asks too much. */
export const TOO_MANY: Readonly<Record<Pacing, string>> = {
  subscribeRate: 'too many SUBSCRIBE or UNSUBSCRIBE packets',
  requestRate: 'too many requests',
  methodAnswerRate: 'too many answers to method calls',
}

/** Buckets are made when first needed: most connections only send telemetry. */
export class Pace {
  readonly #buckets = new Map<Pacing, TokenBucket>()

  /** False: too many. */
  take(pacing: Pacing, now: Instant, limits: FrontLimits): boolean {
    let bucket = this.#buckets.get(pacing)
    if (bucket === undefined) {
      bucket = new TokenBucket(now, limits[pacing])
      this.#buckets.set(pacing, bucket)
    }
    return bucket.take(now)
  }
}
