/** `holdfast ca crl …`: revocation lists of customers' authorities and of the CAs below them. */

import { readFileSync } from 'node:fs'
import type { RevocationApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

import { closedSessions } from '../printer.ts'

interface PutOptions {
  readonly issuer?: string
  readonly whenStale?: 'accept' | 'refuse'
}

const ISSUER = new Option('--issuer <file>', 'certificate (PEM) of the CA below the authority that signs the list')
const WHEN_STALE = new Option(
  '--when-stale <choice>',
  'what a list that is out of date means for the certificates of its issuer',
).choices(['accept', 'refuse'])

/** @param ca the group `holdfast ca`. */
export function addRevocationList(ca: Command, world: World): void {
  const crl = group(ca, 'crl', "an authority's revocation lists", 'holdfast ca crl add plant-root plant.crl')

  leaf<[string, string], PutOptions>(crl, world, {
    usage: 'add <name> <file>',
    summary: 'take a list (DER or PEM), and close at once the sessions whose certificates it revokes',
    example: 'holdfast ca crl add plant-root plant.crl --when-stale refuse',
    options: [ISSUER, WHEN_STALE],
    async run({ hub, print }, options, name, file) {
      const body = { list: readFile(file).toString('base64'), ...shared(options) }
      const taken = await hub.revocationList.put({ path: { name }, body })
      await print.result(taken, [`took the list of ${described(taken.list)}; ${closedSessions(taken)}`])
    },
  })

  leaf<[string, string], PutOptions>(crl, world, {
    usage: 'follow <name> <url>',
    summary: 'fetch the list from a URL of the CA, now and every hour; when that fails the list that is here stays',
    example: 'holdfast ca crl follow plant-root http://ca.example/plant.crl',
    options: [ISSUER, WHEN_STALE],
    async run({ hub, print }, options, name, url) {
      const body = { url, ...shared(options) }
      const taken = await hub.revocationList.put({ path: { name }, body })
      const { fault } = taken.list
      await print.result(taken, [
        fault === undefined
          ? `took the list of ${described(taken.list)}; ${closedSessions(taken)}`
          : `the list of ${taken.list.issuer} is followed, but could not be fetched: ${fault}`,
      ])
    },
  })

  leaf<[string], object>(crl, world, {
    usage: 'fetch <name>',
    summary: 'fetch every list of the authority that has a URL now',
    example: 'holdfast ca crl fetch plant-root',
    async run({ hub, print }, _options, name) {
      const fetched = await hub.revocationList.fetch({ path: { name } })
      await print.result(fetched, [
        ...fetched.lists.map((it) => `${described(it)}${it.fault === undefined ? '' : `; not fetched: ${it.fault}`}`),
        closedSessions(fetched),
      ])
    },
  })

  leaf<[string], object>(crl, world, {
    usage: 'list <name>',
    summary: 'list the revocation lists of an authority',
    example: 'holdfast ca crl list plant-root',
    async run({ hub, print }, _options, name) {
      await print.table(
        hub.revocationList.list.pages({ path: { name } }),
        [
          ['ISSUER', (it) => it.issuer],
          ['STATE', (it) => it.state],
          ['ENTRIES', (it) => String(it.entries ?? '')],
          ['UNTIL', (it) => it.nextUpdate ?? ''],
          ['WHEN STALE', (it) => it.whenStale],
          ['FROM', (it) => it.fault ?? it.url ?? ''],
          ['ISSUER KEY', (it) => it.issuerKey],
        ],
        `no revocation lists yet; add one with 'holdfast ca crl add ${name} FILE'`,
      )
    },
  })

  leaf<[string, string], object>(crl, world, {
    usage: 'remove <name> <issuer-key>',
    summary: 'forget a list: what it revokes is accepted again',
    example: 'holdfast ca crl remove plant-root 0F3C…',
    async run({ hub, print }, _options, name, issuerKey) {
      const removed = await hub.revocationList.delete({ path: { name, issuerKey } })
      await print.result(removed, [`the list of ${removed.issuer} is removed`])
    },
  })
}

function shared({ issuer, whenStale }: PutOptions): Pick<RevocationApi.RevocationListPut, 'issuer' | 'whenStale'> {
  return {
    ...(issuer === undefined ? {} : { issuer: readText(issuer) }),
    ...(whenStale === undefined ? {} : { whenStale }),
  }
}

function described({ issuer, entries = 0, state, nextUpdate }: RevocationApi.RevocationList): string {
  return `${issuer}: ${entries} revoked, ${state}${nextUpdate === undefined ? '' : `, until ${nextUpdate}`}`
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    throw wrongUse(`cannot read '${file}'; give the path of a revocation list`)
  }
}
