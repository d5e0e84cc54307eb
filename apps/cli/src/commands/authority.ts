/** `holdfast ca …`: customers' certificate authorities, each proved by its owner before it counts. */

import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { closedSessions } from '../printer.ts'
import { addHubRoot } from './hub-authority.ts'
import { addRollover } from './rollover.ts'
import { addRevocationList } from './revocation-list.ts'

export function addAuthority(program: Command, world: World): void {
  const ca = group(
    program,
    'ca',
    "customers' certificate authorities, with proof of possession",
    'holdfast ca add plant-root.pem',
  )

  leaf<[], object>(ca, world, {
    usage: 'list',
    summary: 'list the authorities',
    example: 'holdfast ca list',
    async run({ hub, print }) {
      await print.table(
        hub.authority.list.pages(),
        [
          ['AUTHORITY', (it) => it.name],
          ['STATE', (it) => it.state],
          ['UNTIL', (it) => it.notAfter],
          ['SUBJECT', (it) => it.subject],
          ['SHA-256', (it) => it.sha256],
        ],
        "no authorities yet; add one with 'holdfast ca add FILE'",
      )
    },
  })

  // `ca root` is a command and a group: options behind the name of a command are of that one, at each level.
  ca.enablePositionalOptions()
  addHubRoot(ca, world)
  addRollover(ca, world)

  leaf<[string], { readonly name?: string }>(ca, world, {
    usage: 'add <file>',
    summary: 'add the certificate of an authority (PEM); it counts once its owner has proved to hold the key',
    example: 'holdfast ca add plant-root.pem --name plant-root',
    options: [new Option('--name <name>', 'name here (default: that of the file)')],
    async run({ hub, print }, options, file) {
      const name = options.name ?? basename(file).replace(/\.(pem|crt|cer)$/i, '')
      const added = await hub.authority.create({ body: { name, certificate: readText(file) } })
      await print.result(added, [
        `added authority ${added.name} (${added.subject}), pending`,
        ...(added.nonce === undefined ? [] : proofSteps(added.name, added.nonce, file)),
      ])
    },
  })

  leaf<[string, string], object>(ca, world, {
    usage: 'verify <name> [file]',
    summary:
      'prove possession: a certificate with the nonce as common name, signed by the authority (default: standard input)',
    example: 'holdfast ca verify plant-root proof.pem',
    async run({ hub, print }, _options, name, file: string | undefined) {
      const certificate = readText(file ?? '-')
      const verified = await hub.authority.verify({ path: { name }, body: { certificate } })
      await print.result(verified, [`authority ${verified.name} is ${verified.state}`])
    },
  })

  leaf<[string], object>(ca, world, {
    usage: 'show <name>',
    summary: 'show one authority, with its nonce and how to prove possession while it is pending',
    example: 'holdfast ca show plant-root',
    async run({ hub, print }, _options, name) {
      for await (const page of hub.authority.list.pages()) {
        const found = page.find((it) => it.name === name)
        if (found === undefined) continue
        await print.result(found, [
          `authority  ${found.name}`,
          `state      ${found.state}`,
          `subject    ${found.subject}`,
          `SHA-256    ${found.sha256}`,
          `until      ${found.notAfter}`,
          ...(found.nonce === undefined ? [] : proofSteps(found.name, found.nonce, `${found.name}.pem`)),
        ])
        return
      }
      // The hub's words for a name it does not know.
      await hub.authority.show({ path: { name } })
    },
  })

  addRevocationList(ca, world)

  leaf<[string], object>(ca, world, {
    usage: 'remove <name>',
    summary: 'remove an authority, and close at once the sessions whose certificates it signed',
    example: 'holdfast ca remove plant-root',
    async run({ hub, print }, _options, name) {
      const changed = await hub.authority.delete({ path: { name } })
      await print.result(changed, [`authority ${name} is removed; ${closedSessions(changed)}`])
    },
  })
}

/** Ready to paste, but for the name of the authority's key file, which only its owner knows. */
function proofSteps(name: string, nonce: string, file: string): readonly string[] {
  return [
    `nonce: ${nonce}`,
    'Prove that you hold its key: sign a certificate with the nonce as common name (CA.key is the key of the authority)',
    `  openssl ecparam -name prime256v1 -genkey -noout -out proof.key`,
    `  openssl req -new -key proof.key -subj "/CN=${nonce}" -out proof.csr`,
    `  openssl x509 -req -in proof.csr -CA "${file}" -CAkey CA.key -CAcreateserial -days 1 -sha256 -out proof.pem`,
    `  holdfast ca verify ${name} proof.pem`,
  ]
}
