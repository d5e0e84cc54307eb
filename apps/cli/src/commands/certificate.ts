/** `holdfast certificate …`: what the listeners prove the hub with, and what the hub issued to devices. */

import type { CertificateApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'
import { closedSessions } from '../printer.ts'
import { addCertificateProfile } from './certificate-profile.ts'

interface IdentityOptions {
  readonly device?: string
  readonly module?: string
}

const REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const satisfies readonly CertificateApi.Reason[]

const identityOptions = (): readonly Option[] => [
  new Option('--device <id>', 'of this device'),
  new Option('--module <id>', 'of this module of it'),
]

export function addCertificate(program: Command, world: World): void {
  const certificate = group(
    program,
    'certificate',
    "the hub's own certificate, those that it issued to devices, and their profiles",
    'holdfast certificate list --device pump-1',
  )

  leaf<[string | undefined], object>(certificate, world, {
    usage: 'show [serial]',
    summary: "show one that was issued to a device, or without a serial number the hub's own",
    example: 'holdfast certificate show 5A0C72F1D3E94B6688A1B2C3D4E5F607',
    async run({ hub, print }, _options, serial) {
      if (serial === undefined) {
        const { certificate: own } = await hub.hub.status()
        await print.result(own, [`valid until ${own.notAfter}`, `SHA-256 ${own.sha256}`])
        return
      }
      const found = await hub.certificate.show({ path: { serial } })
      await print.result(found, [...issuedLines(found), found.certificate?.trimEnd() ?? ''])
    },
  })

  leaf<[], object>(certificate, world, {
    usage: 'renew',
    summary: "issue the hub's own anew with a new key, now, without a restart; it renews itself in time otherwise",
    example: 'holdfast certificate renew',
    async run({ hub, print }) {
      const renewed = await hub.hub.renewCertificate()
      await print.result(renewed, [
        `new connections meet the new certificate, valid until ${renewed.notAfter}; open ones stay open`,
        `SHA-256 ${renewed.sha256}`,
      ])
    },
  })

  leaf<[], IdentityOptions>(certificate, world, {
    usage: 'list',
    summary: 'list what was issued to a device or module, newest first',
    example: 'holdfast certificate list --device pump-1',
    options: identityOptions(),
    async run({ hub, print }, { device, module }) {
      if (device === undefined) throw wrongUse('list needs --device ID')
      const page = await hub.certificate.list({ query: { device, module } })
      await print.table(
        pagesOf(page.items),
        [
          ['SERIAL', (it) => it.serialNumber],
          ['STATE', stateText],
          ['PROFILE', (it) => it.profile],
          ['UNTIL', (it) => it.notAfter],
          ['SEEN', (it) => it.seenTime],
        ],
        `none was issued to ${device}`,
      )
    },
  })

  leaf<[string | undefined], IdentityOptions & { readonly reason: CertificateApi.Reason }>(certificate, world, {
    usage: 'revoke [serial]',
    summary: 'take away one certificate, or all of a device or module, and close at once the sessions that rest on it',
    example: 'holdfast certificate revoke --device pump-1 --reason keyCompromise',
    notes: 'A key whose certificate is revoked for keyCompromise, privilegeWithdrawn or no reason gets no other one.',
    options: [
      ...identityOptions(),
      new Option('--reason <reason>', 'why (RFC 5280 §5.3.1)').choices([...REASONS]).default('unspecified'),
    ],
    async run({ hub, print }, { device, module, reason }, serial) {
      if ((serial === undefined) === (device === undefined))
        throw wrongUse('revoke takes a serial number or --device ID')
      const moduleId = module === undefined ? {} : { moduleId: module }
      const revoked =
        device === undefined
          ? await hub.certificate.revoke({ path: { serial: serial ?? '' }, body: { reason } })
          : await hub.certificate.revokeAll({ body: { deviceId: device, ...moduleId, reason } })
      const count = revoked.revoked.length
      await print.result(revoked, [
        count === 0
          ? 'there was nothing to revoke'
          : `${count} ${count === 1 ? 'certificate is' : 'certificates are'} revoked; ${closedSessions(revoked)}`,
      ])
    },
  })

  addCertificateProfile(certificate, world)
}

async function* pagesOf<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield items
}

function stateText({ state, reason }: CertificateApi.IssuedCertificate): string {
  return reason === undefined ? state : `${state} (${reason})`
}

function issuedLines(found: CertificateApi.IssuedCertificate): readonly string[] {
  const { deviceId, moduleId } = found
  return [
    `serial   ${found.serialNumber}`,
    `for      ${moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`}`,
    `state    ${stateText(found)} since ${found.stateTime}`,
    `profile  ${found.profile}`,
    `valid    ${found.notBefore} to ${found.notAfter}; to be renewed from ${found.renewalTime}`,
    `seen     ${found.seenTime ?? 'never'}`,
    `SHA-256  ${found.sha256}`,
  ]
}
