/** Tokens of machines. */

import { ofSubject } from './definition.ts'

export const TOKEN_EVENTS = {
  'token.created': ofSubject({ name: 'text', organisation: 'text', canary: 'flag', expires: 'text' }),
  'token.rotated': ofSubject({ name: 'text', expires: 'text', formerUntil: 'text' }),
  /** The former secret of a rotation ended: `new-one-seen`, `overlap-over` or `asked`. */
  'token.retired': ofSubject({ name: 'text', reason: 'text' }),
  'token.revoked': ofSubject({ reason: 'text' }),
  /** Somebody found it; it is revoked, unless it is a canary. */
  'token.reported': ofSubject({ name: 'text', organisation: 'text', maker: 'text', canary: 'flag', address: 'text' }),
  /** It had expired a month ago, and is not listed any more. */
  'token.expired': ofSubject({ name: 'text' }),
  'token.unused': ofSubject({ name: 'text', lastUse: 'text?' }),
  /** Somebody has what was only there to be stolen. */
  'token.canary-used': ofSubject({ name: 'text', organisation: 'text', address: 'text' }),
} as const
