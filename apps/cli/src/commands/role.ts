/** `holdfast role …`: what whoever has a role may do, as policies that can be changed. */

import type { AccessApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { readText } from '../address.ts'
import { group, leaf, type World } from '../command.ts'
import { Failure } from '../failure.ts'

import { ORGANISATION } from './organisation.ts'

interface Whose {
  readonly organisation: string
}

export function addRole(program: Command, world: World): void {
  const role = group(
    program,
    'role',
    'roles, as policies in Cedar: list, show, versions, check, set, reset, remove',
    'holdfast role show operator',
  )

  leaf<[], Whose>(role, world, {
    usage: 'list',
    summary: 'list the roles of an organisation',
    example: 'holdfast role list',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }) {
      await print.table(
        hub.role.list.pages({ path: { organisation } }),
        [
          ['ROLE', (it) => it.name],
          ['VERSION', (it) => it.version],
          ['CHANGED', (it) => it.updatedTime],
          ['BY', (it) => it.updatedBy],
        ],
        'there are no roles',
      )
    },
  })

  leaf<[string], Whose & { readonly version?: string }>(role, world, {
    usage: 'show <role>',
    summary: 'print the policies of a role',
    example: 'holdfast role show operator > operator.cedar',
    options: [ORGANISATION, new Option('--version <number>', 'as it was then')],
    async run({ hub, print }, { organisation, version }, name) {
      if (version === undefined) {
        const shown = await hub.role.show({ path: { organisation, role: name } })
        await print.result(shown, shown.text.trimEnd().split('\n'))
        return
      }
      const versions = hub.role.versions.pages({ path: { organisation, role: name } })
      for await (const page of versions) {
        const found = page.find((one) => String(one.version) === version)
        if (found !== undefined) {
          await print.result(found, found.text.trimEnd().split('\n'))
          return
        }
      }
      throw new Failure(`the role ${name} has no version ${version} now; list them with 'holdfast role versions'`, {
        code: 'missing',
      })
    },
  })

  leaf<[string], Whose>(role, world, {
    usage: 'versions <role>',
    summary: 'list who changed a role and when, newest first',
    example: 'holdfast role versions operator',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      await print.table(
        hub.role.versions.pages({ path: { organisation, role: name } }),
        [
          ['VERSION', (it) => it.version],
          ['CHANGED', (it) => it.updatedTime],
          ['BY', (it) => it.updatedBy],
        ],
        'there are no versions',
      )
    },
  })

  leaf<[string, string], Whose>(role, world, {
    usage: 'check <role> <file>',
    summary: 'say what would be wrong with a text (- for standard input), and change nothing',
    example: 'holdfast role check operator operator.cedar',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name, file) {
      const found = await hub.role.check({ path: { organisation, role: name }, body: { text: readText(file) } })
      const lines = [
        ...found.faults.map((one) => placed('wrong', one)),
        ...found.warnings.map((one) => placed('odd', one)),
      ]
      await print.result(found, lines.length === 0 ? ['the text is right'] : lines)
      if (found.faults.length > 0)
        throw new Failure(`the text of ${name} is wrong; correct it and check again`, { code: 'bad-policy' })
    },
  })

  leaf<[string, string], Whose & { readonly etag?: string }>(role, world, {
    usage: 'set <role> <file>',
    summary: 'give a role its policies from a file (- for standard input); it holds at once',
    example: 'holdfast role set operator operator.cedar',
    notes:
      'Each policy of a role begins with principal in Role::"NAME". The role everybody can only forbid, and holds for all.\n' +
      'docs/authorization.md says what policies can speak of.',
    options: [ORGANISATION, new Option('--etag <etag>', 'only if it still has this one')],
    async run({ hub, print }, { organisation, etag }, name, file) {
      const at = { path: { organisation, role: name }, ifMatch: etag }
      const set = await hub.role.set({ ...at, body: { text: readText(file) } })
      await print.result(set, [
        `role ${set.name} is set (version ${set.version})`,
        ...set.warnings.map((one) => placed('odd', one)),
      ])
    },
  })

  leaf<[string], Whose>(role, world, {
    usage: 'reset <role>',
    summary: 'give a role the policies with which every organisation begins',
    example: 'holdfast role reset operator',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      const reset = await hub.role.reset({ path: { organisation, role: name } })
      await print.result(reset, [`role ${reset.name} is as at the beginning (version ${reset.version})`])
    },
  })

  leaf<[string], Whose>(role, world, {
    usage: 'remove <role>',
    summary: 'remove a role, and take it from everybody who has it',
    example: 'holdfast role remove pump-crew',
    options: [ORGANISATION],
    async run({ hub, print }, { organisation }, name) {
      await hub.role.remove({ path: { organisation, role: name } })
      await print.result({ role: name, removed: true }, [`role ${name} is removed`])
    },
  })
}

function placed(what: string, { line, column, message }: AccessApi.RoleCheck['faults'][number]): string {
  return `${what} at line ${line}, column ${column}: ${message}`
}
