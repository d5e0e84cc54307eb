/** `holdfast connection-policy …`: from where, by what and beside whom devices may connect. */

import type { MasqueradeApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { collected, group, leaf, type World } from '../command.ts'
import { wrongUse } from '../failure.ts'

const DEVICE = new Option('--device <id>', 'of this device alone, before what its model and the hub say')
const RESPONSES = ['watch', 'refuse-newcomer', 'quarantine']

interface DeviceOptions {
  readonly device?: string
}

interface SetOptions extends DeviceOptions {
  readonly network?: readonly string[]
  readonly transport?: readonly string[]
  readonly tlsFloor?: string
  readonly duplicates?: string
  readonly whenSuspected?: string
  readonly whenProven?: string
  readonly nonce?: string
}

export function addConnectionPolicy(program: Command, world: World): void {
  const policy = group(
    program,
    'connection-policy',
    'networks, transports, TLS, duplicates and copies: show, set, clear',
    'holdfast connection-policy set --tls-floor 1.3',
  )

  leaf<[], DeviceOptions>(policy, world, {
    usage: 'show',
    summary: 'show what was set, and what holds with it',
    example: 'holdfast connection-policy show --device pump-1',
    options: [DEVICE],
    async run({ hub, print }, { device }) {
      const shown =
        device === undefined
          ? await hub.connectionPolicy.show()
          : await hub.connectionPolicy.showDevice({ path: { id: device } })
      await print.result(shown, lines(shown, device))
    },
  })

  leaf<[], SetOptions>(policy, world, {
    usage: 'set',
    summary:
      'set the policy of the hub, or of a device, in place of the one before; connections are held to it at once',
    example: 'holdfast connection-policy set --device pump-1 --network 10.1.0.0/16 --transport mqtt --tls-floor 1.3',
    options: [
      DEVICE,
      new Option('--network <cidr>', 'an allowed network, repeatable').argParser(collected),
      new Option('--transport <name>', 'an allowed transport, repeatable: mqtt, mqtt-ws, https').argParser(collected),
      new Option('--tls-floor <version>', 'the oldest TLS').choices(['1.2', '1.3']),
      new Option('--duplicates <rule>', 'who stays when it connects twice').choices(['take-over', 'refuse-newcomer']),
      new Option('--when-suspected <response>', 'when facts make a copy likely').choices(RESPONSES),
      new Option('--when-proven <response>', 'when facts prove one').choices(RESPONSES),
      new Option('--nonce <rule>', 'the rolling nonce').choices(['off', 'offered', 'required']),
    ],
    notes: 'What is not given is as it stands farther: in the policy of the model, of the hub, or by default.',
    async run({ hub, print }, options) {
      const body = bodyOf(options)
      if (Object.keys(body).length === 0) throw wrongUse("give at least one rule; 'clear' takes a policy away")
      const shown =
        options.device === undefined
          ? await hub.connectionPolicy.set({ body })
          : await hub.connectionPolicy.setDevice({ path: { id: options.device }, body })
      await print.result(shown, lines(shown, options.device))
    },
  })

  leaf<[], DeviceOptions>(policy, world, {
    usage: 'clear',
    summary: 'take away what was set',
    example: 'holdfast connection-policy clear --device pump-1',
    options: [DEVICE],
    async run({ hub, print }, { device }) {
      if (device === undefined) await hub.connectionPolicy.clear()
      else await hub.connectionPolicy.clearDevice({ path: { id: device } })
      await print.result(device === undefined ? {} : { deviceId: device }, [
        `${subjectOf(device)} has no policy of its own`,
      ])
    },
  })
}

function bodyOf(options: SetOptions): MasqueradeApi.ConnectionPolicy {
  const { network, transport, tlsFloor, duplicates, whenSuspected, whenProven, nonce } = options
  return {
    ...(network !== undefined && { networks: [...network] }),
    ...(transport !== undefined && { transports: [...transport] }),
    ...(tlsFloor !== undefined && { tlsFloor }),
    ...(duplicates !== undefined && { duplicates }),
    ...(whenSuspected !== undefined && { whenSuspected }),
    ...(whenProven !== undefined && { whenProven }),
    ...(nonce !== undefined && { nonce }),
  }
}

function subjectOf(device: string | undefined): string {
  return device === undefined ? 'the hub' : `device ${device}`
}

function lines({ policy, effective }: MasqueradeApi.PolicyShown, device: string | undefined): readonly string[] {
  const own: ReadonlyMap<string, unknown> = new Map(Object.entries(policy ?? {}))
  const any = effective.networks === undefined ? [['networks', ['any']] as const] : []
  return [
    `what holds for ${subjectOf(device)} (* set here):`,
    ...[...any, ...Object.entries(effective)].map(
      ([name, value]) => `${own.has(name) ? '*' : ' '} ${name.padEnd(13)} ${[value].flat().join(', ')}`,
    ),
  ]
}
