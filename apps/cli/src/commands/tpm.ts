/** `holdfast tpm roots …`: manufacturers of TPMs whose word for an endorsement key counts. */

import { readFileSync } from 'node:fs'
import type { TpmApi } from '@holdfast/api'
import type { Command } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

export function addTpm(program: Command, world: World): void {
  const tpm = group(program, 'tpm', 'TPMs of devices', 'holdfast tpm roots list')
  const roots = group(
    tpm,
    'roots',
    'manufacturers of TPMs whose certificates of endorsement keys count',
    'holdfast tpm roots add infineon-optiga-rsa infineon-optiga-rsa.crt',
  )

  leaf<[], object>(roots, world, {
    usage: 'list',
    summary: 'list the trusted roots',
    example: 'holdfast tpm roots list',
    async run({ hub, print }) {
      await print.table(
        hub.endorsementRoot.list.pages(),
        [
          ['ROOT', (it) => it.name],
          ['SUBJECT', (it) => it.subject],
          ['UNTIL', (it) => it.notAfter],
          ['SHA-256', (it) => it.sha256],
        ],
        "no manufacturer is trusted yet; add one with 'holdfast tpm roots add NAME FILE'",
      )
    },
  })

  leaf<[string, string], object>(roots, world, {
    usage: 'add <name> <file>',
    summary: "trust a manufacturer's root, or a CA below it (PEM or DER)",
    example: 'holdfast tpm roots add infineon-optiga-rsa infineon-optiga-rsa.crt',
    async run({ hub, print }, _options, name, file) {
      const body: TpmApi.EndorsementRootAdd = { name, certificate: certificateOf(file) }
      const added = await hub.endorsementRoot.add({ body })
      await print.result(added, [
        `${added.name} is trusted: ${added.subject}, until ${added.notAfter}`,
        `SHA-256 ${added.sha256}; compare it with what the manufacturer publishes`,
      ])
    },
  })

  leaf<[string], object>(roots, world, {
    usage: 'remove <name>',
    summary: 'trust a root no more; devices that were let in on its word stay until they register again',
    example: 'holdfast tpm roots remove infineon-optiga-rsa',
    async run({ hub, print }, _options, name) {
      const removed = await hub.endorsementRoot.remove({ path: { name } })
      await print.result(removed, [`${removed.name} is trusted no more`])
    },
  })
}

/** PEM as it stands, DER as base64. */
function certificateOf(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    throw wrongUse(`cannot read '${file}'; give the path of a certificate`)
  }
  return bytes[0] === 0x30 ? bytes.toString('base64') : bytes.toString('latin1')
}
