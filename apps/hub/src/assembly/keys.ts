/** The keys of the hub: the folder and the custody of the key-encryption key, the hub's own authority, its certificate. */

import { KeyCustody, openKeyFolder, readSecretFile } from '@holdfast/keys'
import { HubAuthority } from '../core/hub-authority.ts'
import { recordFirst } from '../core/record-first.ts'
import { ListenerCertificate, type ListenerCertificateParts } from '../core/listener-certificate.ts'
import { Storage } from '../core/storage.ts'
import { type AuthorityHomes, authorityHomes } from '../keys/authority-homes.ts'
import { CustodyService } from '../keys/custody-service.ts'
import { keyHomes } from '../keys/key-homes.ts'
import { publicationAt } from '../trust/publication/publication-address.ts'
import type { Ground } from './ground.ts'

export interface Keys {
  readonly custody: KeyCustody
  readonly custodyService: CustodyService
  /** Where authorities' keys are when the custody is in a token. */
  readonly tokens: AuthorityHomes
  readonly authority: HubAuthority
  readonly certificate: ListenerCertificate
}

export async function openKeys(ground: Ground, needs: Pick<ListenerCertificateParts, 'toListeners'>): Promise<Keys> {
  const { settings, folder, ports, clock, random, events, notices } = ground
  const environment = { clock, random, mayCreate: !Storage.isThere(folder) }
  const keyFolder = await openKeyFolder(folder.at('keys'))
  const keySettings = settings.keys
  const homes = { folder: keyFolder, environment, settings: keySettings, credentials: settings.credentials }
  const kinds = keyHomes(homes)
  const first = keySettings.wish === undefined ? {} : { first: keySettings.wish }
  const custody = await KeyCustody.open({ folder: keyFolder, environment, kinds, ...first })
  const custodyService = new CustodyService({
    custody,
    notices,
    events: events.sink,
    recordFirst: recordFirst(events),
    clock,
    configured: keySettings.wish,
  })
  await custodyService.follow()
  const { rootPassphraseFile: rootFile } = settings
  const tokens = authorityHomes(custody.home, homes)
  const authority = await HubAuthority.open({
    folder: await openKeyFolder(folder.at('ca')),
    ring: custody.ring,
    clock,
    random,
    events: events.sink,
    recordFirst: recordFirst(events),
    hostNames: settings.hostnames,
    keys: tokens.keys,
    rootPassphrase: rootFile === undefined ? undefined : () => readSecretFile(rootFile),
    publicationOf: publicationAt({ hostName: settings.hostnames[0], httpsPort: ports.httpsPort }),
  })
  const certificate = new ListenerCertificate({ authority, clock, random, ...needs })
  return { custody, custodyService, tokens, authority, certificate }
}
