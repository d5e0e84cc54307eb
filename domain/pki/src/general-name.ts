/** Names of RFC 5280 §4.2.1.6, as subject alternative names and name constraints have them. */

import type { DerElement } from './der.ts'
import { TAG } from './der.ts'
import { relativeNamesOf } from './distinguished-name.ts'
import { PkiError } from './errors.ts'

export type GeneralName =
  /** Text as it stands, ASCII. */
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  /** DER of the Name. */
  | { readonly kind: 'directory'; readonly name: Uint8Array }
  /** Of an address 4 or 16 bytes, of a constraint twice as many: network and mask. */
  | { readonly kind: 'ip'; readonly bytes: Uint8Array }
  /** A form that we do not process; `tag` tells one from another. */
  | { readonly kind: 'other'; readonly tag: number }

/** @throws PkiError `bad-certificate`, `bad-der`. */
export function generalNameOf(element: DerElement): GeneralName {
  switch (element.tag) {
    case 0x81:
      return { kind: 'email', text: asciiOf(element) }
    case 0x82:
      return { kind: 'dns', text: asciiOf(element) }
    case 0x86:
      return { kind: 'uri', text: asciiOf(element) }
    case 0xa4: {
      const [name, ...more] = element.children
      if (name === undefined || more.length > 0) throw bad()
      relativeNamesOf(name)
      return { kind: 'directory', name: name.bytes }
    }
    case 0x87:
      return { kind: 'ip', bytes: element.content }
    // otherName, x400Address, ediPartyName, registeredID.
    case 0xa0:
    case 0xa3:
    case 0xa5:
    case 0x88:
      return { kind: 'other', tag: element.tag }
    default:
      throw bad()
  }
}

/** @throws PkiError `bad-certificate`, `bad-der`. */
export function generalNamesOf(element: DerElement): readonly GeneralName[] {
  if (element.tag !== TAG.sequence || element.children.length === 0) throw bad()
  return element.children.map(generalNameOf)
}

function asciiOf(element: DerElement): string {
  // A zero byte ends the text for some readers and not for others.
  if (element.content.some((byte) => byte === 0 || byte >= 0x80)) throw bad()
  return Buffer.from(element.content).toString('latin1')
}

function bad(): PkiError {
  return new PkiError('bad-certificate', 'a general name has no right form')
}
