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
  const isShort = tag === TAG.utcTime
  const yearDigits = isShort ? 2 : 4
  if (!isShort && tag !== TAG.generalizedTime) throw bad()
  if (content.length !== yearDigits + 11 || content[content.length - 1] !== 0x5a) throw bad()
  const number = (from: number, digits: number): number => {
    let value = 0
    for (let at = from; at < from + digits; at += 1) {
      const digit = (content[at] ?? 0) - 0x30
      if (digit < 0 || digit > 9) throw bad()
      value = value * 10 + digit
    }
    return value
  }
  const part = (index: number): number => number(yearDigits + index * 2, 2)
  const written = number(0, yearDigits)
  const year = isShort ? written + (written < 50 ? 2000 : 1900) : written
  const [month, day, hour, minute, second] = [part(0), part(1), part(2), part(3), part(4)]
  // Date rolls what does not exist over into what does.
  const isReal = month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
  if (!isReal || year < 1950 || hour > 23 || minute > 59 || second > 59) throw bad()
  return timestampOf(Date.UTC(year, month - 1, day, hour, minute, second))
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'a time of the certificate is none')
}
