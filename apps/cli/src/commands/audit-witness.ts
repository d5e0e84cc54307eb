/** `holdfast audit witness …`: who cosigns the checkpoints of the log. */

import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'

export function addAuditWitnesses(audit: Command, world: World): void {
  const witness = group(
    audit,
    'witness',
    'witnesses of the log, on other machines: add, list, remove',
    'holdfast audit witness list',
  )

  leaf<
    [string],
    { readonly witness: string; readonly witnessKey: string; readonly witnessCa?: string; readonly private?: boolean }
  >(witness, world, {
    usage: 'add <name>',
    summary: 'have checkpoints cosigned by a witness from now on',
    example:
      'holdfast audit witness add vault --witness https://witness.example:8449 --witness-key witness.example+… --witness-ca ca.pem',
    notes: 'A witness prints its address, its key and the file of its root when it starts (holdfast witness --help).',
    options: [
      new Option('--witness <url>', 'its address').makeOptionMandatory(),
      new Option('--witness-key <vkey>', 'its key').makeOptionMandatory(),
      new Option('--witness-ca <file>', 'the root of its certificate; without it, the public ones count'),
      new Option('--private', "it has an address of the hub's own network"),
    ],
    async run({ hub, print }, options, name) {
      const added = await hub.witness.add({
        body: {
          name,
          url: options.witness,
          key: options.witnessKey.trim(),
          ...(options.witnessCa !== undefined && { ca: readText(options.witnessCa) }),
          ...(options.private === true && { allowPrivate: true }),
        },
      })
      await print.result(added, [`checkpoints go to the witness ${added.name} from now on`])
    },
  })

  leaf<[], object>(witness, world, {
    usage: 'list',
    summary: 'list the witnesses, with what they have cosigned and what waits for them',
    example: 'holdfast audit witness list',
    async run({ hub, print }) {
      await print.table(
        hub.witness.list.pages(),
        [
          ['NAME', (it) => it.name],
          ['STATE', (it) => it.state],
          ['COSIGNED', (it) => it.cosignedSize],
          ['LAST', (it) => it.cosignedTime],
          ['BEHIND', (it) => it.behind],
          ['URL', (it) => it.url],
          ['REASON', (it) => it.reason],
        ],
        'no witnesses: nobody but this hub vouches for the log',
      )
    },
  })

  leaf<[string], object>(witness, world, {
    usage: 'remove <name>',
    summary: 'send nothing more to a witness; what it has cosigned stays',
    example: 'holdfast audit witness remove vault',
    async run({ hub, print }, _options, name) {
      await hub.witness.remove({ path: { name } })
      await print.result({ name, removed: true }, [`nothing more goes to the witness ${name}`])
    },
  })
}
