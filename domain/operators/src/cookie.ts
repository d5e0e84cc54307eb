/** The cookie that holds a browser's session (RFC 6265 §4, §5.4; the prefix is of its successor, draft-ietf-httpbis-rfc6265bis). */

/** Browsers take it only with Secure, with Path=/ and without Domain: no other host can set or get it. */
export const SESSION_COOKIE = '__Host-holdfast'

/** Characters of a Cookie header that are looked at; what is longer holds no session. */
const HEADER_CHARACTERS_MAX = 8_192

/**
 * The value of the session's cookie in a `Cookie` header. Undefined where there is none, and where there are two: then
 * somebody has put a second beside it, and neither is to be trusted.
 */
export function readSessionCookie(header: string): string | undefined {
  if (header.length > HEADER_CHARACTERS_MAX) return undefined
  const values = header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    .map((pair) => pair.slice(SESSION_COOKIE.length + 1))
  return values.length === 1 ? values[0] : undefined
}

/** `Set-Cookie` of a session that lasts so long, in milliseconds. */
export function sessionCookie(token: string, lifeMs: number): string {
  return `${SESSION_COOKIE}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${Math.floor(lifeMs / 1_000)}`
}

/** `Set-Cookie` that takes it away. */
export const NO_SESSION_COOKIE = `${SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0`
