/**
 * Answers to who asks whether a certificate that the hub issued still counts (RFC 6960), signed by the authority that
 * issued it. Anybody may ask, so that what an answer costs is bounded: answers without a nonce about certificates that
 * exist are kept, signatures are counted.
 */

import { type Clock, type Instant, later, LruMap, timestampOf, TokenBucket } from '@holdfast/base'
import {
  decodeOcspRequest,
  encodeOcspFailure,
  isIssuerOf,
  issueOcspResponse,
  type OcspAnswer,
  type OcspFailure,
  type OcspRequest,
  PkiError,
} from '@holdfast/pki'
import type { IssuingAuthority } from '../../core/hub-authority.ts'
import { authorityName } from './publication-address.ts'
import type { RevokedSerials } from './revoked-serials.ts'

/** For how long an answer may be used, in milliseconds; it is given out for half of that. */
const ANSWER_MS = 3_600_000
/** Answers that are kept, some 1,200 bytes each. */
const KEPT_MAX = 4_096
/** Answers that are being made at once: each waits for the disk, and maybe for a token. */
const RUNNING_MAX = 64
/** Signatures over all who ask; a token makes fewer than a processor does, and has other work, too. */
const SIGNATURES = { perSecond: 200, burst: 400 } as const

export interface OcspResponderParts {
  readonly authority: { readonly issuersAtWork: readonly IssuingAuthority[]; readonly serverSerialNumber: string }
  readonly serials: RevokedSerials
  readonly clock: Clock
  /** An answer could not be made. MUST NOT throw. */
  readonly fault: (error: unknown) => void
}

export interface OcspReply {
  readonly der: Uint8Array<ArrayBuffer>
  /** For how many milliseconds others may keep it; undefined: not at all. */
  readonly keepMs: number | undefined
}

interface Kept {
  readonly der: Uint8Array<ArrayBuffer>
  readonly until: Instant
}

export class OcspResponder {
  readonly #parts: OcspResponderParts
  readonly #kept = new LruMap<string, Kept>(KEPT_MAX)
  readonly #signatures: TokenBucket
  #running = 0
  /** Counts changes: an answer that was made across one is not kept. */
  #changes = 0

  constructor(parts: OcspResponderParts) {
    this.#parts = parts
    this.#signatures = new TokenBucket(parts.clock.monotonic(), SIGNATURES)
    parts.serials.onChange((change) => {
      // A certificate that is new had no answer that was kept.
      if (change === 'status') return
      this.#changes += 1
      this.#kept.clear()
    })
  }

  /** Never rejects: what cannot be answered is an answer, too. @param der as it came. */
  async answer(der: Uint8Array): Promise<OcspReply> {
    let request: OcspRequest
    try {
      request = decodeOcspRequest(der)
    } catch (error) {
      if (!(error instanceof PkiError)) throw error
      return failed('malformed-request')
    }
    const issuer = this.#issuerOf(request)
    if (issuer === undefined) return failed('unauthorized')
    const name = nameOf(request, issuer)
    const kept = name === undefined ? undefined : this.#kept.get(name)
    const now = this.#parts.clock.monotonic()
    if (kept !== undefined && now < kept.until) return { der: kept.der, keepMs: kept.until - now }
    if (this.#running >= RUNNING_MAX || !this.#signatures.take(now)) return failed('try-later')
    this.#running += 1
    try {
      return await this.#made(request, issuer, name)
    } catch (error) {
      this.#parts.fault(error)
      return failed('internal-error')
    } finally {
      this.#running -= 1
    }
  }

  async #made(request: OcspRequest, issuer: IssuingAuthority, name: string | undefined): Promise<OcspReply> {
    const { serials, authority, clock } = this.#parts
    const changes = this.#changes
    const answers: OcspAnswer[] = []
    for (const item of request.items) {
      // The listeners' own certificate is not among those of devices.
      const isOwn = item.serialNumber === authority.serverSerialNumber
      const status = await serials.statusOf(issuer.certificate, item.serialNumber)
      answers.push({ item, status: isOwn && status.kind === 'unknown' ? { kind: 'good' } : status })
    }
    const now = clock.wall()
    const nextUpdate = timestampOf(now + ANSWER_MS)
    const der = await issueOcspResponse({
      ...issuer,
      issuer: issuer.certificate,
      answers,
      nonce: request.nonce,
      now,
      nextUpdate,
    })
    // Serial numbers that nobody has are without end: who asks for them shall not drive out the answers that are kept.
    const isUnknown = answers.some(({ status }) => status.kind === 'unknown')
    if (name === undefined || isUnknown) return { der, keepMs: undefined }
    const until = later(this.#parts.clock.monotonic(), ANSWER_MS / 2)
    if (changes === this.#changes) this.#kept.set(name, { der, until })
    return { der, keepMs: ANSWER_MS / 2 }
  }

  /** The one authority that issued all that is asked about: nobody answers for another. */
  #issuerOf({ items }: OcspRequest): IssuingAuthority | undefined {
    return this.#parts.authority.issuersAtWork.find(({ certificate }) =>
      items.every((item) => isIssuerOf(item, certificate)),
    )
  }
}

/** What an answer is kept under; undefined where it answers a nonce, or more than one question. */
function nameOf({ items, nonce }: OcspRequest, { certificate }: IssuingAuthority): string | undefined {
  const [item, ...others] = items
  if (item === undefined || others.length > 0 || nonce !== undefined) return undefined
  return `${authorityName(certificate)} ${Buffer.from(item.certId).toString('base64')}`
}

function failed(failure: OcspFailure): OcspReply {
  return { der: encodeOcspFailure(failure), keepMs: undefined }
}
