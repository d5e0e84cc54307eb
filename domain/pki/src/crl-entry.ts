/** One entry of a revocation list (RFC 5280 §5.1.2.6, §5.3). */

import type { Timestamp } from '@holdfast/base'
import type { CrlFault } from './crl-extensions.ts'
import { integerAt, placeAt, placeOf } from './der-scan.ts'
import { TAG, parseDer } from './der.ts'
import { PkiError } from './errors.ts'
import { EXTENSION, extensionList } from './extensions.ts'
import { CRL_SERIAL_BYTES_MAX } from './limits.ts'
import { REASONS } from './revocation-reason.ts'
import type { RevocationReason } from './revocation-reason.ts'
import { timeOfContent } from './time.ts'

export interface CrlEntry {
  readonly revokedAt: Timestamp
  readonly reason: RevocationReason
}

/** What the entry extensions say; most entries of a list say the same. */
interface EntryExtensions {
  readonly reason: RevocationReason
  readonly unusable: CrlFault | undefined
}

const NONE: EntryExtensions = { reason: 'unspecified', unusable: undefined }

/** Reads entries one after the other. */
export class CrlEntryReader {
  readonly #der: Uint8Array
  #lastBytes: Uint8Array = new Uint8Array(0)
  #last: EntryExtensions = NONE

  constructor(der: Uint8Array) {
    this.#der = der
  }

  /** @throws PkiError `bad-der`, `bad-crl`, `bad-certificate`, `too-large`. */
  read(start: number, limit: number): CrlEntry & { readonly end: number; readonly unusable: CrlFault | undefined } {
    const der = this.#der
    const entry = placeOf(TAG.sequence, der, start, limit)
    const serial = integerAt(der, entry.contentStart, entry.end)
    if (serial.end - serial.contentStart > CRL_SERIAL_BYTES_MAX)
      throw new PkiError('too-large', 'a serial number is too long')
    const time = placeAt(der, serial.end, entry.end)
    const revokedAt = timeOfContent(time.tag, der.subarray(time.contentStart, time.end))
    if (time.end === entry.end) return { revokedAt, ...NONE, end: entry.end }
    const extensions = der.subarray(time.end, entry.end)
    if (Buffer.compare(extensions, this.#lastBytes) !== 0) {
      this.#last = extensionsOf(extensions)
      this.#lastBytes = extensions
    }
    return { revokedAt, reason: this.#last.reason, unusable: this.#last.unusable, end: entry.end }
  }
}

function extensionsOf(bytes: Uint8Array): EntryExtensions {
  let reason: RevocationReason = 'unspecified'
  let unusable: CrlFault | undefined
  for (const { oid, isCritical, value } of extensionList(parseDer(bytes))) {
    if (oid === EXTENSION.reasonCode) reason = reasonOf(value().bytes)
    else if (oid === EXTENSION.certificateIssuer) unusable = 'indirect'
    else if (isCritical) unusable ??= 'critical-extension'
  }
  return { reason, unusable }
}

function reasonOf(value: Uint8Array): RevocationReason {
  const [tag, length, number = 255] = value
  const reason = REASONS.get(number)
  // `removeFromCRL` is of delta lists; in a complete one it contradicts itself.
  if (tag !== 0x0a || length !== 1 || value.length !== 3 || reason === undefined) {
    throw new PkiError('bad-crl', 'a reason of the revocation list is none')
  }
  return reason
}
