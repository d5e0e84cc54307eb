/** Options that devices and modules share, and the body they make. */

import type { Api } from '@holdfast/api'
import { Option } from 'commander'
import { collected } from '../command.ts'
import { wrongUse } from '../failure.ts'

export interface IdentityOptions {
  readonly auth?: 'sas' | 'x509-thumbprint' | 'x509-ca'
  readonly thumbprint?: readonly string[]
  readonly primaryKey?: string
  readonly secondaryKey?: string
}

export function identityOptions(): readonly Option[] {
  return [
    new Option('--auth <kind>', 'how it proves itself (default sas)').choices(['sas', 'x509-thumbprint', 'x509-ca']),
    new Option('--thumbprint <hex>', 'SHA-1 or SHA-256 of its certificate; give it twice for two').argParser(collected),
    new Option('--primary-key <base64>', 'a key it already has, 16 to 64 bytes (default: a new one)'),
    new Option('--secondary-key <base64>', 'the same for the secondary key'),
  ]
}

/** @throws Failure (wrong use) when options do not go together; the hub checks their values. */
export function identityBody(options: IdentityOptions): Omit<Api.DeviceCreate, 'deviceId'> {
  const { thumbprint, primaryKey, secondaryKey } = options
  const auth = options.auth ?? (thumbprint === undefined ? 'sas' : 'x509-thumbprint')
  if (auth === 'x509-thumbprint' && thumbprint === undefined)
    throw wrongUse('--auth x509-thumbprint needs --thumbprint')
  if (auth !== 'x509-thumbprint' && thumbprint !== undefined)
    throw wrongUse(`--thumbprint does not go with --auth ${auth}`)
  if ((thumbprint?.length ?? 0) > 2) throw wrongUse('--thumbprint can be given twice at most')
  if (auth !== 'sas' && (primaryKey ?? secondaryKey) !== undefined) throw wrongUse(`keys do not go with --auth ${auth}`)
  return {
    auth,
    ...(thumbprint !== undefined && {
      thumbprints: thumbprint.map((hex) => hex.replaceAll(/[:\s]/g, '').toUpperCase()),
    }),
    ...(primaryKey !== undefined && { primaryKey }),
    ...(secondaryKey !== undefined && { secondaryKey }),
  }
}

/** What `show` and `create` print of one. */
export function identityLines(identity: Api.Device): readonly string[] {
  const name = identity.moduleId === undefined ? identity.deviceId : `${identity.deviceId}/${identity.moduleId}`
  return [
    `${identity.moduleId === undefined ? 'device' : 'module'}      ${name}`,
    `status      ${identity.status}${identity.statusReason === undefined ? '' : ` (${identity.statusReason})`}`,
    ...(identity.quarantined === undefined
      ? []
      : [
          `quarantine  since ${identity.quarantined.at} by ${identity.quarantined.actor}: ${identity.quarantined.reason}`,
        ]),
    `proves by   ${identity.auth}`,
    ...(identity.thumbprints ?? []).map((it) => `thumbprint  ${it}`),
    `connected   ${identity.connected ? `yes${identity.connectedSince === undefined ? '' : `, since ${identity.connectedSince}`}` : 'no'}`,
    ...(identity.lastActivityTime === undefined ? [] : [`last heard  ${identity.lastActivityTime}`]),
    `created     ${identity.createdTime}`,
    `generation  ${identity.generationId}`,
  ]
}
