/** `holdfast status` and `holdfast events`: how the hub is, and what happens in it. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { leaf, wholeNumber, type World } from '../command.ts'
import { plain } from '../plain-text.ts'
import { bytesText, durationText } from '../printer.ts'

const WATCH_MS = 1_000

export function addStatus(program: Command, world: World): void {
  leaf<[], { readonly watch?: boolean }>(program, world, {
    usage: 'status',
    summary: 'show how the hub is',
    example: 'holdfast status --watch',
    options: [new Option('--watch', 'again every second, until interrupted')],
    async run({ hub, print }, { watch }) {
      const redraws = watch === true && !print.isJson && world.stdout.isTTY === true
      let drawn = 0
      for (;;) {
        const status = await hub.hub.status()
        const lines = statusLines(status)
        if (redraws) {
          // In place: up to the first line of the last picture, then each line to its end, then what is below.
          const up = drawn === 0 ? '' : `\u001b[${drawn}A`
          world.stdout.write(
            `${up}${lines.map((line) => `${fitted(line, world.stdout.columns)}\u001b[K\n`).join('')}\u001b[J`,
          )
          drawn = lines.length
        } else {
          await print.result(status, watch === true ? [lines.join(' | ')] : lines)
        }
        if (watch !== true) return
        await sleep(WATCH_MS, undefined, { signal: world.interrupted }).catch(() => undefined)
        if (world.interrupted.aborted) return
      }
    },
  })

  leaf<[], { readonly follow?: boolean; readonly limit?: number }>(program, world, {
    usage: 'events',
    summary: 'show what happened lately: sessions, refusals, changes of identities and keys',
    example: 'holdfast events --follow',
    options: [
      new Option('--follow', 'go on with what comes, until interrupted'),
      new Option('--limit <n>', 'at most so many of the latest').argParser(wholeNumber(1)),
    ],
    async run({ hub, print }, { follow, limit }) {
      for await (const event of hub.event.read({ query: { follow, limit } })) {
        await print.item(event, () => eventLine(event))
      }
    },
  })
}

/** `2026-11-24T10:00:00.000Z session.refused device/pump-1 by address/10.0.0.7 reason=bad-signature` */
export function eventLine(event: Api.Event): string {
  const detail = Object.entries(event.detail).map(([name, value]) => `${name}=${String(value)}`)
  return [event.time, event.type, event.subject, `by ${event.actor}`, ...detail].join(' ')
}

export function statusLines(status: Api.Status): readonly string[] {
  const { devices, messages, refused, ports } = status
  return [
    `hub          ${status.hostname}, up ${durationText(status.uptimeSeconds)}, version ${status.version}, process ${status.pid}`,
    ...(status.conditions.length === 0
      ? ['state        well']
      : status.conditions.map((it) => `state        ${it.code}: ${it.detail}`)),
    // What asks for somebody's hand, but keeps nothing from working.
    ...status.notices.flatMap((it) => [`notice       ${it.code}: ${it.detail}`, `             → ${it.advice}`]),
    `id scope     ${status.idScope}`,
    `ports        MQTT ${ports.mqtt}, AMQP ${ports.amqp}, HTTPS ${ports.https}`,
    `certificate  until ${status.certificate.notAfter}`,
    ...(status.authority === undefined ? [] : [authorityLine(status.authority)]),
    ...(status.caFile === undefined ? [] : [`root         ${status.caFile}`]),
    `devices      ${status.connected} connected, ${devices.enabled} enabled of ${devices.total}`,
    `messages     ${messages.stored} stored, ${messages.perSecond.toFixed(1)} a second, ${bytesText(messages.bytesSealed)} sealed`,
    `refused      ${refused.total}, ${refused.perSecond.toFixed(1)} a second`,
    `throttled    ${throttledText(status.throttled)}`,
    `memory       ${bytesText(status.memory.residentBytes)}`,
    ...status.partitions.map(
      (it) =>
        `partition ${it.partition}  ${it.nextSequence - it.firstSequence} kept, next ${it.nextSequence}` +
        (it.lastEnqueuedTime === undefined ? '' : `, last at ${it.lastEnqueuedTime}`),
    ),
  ].map(plain)
}

function authorityLine({ issuingNotAfter, roots, rollover }: NonNullable<Api.Status['authority']>): string {
  const keys = roots.map(({ generation, key }) => `root ${generation} ${ROOT_KEYS[key]}`)
  const moves =
    rollover === undefined ? [] : [`rolling over to root ${rollover.generation}, ${SHOWN[rollover.serving]}`]
  return `authority    issues until ${issuingNotAfter}; ${[...keys, ...moves].join('; ')}`
}

const ROOT_KEYS = { machine: 'in the data folder', passphrase: 'in the data folder, sealed', away: 'kept elsewhere' }
const SHOWN = { old: 'old chain shown', crossed: 'new chain shown, cross-signed', new: 'new chain shown alone' }

function throttledText({ total, perSecond, operations }: Api.Status['throttled']): string {
  const parts = Object.entries(operations).map(([operation, count]) => `${operation} ${count}`)
  return `${total}, ${perSecond.toFixed(1)} a second${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`
}

function fitted(line: string, columns: number | undefined): string {
  return columns === undefined || line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`
}
