/** The hub at a glance, as lines of text for a terminal. Pure: the same facts give the same lines. */

import type { Api } from '@holdfast/api'

/** Events shown at most; more would push what to do next off a small terminal. */
export const EVENTS_SHOWN_MAX = 6
const COLUMNS_MIN = 40

export interface ViewHints {
  /** Data folder as the operator must name it, when it is not the default one. */
  readonly data?: string
}

/** What the operator sees of one hub. */
export function renderStatus(
  status: Api.Status,
  recentEvents: readonly Api.Event[],
  columns: number,
  hints: ViewHints = {},
): string[] {
  const { devices, messages, refused, ports } = status
  const listens = [
    `MQTT ${ports.mqtt}`,
    ...(ports.amqp === 0 ? [] : [`AMQP ${ports.amqp}`]),
    `HTTPS ${ports.https}`,
    `id scope ${status.idScope}`,
  ]
  const lines = [
    `Holdfast ${status.version} on ${status.hostname}, up ${durationText(status.uptimeSeconds)}`,
    listens.join(' · '),
    '',
    ...status.conditions.map((it) => `! ${it.code}: ${it.detail}`),
    pair(
      'connected',
      `${status.connected} of ${count(devices.enabled)} devices`,
      'stored',
      `${count(messages.stored)} messages`,
    ),
    pair('messages', `${rate(messages.perSecond)} a second`, 'sealed', bytesText(messages.bytesSealed)),
    pair(
      'refused',
      `${count(refused.total)}, ${rate(refused.perSecond)} a second`,
      'memory',
      bytesText(status.memory.residentBytes),
    ),
    ...partitionLines(status, columns),
    '',
    'Latest events',
    ...(recentEvents.length === 0
      ? ['  none yet']
      : recentEvents.slice(-EVENTS_SHOWN_MAX).map((it) => `  ${eventText(it)}`)),
    '',
    ...hintLines(hints),
  ]
  const width = Math.max(COLUMNS_MIN, columns)
  return lines.map((line) => fitted(plain(line), width))
}

/** What to do next. */
export function hintLines(hints: ViewHints): readonly string[] {
  const data = hints.data === undefined ? '' : ` --data ${hints.data}`
  return [
    'Connect your own device, read what devices say, enrol yourself with a passkey',
    // A line each: it fits 80 columns, and is copied whole.
    `  ./holdfast device create my-device${data}`,
    `  ./holdfast device connection-string my-device${data}`,
    `  ./holdfast messages read --follow${data}`,
    `  ./holdfast operator link${data}`,
    'Stop: Ctrl-C. Starting again goes on with the same devices, keys and messages.',
  ]
}

/** The same in one line, for a log. */
export function renderLine(status: Api.Status): string {
  const { messages, refused } = status
  return plain(
    [
      `connected ${status.connected}`,
      `stored ${messages.stored}`,
      `messages/s ${rate(messages.perSecond)}`,
      `sealed ${bytesText(messages.bytesSealed)}`,
      `refused ${refused.total}`,
      ...status.conditions.map((it) => `condition ${it.code}`),
    ].join(', '),
  )
}

function pair(name: string, value: string, otherName: string, otherValue: string): string {
  return `${name.padEnd(11)}${value.padEnd(26)}${otherName.padEnd(9)}${otherValue}`
}

/** `partitions 0: 100 · 1: 150`, on as many lines as it takes. */
function partitionLines(status: Api.Status, columns: number): readonly string[] {
  const lines: string[] = []
  let line = 'partitions'
  for (const it of status.partitions) {
    const cell = ` ${it.partition}: ${count(it.nextSequence - it.firstSequence)} kept`
    if (line.length + cell.length > columns) {
      lines.push(line)
      line = ''.padEnd('partitions'.length)
    }
    line += cell
  }
  return [...lines, line]
}

/** `12:00:01 session.refused device/demo-intruder reason=bad-signature` */
function eventText(event: Api.Event): string {
  const detail = Object.entries(event.detail).map(([name, value]) => `${name}=${String(value)}`)
  return [event.time.slice(11, 19), event.type, event.subject, ...detail].join(' ')
}

/** Names in events may be a peer's choice: nothing in them may steer the terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?')
}

function fitted(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`
}

function rate(perSecond: number): string {
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1)
}

/** `1,234,567` */
function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

function durationText(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3_600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const
  const said = parts.filter(([value]) => value > 0).slice(0, 2)
  return said.length === 0 ? '0 s' : said.map(([value, unit]) => `${value} ${unit}`).join(' ')
}
