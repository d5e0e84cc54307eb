/** A machine's token, as it is kept: all but the secret itself. */

import type { Grant } from '@holdfast/authorization'
import type { Timestamp } from '@holdfast/base'

export interface AccessToken {
  /** In events `token/<id>`. Never given to another. */
  readonly id: string
  /** As people call it; unique in its organisation while it is there. */
  readonly name: string
  readonly organisation: string
  /** All that it may do, as far as its maker may. */
  readonly scope: readonly Grant[]
  /** Who made it, as events name them: it does nothing that they could not do at that moment. */
  readonly maker: string
  /** Made to be stolen: whoever uses it is refused and told of. Grants nothing, and does not expire. */
  readonly isCanary: boolean
  /** Milliseconds for which each of its secrets lasts. */
  readonly lifeMs: number
  readonly createdTime: Timestamp
  /** The newest first; a second one only while a rotation overlaps. */
  readonly secrets: readonly TokenSecret[]
  /** Whether it was told of that nobody uses it; until the next use. */
  readonly isToldUnused: boolean
}

export interface TokenSecret {
  /** SHA-256 of the token's text, hexadecimal. A slow hash would add nothing to 256 random bits. */
  readonly digest: string
  readonly createdTime: Timestamp
  readonly expires: Timestamp
  readonly lastUse?: TokenUse
}

/** Written down at intervals, so what was used just before a crash may be missing. */
export interface TokenUse {
  readonly at: Timestamp
  readonly address: string
}

/** When it was used last, by either of its secrets. */
export function lastUseOf({ secrets }: Pick<AccessToken, 'secrets'>): TokenUse | undefined {
  return secrets
    .flatMap(({ lastUse }) => (lastUse === undefined ? [] : [lastUse]))
    .reduce<TokenUse | undefined>((last, one) => (last === undefined || one.at > last.at ? one : last), undefined)
}

/** The last moment in which one of its secrets counts. */
export function expiryOf({ secrets }: Pick<AccessToken, 'secrets'>): Timestamp | undefined {
  return secrets[0]?.expires
}
