/** Who is known: devices, their keys and certificates, policies, customers' authorities and revocation lists. */

import type { Api } from '@holdfast/api'
import {
  Authenticator,
  Authorities,
  type Cut,
  KeyRegister,
  Policies,
  Registry,
  RevocationLists,
} from '@holdfast/identity'
import type { Storage } from '../core/storage.ts'
import { AuthorityOffice } from '../trust/authority/authority-office.ts'
import { DeviceCredentials } from '../trust/device-credentials.ts'
import type { SupplyService } from '../trust/supply/supply-service.ts'
import { readWeakKeys } from '../trust/weak-key-folder.ts'
import type { Ground } from './ground.ts'
import type { Keys } from './keys.ts'

export interface IdentityNeeds {
  readonly keys: Keys
  readonly state: Storage['state']
  readonly supply: () => SupplyService
  readonly cutOff: (taken: readonly Cut[]) => Promise<Api.Changed>
}

export interface Identities {
  readonly keyRegister: KeyRegister
  readonly credentials: DeviceCredentials
  readonly authorityOffice: AuthorityOffice
  readonly registry: Registry
  readonly policies: Policies
  readonly revocationLists: RevocationLists
  readonly authorities: Authorities
  /** Decides by all of these who somebody is. */
  readonly authenticator: Authenticator
}

export async function openIdentities(
  ground: Ground,
  { keys, state, supply, cutOff }: IdentityNeeds,
): Promise<Identities> {
  const { settings, folder, clock, random, events, notices, fault } = ground
  const { authority, certificate, tokens } = keys
  const shared = { clock, random, events: events.sink, hostNames: settings.hostnames }
  const keyRegister = new KeyRegister({ ...shared, store: state, weak: readWeakKeys(folder.at('weak-keys'), notices) })
  const credentials = await DeviceCredentials.open({
    ...shared,
    keys: keyRegister,
    store: state,
    issuer: authority,
    registry: () => registry,
    close: cutOff,
    fault,
  })
  const authorityOffice = await AuthorityOffice.open({
    authority,
    certificate,
    issued: credentials.issued,
    store: state,
    notices,
    clock,
    events: events.sink,
    cutOff,
    closeTokens: () => tokens.close(),
    fault,
  })
  const registry: Registry = new Registry({
    ...shared,
    store: state,
    changed: (change) => credentials.changed(change),
    areRetired: async ([primaryKey = '', secondaryKey = primaryKey]) =>
      supply().rules.areRetired({ kind: 'symmetricKey', primaryKey, secondaryKey }),
  })
  const policies = await Policies.open({ ...shared, store: state, keyAge: ground.settings.policyKeyAge })
  const revocationLists = await RevocationLists.open({ ...shared, store: state })
  const authorities = await Authorities.open({ ...shared, store: state, revocations: revocationLists })
  const authenticator = new Authenticator({
    ...shared,
    registry,
    policies,
    authorities,
    keys: keyRegister,
    issued: credentials.issued,
  })
  return { keyRegister, credentials, authorityOffice, registry, policies, revocationLists, authorities, authenticator }
}
