/** What every command that talks to the hub has in common: how to find it, `--json`, an example, and one way to fail. */

import { type Command, InvalidArgumentError, Option } from 'commander'
import { type AddressOptions, DATA_DEFAULT, readAddress } from './address.ts'
import { connectHub, type HubClient } from './hub-client.ts'
import { type Output, Printer } from './printer.ts'

/** The world as the CLI sees it, handed in so that tests can stand in for it. */
export interface World {
  readonly stdout: Output
  readonly stderr: Output
  readonly environment: Readonly<Record<string, string | undefined>>
  now(): number
  /** Fires when the operator interrupts a command that follows. */
  readonly interrupted: AbortSignal
  /** Asks a yes-or-no question; undefined where there is nobody to ask. */
  confirm(question: string): Promise<boolean | undefined>
  /** Asks for a passphrase or PIN without showing it; undefined where there is nobody to ask. Whoever gets it zeroes it. */
  askSecret(question: string): Promise<Uint8Array | undefined>
}

export interface CommonOptions extends AddressOptions {
  readonly json?: boolean
}

/** What an action gets beside its arguments and options. */
export interface Session {
  readonly hub: HubClient
  readonly print: Printer
  readonly world: World
}

/**
 * Adds a command that talks to the hub.
 * @param usage as commander reads it, e.g. `create <id>`.
 * @param example the whole of a command line that works.
 */
export function leaf<A extends readonly unknown[], O extends object>(
  parent: Command,
  world: World,
  definition: {
    readonly usage: string
    readonly summary: string
    readonly example: string
    readonly options?: readonly Option[]
    readonly notes?: string
    /** Whether it asks before anybody is known. */
    readonly isAnonymous?: boolean
    run(session: Session, options: O & CommonOptions, ...args: A): Promise<void>
  },
): Command {
  const command = parent.command(definition.usage).description(definition.summary)
  for (const option of definition.options ?? []) command.addOption(option)
  command
    .addOption(new Option('--data <dir>', `data folder of a hub on this machine (default ${DATA_DEFAULT})`))
    .addOption(new Option('--url <url>', 'a hub elsewhere, e.g. https://hub.example'))
    .addOption(new Option('--token <token>', 'for --url, where you have not signed in; HOLDFAST_TOKEN is read too'))
    .addOption(new Option('--ca <file>', 'root certificate to trust for --url'))
    .addOption(new Option('--json', 'one JSON object, or one a line for lists'))
    .addHelpText(
      'after',
      `${definition.notes === undefined ? '' : `\n${definition.notes}\n`}\nExample:\n  $ ${definition.example}\n`,
    )
    .action(async (...given: unknown[]) => {
      // commander hands over the arguments, then the options, then the command itself.
      const options = given.at(-2) as O & CommonOptions
      const args = given.slice(0, -2) as unknown as A
      const hub = connectHub(readAddress(options, world.environment, definition.isAnonymous), world.interrupted)
      await definition.run({ hub, print: new Printer(world.stdout, options.json === true), world }, options, ...args)
    })
  return command
}

/** Adds a group of commands, with an example of one of them. */
export function group(parent: Command, name: string, summary: string, example: string): Command {
  return parent.command(name).description(summary).addHelpText('after', `\nExample:\n  $ ${example}\n`)
}

/** A whole number of at least `minimum`, for an option. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,15}$/.test(text) || value < minimum)
      throw new InvalidArgumentError(`It is a whole number of at least ${minimum}.`)
    return value
  }
}

/** For options that may be given more than once. */
export function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}
