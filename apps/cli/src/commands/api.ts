/** `holdfast api …`: what the API of this version is, as documents. No hub is asked. */

import { ALL_OPERATIONS, openApiDocument, PROBLEMS, problemsPage } from '@holdfast/api'
import { SESSION_COOKIE } from '@holdfast/operators'
import { type Command, Option } from 'commander'
import { group, type World } from '../command.ts'

export function addApi(program: Command, world: World, version: string): void {
  const api = group(program, 'api', 'the API as documents: OpenAPI, refusals', 'holdfast api openapi > openapi.json')

  page(
    api,
    'openapi',
    'print the OpenAPI 3.1 document of /api/v1; a hub serves its own at /api/v1/openapi.json',
  ).action(() => {
    const document = openApiDocument(ALL_OPERATIONS, { version, sessionCookie: SESSION_COOKIE })
    world.stdout.write(`${JSON.stringify(document, null, 2)}\n`)
  })

  page(api, 'problems', 'print what the codes of refusals mean').action(({ json }: { readonly json?: boolean }) => {
    world.stdout.write(json === true ? `${JSON.stringify(PROBLEMS)}\n` : problemsPage())
  })
}

function page(api: Command, name: string, summary: string): Command {
  return api
    .command(name)
    .description(summary)
    .addOption(new Option('--json', 'as JSON, where it is not already'))
    .addHelpText('after', `\nExample:\n  $ holdfast api ${name}\n`)
}
