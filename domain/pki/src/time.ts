/** Times of certificates (RFC 5280 §4.1.2.5). */

import { timestampOf } from '@holdfast/base'
import type { Timestamp } from '@holdfast/base'
import { TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { PkiError } from './errors.ts'

/** `YYMMDDHHMMSSZ` for 1950 to 2049, `YYYYMMDDHHMMSSZ` for the rest; no fractions, no zones. */
export function timeOf(element: DerElement): Timestamp {
  return timeOfContent(element.tag, element.content)
}

/** As `timeOf`, from identifier and content octets. @throws PkiError `bad-certificate`. */
export function timeOfContent(tag: number, content: Uint8Array): Timestamp {
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1')
  let digits: string
  if (tag === TAG.utcTime && /^[0-9]{12}Z$/.test(text)) digits = (text < '50' ? '20' : '19') + text
  else if (tag === TAG.generalizedTime && /^[0-9]{14}Z$/.test(text)) digits = text
  else throw bad()
  const part = (from: number, to: number): number => Number(digits.slice(from, to))
  const [year, month, day] = [part(0, 4), part(4, 6), part(6, 8)]
  const [hour, minute, second] = [part(8, 10), part(10, 12), part(12, 14)]
  const at = Date.UTC(year, month - 1, day, hour, minute, second)
  // Date rolls what does not exist over into what does.
  const isReal = year >= 1950 && new Date(at).toISOString().replace(/[-:T]/g, '').startsWith(digits.slice(0, 14))
  if (!isReal) throw bad()
  return timestampOf(at)
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'a time of the certificate is none')
}
