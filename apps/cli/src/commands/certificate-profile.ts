/** `holdfast certificate profile …`: what certificates for devices may be. */

import type { CertificateApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

import { durationText } from '../printer.ts'
import { readSeconds } from '../time.ts'

interface SetOptions {
  readonly keys?: string
  readonly lifetime?: string
  readonly grace?: string
  readonly overlap?: string
  readonly server?: boolean
  readonly domain?: string
  readonly open?: boolean
  readonly replaceKeys?: boolean
}

const KEY_KINDS = ['P-256', 'P-384', 'P-521', 'ed25519', 'rsa'] as const

export function addCertificateProfile(certificate: Command, world: World): void {
  const profile = group(
    certificate,
    'profile',
    'what certificates for devices may be: keys, lifetime, grace, names',
    'holdfast certificate profile set gateway --server --domain plant.example',
  )

  leaf<[], object>(profile, world, {
    usage: 'list',
    summary: 'list the profiles',
    example: 'holdfast certificate profile list',
    async run({ hub, print }) {
      await print.table(
        hub.certificateProfile.list.pages(),
        [
          ['PROFILE', (it) => it.name],
          ['KEYS', (it) => it.keyKinds.join(',')],
          ['LIFETIME', (it) => durationText(it.lifetimeSeconds)],
          ['GRACE', (it) => durationText(it.graceSeconds)],
          ['OPEN', (it) => (it.isOpen ? 'yes' : 'no')],
        ],
        'there are none',
      )
    },
  })

  leaf<[string], object>(profile, world, {
    usage: 'show <name>',
    summary: 'show one profile',
    example: 'holdfast certificate profile show device',
    async run({ hub, print }, _options, name) {
      const found = await hub.certificateProfile.show({ path: { name } })
      await print.result(found, profileLines(found))
    },
  })

  leaf<[string], SetOptions>(profile, world, {
    usage: 'set <name>',
    summary: 'make a profile, or change it: what is not named stays; certificates that were issued stay as they are',
    example: 'holdfast certificate profile set device --lifetime 30d --grace 60d --keys P-256,P-384',
    options: [
      new Option('--keys <kinds>', `kinds of keys, with commas: ${KEY_KINDS.join(', ')}`),
      new Option('--lifetime <time>', 'from issue to end, such as 90d'),
      new Option('--grace <time>', 'how long after its end one may still renew itself, such as 30d'),
      new Option('--overlap <time>', 'how long a session outlives the first sight of the successor, such as 1h'),
      new Option('--server', 'for TLS servers too'),
      new Option('--no-server', 'for TLS clients alone'),
      new Option('--domain <name>', "put the device's id with this behind it among the alternative names; '' for none"),
      new Option('--open', 'devices may choose it, as a label of the address of EST'),
      new Option('--no-open', 'it is chosen for them'),
      new Option('--replace-keys', 'devices with keys or a thumbprint may leave them for a certificate'),
      new Option('--no-replace-keys', 'they may not'),
    ],
    async run({ hub, print }, options, name) {
      const changed = await hub.certificateProfile.set({ path: { name }, body: changeOf(options) })
      await print.result(changed, profileLines(changed))
    },
  })

  leaf<[string], object>(profile, world, {
    usage: 'remove <name>',
    summary: 'remove a profile; renewals of its certificates go by that of their device, or by `device`',
    example: 'holdfast certificate profile remove gateway',
    async run({ hub, print }, _options, name) {
      await hub.certificateProfile.delete({ path: { name } })
      await print.result({ removed: name }, [`profile ${name} is removed`])
    },
  })

  leaf<[string | undefined], { readonly device?: string; readonly module?: string; readonly none?: boolean }>(
    profile,
    world,
    {
      usage: 'choose [name]',
      summary: 'choose a profile for a device or module, or with --none take the choice away',
      example: 'holdfast certificate profile choose gateway --device gw-7',
      options: [
        new Option('--device <id>', 'for this device'),
        new Option('--module <id>', 'for this module of it'),
        new Option('--none', 'no choice: `device`, or what the enrolment names'),
      ],
      async run({ hub, print }, { device, module, none }, name) {
        if (device === undefined) throw wrongUse('choose needs --device ID')
        if ((name === undefined) !== (none === true)) throw wrongUse('choose takes the name of a profile, or --none')
        const body = { profile: name ?? '' }
        const choice =
          module === undefined
            ? await hub.certificate.chooseForDevice({ path: { id: device }, body })
            : await hub.certificate.chooseForModule({ path: { id: device, module }, body })
        const who = module === undefined ? device : `${device}/${module}`
        await print.result(choice, [`certificates of ${who} are issued by the profile ${choice.profile}`])
      },
    },
  )
}

function changeOf(options: SetOptions): CertificateApi.ProfileChange {
  const { keys, lifetime, grace, overlap, server, domain, open, replaceKeys } = options
  const change: CertificateApi.ProfileChange = {
    ...(keys === undefined ? {} : { keyKinds: keyKindsOf(keys) }),
    ...(lifetime === undefined ? {} : { lifetimeSeconds: readSeconds(lifetime) }),
    ...(grace === undefined ? {} : { graceSeconds: readSeconds(grace) }),
    ...(overlap === undefined ? {} : { overlapSeconds: readSeconds(overlap) }),
    ...(server === undefined ? {} : { isServer: server }),
    ...(domain === undefined ? {} : { domain }),
    ...(open === undefined ? {} : { isOpen: open }),
    ...(replaceKeys === undefined ? {} : { mayReplaceKeys: replaceKeys }),
  }
  return change
}

function keyKindsOf(text: string): NonNullable<CertificateApi.ProfileChange['keyKinds']> {
  return text.split(',').map((one) => {
    const kind = KEY_KINDS.find((known) => known.toLowerCase() === one.trim().toLowerCase())
    if (kind === undefined) throw wrongUse(`'${one}' is no kind of key; there are ${KEY_KINDS.join(', ')}`)
    return kind
  })
}

function profileLines(profile: CertificateApi.Profile): readonly string[] {
  return [
    `profile   ${profile.name}${profile.isOpen ? ', open to devices' : ''}`,
    `keys      ${profile.keyKinds.join(', ')}`,
    `lifetime  ${durationText(profile.lifetimeSeconds)}, and ${durationText(profile.graceSeconds)} of grace`,
    `overlap   ${durationText(profile.overlapSeconds)}`,
    `for       TLS clients${profile.isServer ? ' and servers' : ''}`,
    `names     ${profile.domain === undefined ? 'the id alone' : `the id, and ID.${profile.domain}`}`,
    `keys that devices have ${profile.mayReplaceKeys ? 'may be left for it' : 'stay what they are'}`,
  ]
}
