/** What tokens need of a store. */

import type { Because } from '@holdfast/audit'

/** `document` is JSON and its writer's; it says what may be done, so a store MUST seal it against being changed. */
export interface StoredToken {
  readonly id: string
  readonly document: string
}

export interface TokenStore {
  /** All of them, and the ids of those that do not open any more. */
  listTokens(): Promise<{ readonly tokens: readonly StoredToken[]; readonly damaged: readonly string[] }>
  /** Writes one that is new, or replaces it. */
  writeToken(token: StoredToken, because?: Because): Promise<void>
  /** @returns false where there is none. */
  deleteToken(id: string, because?: Because): Promise<boolean>
}
