/** Whether a name lies in a subtree of names (RFC 5280 §4.2.1.10), form by form. */

import { canonicalName } from './distinguished-name.ts'
import type { GeneralName } from './general-name.ts'

/** What is doubtful is excluded, and not permitted. */
type Question = 'permitted' | 'excluded'

/** @param base of the same form as `name`. */
export function isWithin(name: GeneralName, base: GeneralName, question: Question): boolean {
  if (name.kind === 'directory' && base.kind === 'directory') return isDirectoryWithin(name.name, base.name)
  if (name.kind === 'ip' && base.kind === 'ip') return isAddressWithin(name.bytes, base.bytes, question)
  if (name.kind === 'dns' && base.kind === 'dns') return isHostWithin(name.text, base.text, question)
  if (name.kind === 'email' && base.kind === 'email') return isMailboxWithin(name.text, base.text, question)
  if (name.kind === 'uri' && base.kind === 'uri') return isUriWithin(name.text, base.text, question)
  // A form that we do not process: §4.2.1.10 has us refuse the certificate that uses it.
  return question === 'excluded'
}

function isDirectoryWithin(name: Uint8Array, base: Uint8Array): boolean {
  const [parts, prefix] = [canonicalName(name), canonicalName(base)]
  return prefix.every((part, index) => part === parts[index])
}

function isAddressWithin(address: Uint8Array, network: Uint8Array, question: Question): boolean {
  if (address.length !== 4 && address.length !== 16) return question === 'excluded'
  if (network.length !== address.length * 2) return false
  return address.every((byte, index) => {
    const mask = network[address.length + index] ?? 0
    return (byte & mask) === ((network[index] ?? 0) & mask)
  })
}

/** Any labels may stand before the base; where the base begins with a dot, one at least has to. */
function isHostWithin(host: string, base: string, question: Question): boolean {
  const [name, suffix] = [host.toLowerCase(), base.toLowerCase()]
  if (suffix === '') return true
  if (name.endsWith(suffix.startsWith('.') ? suffix : `.${suffix}`)) return true
  if (name === suffix) return true
  // A wildcard stands for hosts that may be the very ones that are excluded.
  return question === 'excluded' && name.startsWith('*.') && suffix.endsWith(name.slice(1))
}

/** A whole mailbox, all of one host, or (with a dot before it) all hosts of a domain. */
function isMailboxWithin(mailbox: string, base: string, question: Question): boolean {
  const at = mailbox.lastIndexOf('@')
  if (at < 1 || at === mailbox.length - 1) return question === 'excluded'
  const host = mailbox.slice(at + 1).toLowerCase()
  const baseAt = base.lastIndexOf('@')
  if (baseAt >= 0) {
    // §7.5: the part before the @ is compared as it is; who excludes a mailbox means it in any case.
    const [local, baseLocal] = [mailbox.slice(0, at), base.slice(0, baseAt)]
    const isSameLocal = question === 'excluded' ? local.toLowerCase() === baseLocal.toLowerCase() : local === baseLocal
    return isSameLocal && host === base.slice(baseAt + 1).toLowerCase()
  }
  return isHostOf(host, base)
}

function isUriWithin(uri: string, base: string, question: Question): boolean {
  const [, authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(uri) ?? []
  const host =
    authority
      ?.slice(authority.lastIndexOf('@') + 1)
      .replace(/:[0-9]*$/, '')
      .toLowerCase() ?? ''
  // §4.2.1.10: URIs without a host name, and with an address in its place, are refused.
  if (host === '' || host.startsWith('[') || /^[0-9.]+$/.test(host)) return question === 'excluded'
  return isHostOf(host, base)
}

/** Exactly the host; where the base begins with a dot, hosts below it and not itself. */
function isHostOf(host: string, base: string): boolean {
  const wanted = base.toLowerCase()
  return (
    wanted === '' || (wanted.startsWith('.') ? host.endsWith(wanted) && host.length > wanted.length : host === wanted)
  )
}
