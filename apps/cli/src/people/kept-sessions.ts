/** Sessions of `holdfast login`, by the origin of their hub. */

import { readKept, writeKept } from './kept-file.ts'

export interface KeptSession {
  readonly token: string
  readonly operator: string
  readonly expires: string
  /** Root certificate of the hub, PEM, where one was given. */
  readonly ca?: string
}

type Environment = Readonly<Record<string, string | undefined>>

const FILE = 'sessions.json'

export function readSession(environment: Environment, origin: string): KeptSession | undefined {
  const value = readKept(environment, FILE)[origin]
  if (typeof value !== 'object' || value === null) return undefined
  const [token, operator, expires, ca] = ['token', 'operator', 'expires', 'ca'].map((name): unknown =>
    Reflect.get(value, name),
  )
  if (typeof token !== 'string' || typeof operator !== 'string' || typeof expires !== 'string') return undefined
  return { token, operator, expires, ...(typeof ca === 'string' && { ca }) }
}

/** @param session undefined: it is forgotten. */
export function keepSession(environment: Environment, origin: string, session: KeptSession | undefined): void {
  const { [origin]: _former, ...others } = readKept(environment, FILE)
  writeKept(environment, FILE, session === undefined ? others : { ...others, [origin]: session })
}
