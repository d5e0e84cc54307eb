export { formatDocument, parseDocument } from './document.ts'
export { AccessTokenError, type AccessTokenErrorCode } from './errors.ts'
export {
  LIFE_DEFAULT_MS,
  LIFE_MAX_MS,
  OVERLAP_DEFAULT_MS,
  OVERLAP_MAX_MS,
  REPORTED_MAX,
  SCOPE_GRANTS_MAX,
  UNUSED_MS,
} from './limits.ts'
export type { StoredToken, TokenStore } from './store.ts'
export { type AccessToken, expiryOf, lastUseOf, type TokenSecret, type TokenUse } from './token.ts'
export {
  type MadeToken,
  type TokenDenial,
  type TokenDraft,
  Tokens,
  type TokensParts,
  type TokenVerdict,
} from './tokens.ts'
