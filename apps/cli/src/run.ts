/** One command line, from arguments to exit code. */

import { NameError } from '@holdfast/api'
import { type Command, CommanderError } from 'commander'
import type { World } from './command.ts'
import { Failure } from './failure.ts'
import { plain } from './plain-text.ts'
import { buildProgram } from './program.ts'

/** @returns 0 done, 1 refused or failed, 2 wrong use; a failure is told in one line on stderr. */
export async function run(args: readonly string[], world: World, version: string): Promise<0 | 1 | 2> {
  const program = buildProgram(world, version)
  try {
    await program.parseAsync([...args], { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0
      // A group without a command: commander has shown its help already.
      if (error.code === 'commander.help') return 2
      const help = [program.name(), ...deepest(program, args), '--help'].join(' ')
      tell(
        world,
        `${error.message
          .replace(/^error: /, '')
          .replace(/\.$/, '')
          .replaceAll('\n', ' ')}; see ${help}`,
      )
      return 2
    }
    if (error instanceof Failure) {
      tell(world, error.message)
      return error.exitCode
    }
    if (error instanceof NameError) {
      tell(world, error.message)
      return 2
    }
    tell(
      world,
      `this is a fault of ours, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    return 1
  }
}

function tell(world: World, message: string): void {
  world.stderr.write(`holdfast: ${plain(message)}\n`)
}

/** Names of the commands that the arguments begin with, to point at the right help. */
function deepest(program: Command, args: readonly string[]): readonly string[] {
  const names: string[] = []
  let at = program
  for (const arg of args) {
    const next = at.commands.find((command) => command.name() === arg)
    if (next === undefined) break
    names.push(arg)
    at = next
  }
  return names
}
