/** One command line of `holdfast fleet`, from arguments to exit code. */

import { type Command, CommanderError, InvalidArgumentError } from 'commander'
import { HubError } from './hub-api.ts'
import { buildProgram, type World } from './program.ts'

/** @returns 0 done, 1 refused or failed, 2 wrong use; a failure is one line on stderr. */
export async function run(args: readonly string[], world: World): Promise<0 | 1 | 2> {
  const program = buildProgram(world)
  for (const command of [program, ...program.commands]) quiet(command, world)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      if (error.code !== 'commander.help') {
        tell(world, `${error.message.replace(/^error: /, '')}; see holdfast fleet --help`)
      }
      return 2
    }
    if (error instanceof InvalidArgumentError) {
      tell(world, error.message)
      return 2
    }
    if (error instanceof HubError || error instanceof Error) tell(world, error.message)
    else tell(world, String(error))
    return 1
  }
}

function quiet(command: Command, world: World): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => void world.stdout.write(text),
    writeErr: (text) => void world.stderr.write(text),
    outputError: () => undefined,
  })
}

function tell(world: World, message: string): void {
  world.stderr.write(`holdfast: ${message.replace(/\s+/g, ' ').trim()}\n`)
}
