/** `holdfast doctor`: looks at the installation link by link, and names the first that fails. */

import type { Api } from '@holdfast/api'
import type { Command } from 'commander'
import { readText } from '../address.ts'
import { leaf, type Session, type World } from '../command.ts'
import { type Check, failed, ok } from '../doctor/check.ts'
import { checkAuthority, checkCertificate, checkClock, checkListener, checkNotices, checkStore } from '../doctor/hub.ts'
import { checkFolder, checkNode, checkPort, checkRoom } from '../doctor/machine.ts'
import { Failure } from '../failure.ts'

export function addDoctor(program: Command, world: World): void {
  leaf<[], object>(program, world, {
    usage: 'doctor',
    summary: 'check the installation link by link, and name the failing one',
    example: 'holdfast doctor',
    notes: 'Exits 1 when a link fails; warnings alone exit 0.',
    async run(session) {
      const checks = await examine(session)
      const bad = checks.filter((it) => it.verdict === 'failed')
      await session.print.result(
        { healthy: bad.length === 0, checks },
        checks.flatMap((it) => {
          const mark = it.verdict === 'ok' ? '✔' : it.verdict === 'warning' ? '!' : '✖'
          const line = `${mark} ${it.name.padEnd(16)} ${it.found}`
          return it.advice === '' ? [line] : [line, `  ${''.padEnd(16)} → ${it.advice}`]
        }),
      )
      const [first] = bad
      if (first !== undefined)
        throw new Failure(`${first.name}: ${first.found}; ${first.advice}`, { code: 'unhealthy' })
    },
  })
}

async function examine({ hub, world }: Session): Promise<readonly Check[]> {
  const checks: Check[] = [checkNode(process.versions.node)]
  const { address } = hub
  if (address.kind === 'local') {
    const folder = checkFolder(address.data, process.getuid?.())
    checks.push(...folder)
    if (folder.some((it) => it.name === 'data folder' && it.verdict === 'ok')) checks.push(checkRoom(address.data))
  }
  let status: Api.Status
  try {
    status = await hub.hub.status()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    checks.push(failed('hub', error.message, 'what hangs on it was not looked at'))
    // Why would it not start? The ports of the defaults are the usual reason.
    if (address.kind === 'local') for (const port of [8883, 5671, 443]) checks.push(await checkPort(port))
    return checks
  }
  checks.push(ok('hub', `${status.hostname} runs as process ${status.pid}, version ${status.version}`))
  checks.push(
    ...checkStore(status),
    ...checkNotices(status),
    checkClock(status, world.now()),
    checkCertificate(status, world.now()),
    ...checkAuthority(status, world.now()),
  )
  const host = address.kind === 'local' ? '127.0.0.1' : address.url.hostname
  // A path of the hub's machine says nothing here.
  const root = address.kind === 'remote' || status.caFile === undefined ? undefined : readRoot(status.caFile, checks)
  const authorities = address.kind === 'remote' ? address.authorities : root
  for (const [name, port] of [
    ['MQTT', status.ports.mqtt],
    ['AMQP', status.ports.amqp],
    ['HTTPS', status.ports.https],
  ] as const) {
    const listener = { host, port, hostname: status.hostname, ...(authorities !== undefined && { authorities }) }
    checks.push(await checkListener(name, listener))
  }
  return checks
}

/** The root that devices are given; a check of its own, for without it nobody gets in. */
function readRoot(file: string, checks: Check[]): string | undefined {
  try {
    const text = readText(file)
    checks.push(ok('root', `devices trust ${file}`))
    return text
  } catch (error) {
    checks.push(failed('root', error instanceof Error ? error.message : file, 'restore the file from a backup'))
    return undefined
  }
}
