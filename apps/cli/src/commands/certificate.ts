/** `holdfast certificate …`: what the listeners prove the hub with. */

import type { Api } from '@holdfast/api'
import type { Command } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { path } from '../hub-client.ts'

export function addCertificate(program: Command, world: World): void {
  const certificate = group(
    program,
    'certificate',
    "the hub's own certificate: show, renew",
    'holdfast certificate renew',
  )

  leaf<[], object>(certificate, world, {
    usage: 'show',
    summary: 'show how long the certificate is valid, and its thumbprint',
    example: 'holdfast certificate show',
    async run({ hub, print }) {
      const { certificate } = await hub.get<Api.Status>(path('status'))
      await print.result(certificate, [`valid until ${certificate.notAfter}`, `SHA-256 ${certificate.sha256}`])
    },
  })

  leaf<[], object>(certificate, world, {
    usage: 'renew',
    summary: 'issue it anew with a new key, now, without a restart; it renews itself in time otherwise',
    example: 'holdfast certificate renew',
    async run({ hub, print }) {
      const renewed = await hub.send<Api.Certificate>('POST', path('certificate', 'renew'))
      await print.result(renewed, [
        `new connections meet the new certificate, valid until ${renewed.notAfter}; open ones stay open`,
        `SHA-256 ${renewed.sha256}`,
      ])
    },
  })
}
