/** Addresses of EST (RFC 7030 §3.2.2): `/.well-known/est/{operation}` and `/.well-known/est/{label}/{operation}`. */

import { isProfileName } from '../profile.ts'

export const EST_OPERATIONS = ['cacerts', 'csrattrs', 'simpleenroll', 'simplereenroll'] as const
export type EstOperation = (typeof EST_OPERATIONS)[number]

export interface EstPath {
  readonly operation: EstOperation
  /** The name of a profile. */
  readonly label?: string
}

const ROOT = '/.well-known/est/'

export function isEstPath(pathname: string): boolean {
  return pathname.startsWith(ROOT)
}

/** Undefined for an address that is none; a label with percent signs is no profile's name. */
export function parseEstPath(pathname: string): EstPath | undefined {
  if (!isEstPath(pathname)) return undefined
  const [first = '', second, ...more] = pathname.slice(ROOT.length).split('/')
  if (more.length > 0) return undefined
  const operation = EST_OPERATIONS.find((one) => one === (second ?? first))
  if (operation === undefined) return undefined
  if (second === undefined) return { operation }
  return isProfileName(first) ? { operation, label: first } : undefined
}
