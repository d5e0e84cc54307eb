/** Tokens made here from a connection string: for tools that take a password where the SDKs take the string. */

import { parseConnectionString, formatSasToken } from '@holdfast/tokens'
import { Option } from 'commander'
import { wholeNumber } from '../command.ts'
import { Failure } from '../failure.ts'

/** Minutes a token lasts unless told: long enough to try something, short enough to be forgotten. */
const MINUTES_DEFAULT = 60

export interface TokenOptions {
  readonly minutes: number
}

export interface Token {
  readonly token: string
  readonly expires: string
}

export function minutesOption(): Option {
  return new Option('--minutes <n>', 'how long it lasts').argParser(wholeNumber(1)).default(MINUTES_DEFAULT)
}

/** @throws Failure where the identity has no key, so that a certificate is its proof. */
export function makeToken(connectionString: string, minutes: number, now: number): Token {
  const connection = parseConnectionString(connectionString)
  if (connection.credential.kind !== 'key' || connection.kind === 'event-hub') {
    throw new Failure('it has no key: it proves itself by its certificate, and needs no token', { code: 'no-key' })
  }
  const expirySeconds = Math.floor(now / 1000) + minutes * 60
  const { key } = connection.credential
  const expires = new Date(expirySeconds * 1000).toISOString()
  if (connection.kind === 'service') {
    const { hostName, policyName } = connection
    return { token: formatSasToken({ resource: hostName, key, expirySeconds, policyName }), expires }
  }
  const module = connection.moduleId === undefined ? '' : `/modules/${connection.moduleId}`
  const resource = `${connection.hostName}/devices/${connection.deviceId}${module}`
  return { token: formatSasToken({ resource, key, expirySeconds }), expires }
}
