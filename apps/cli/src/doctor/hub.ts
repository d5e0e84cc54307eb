/** What a running hub tells of itself, checked from outside where it can be. */

import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import type { Api } from '@holdfast/api'
import { durationText } from '../printer.ts'
import { type Check, failed, ok, warning } from './check.ts'

const HANDSHAKE_MS_MAX = 5_000
const DAY_MS = 86_400_000
/** A server certificate renews itself long before; this close to its end something keeps it from it. */
const CERTIFICATE_MS_WARN = 3 * DAY_MS
/** An issuing authority should have been renewed at two thirds of five years. */
const AUTHORITY_MS_WARN = 365 * DAY_MS
/** Civil time before this is no civil time: the machine started without a clock. */
const EARLIEST = Date.parse('2026-11-01T00:00:00Z')

export function checkStore(status: Api.Status): readonly Check[] {
  if (status.conditions.length === 0) return [ok('store', 'takes and keeps telemetry')]
  return status.conditions.map((it) =>
    failed('store', `${it.code}: ${it.detail}`, 'the hub goes on by itself once the cause is gone'),
  )
}

export function checkNotices(status: Api.Status): readonly Check[] {
  return status.notices.map((it) => warning(it.code, it.detail, it.advice))
}

export function checkClock(status: Api.Status, now: number): Check {
  if (now < EARLIEST)
    return failed(
      'clock',
      `the machine says ${new Date(now).toISOString()}`,
      'set the clock; tokens and certificates end by it',
    )
  const latest = status.partitions.map((it) => Date.parse(it.lastEnqueuedTime ?? '')).filter((it) => it > now + 5_000)
  if (latest.length > 0) {
    const by = durationText((Math.max(...latest) - now) / 1000)
    return failed(
      'clock',
      `messages are kept with times ${by} ahead of the clock`,
      'the clock went back: check its time source (chrony, systemd-timesyncd)',
    )
  }
  return ok('clock', new Date(now).toISOString())
}

export function checkCertificate(status: Api.Status, now: number): Check {
  const left = Date.parse(status.certificate.notAfter) - now
  const found = `valid until ${status.certificate.notAfter}`
  if (!(left > 0))
    return failed(
      'certificate',
      `ended at ${status.certificate.notAfter}`,
      'restart the hub, which issues a new one; then look into its events',
    )
  if (left < CERTIFICATE_MS_WARN)
    return warning('certificate', found, "it should have been renewed by now; see 'holdfast events'")
  return ok('certificate', found)
}

/** What issues to devices and to the listeners ends long after it should have been renewed; a roll-over wants an end. */
export function checkAuthority({ authority }: Api.Status, now: number): readonly Check[] {
  if (authority === undefined) return []
  const { issuingNotAfter, rollover } = authority
  const left = Date.parse(issuingNotAfter) - now
  const advice = "bring the root's key: holdfast ca root use FILE"
  const issuing = `issues until ${issuingNotAfter}`
  return [
    left <= 0
      ? failed('authority', `ended at ${issuingNotAfter}`, advice)
      : left < AUTHORITY_MS_WARN
        ? warning('authority', issuing, advice)
        : ok('authority', issuing),
    ...(rollover === undefined
      ? []
      : [
          warning(
            'rollover',
            `under way to root ${rollover.generation}`,
            "see how far it is: 'holdfast ca rollover status'; end it by finish or back",
          ),
        ]),
  ]
}

/** A real handshake: does the port speak TLS, for the hub's name, with the certificate the hub means to show? */
export async function checkListener(
  name: string,
  listener: { readonly host: string; readonly port: number; readonly hostname: string; readonly authorities?: string },
): Promise<Check> {
  if (listener.port === 0) return ok(name, 'not served')
  const title = `${name} port ${listener.port}`
  const outcome = await shake(listener)
  if (outcome.kind === 'failed') {
    const advice =
      outcome.code === 'ECONNREFUSED'
        ? 'nothing listens there: restart the hub'
        : 'see the events of the hub: holdfast events'
    return failed(title, `no TLS handshake: ${outcome.code}`, advice)
  }
  if (!namesOf(outcome.certificate).includes(listener.hostname.toLowerCase())) {
    return failed(
      title,
      `its certificate is not for ${listener.hostname}`,
      'start the hub with --hostname for every name that devices use',
    )
  }
  return ok(title, `${outcome.protocol}, certificate for ${namesOf(outcome.certificate).join(', ')}`)
}

type Outcome =
  | { readonly kind: 'shaken'; readonly protocol: string; readonly certificate: DetailedPeerCertificate }
  | { readonly kind: 'failed'; readonly code: string }

function shake(listener: {
  readonly host: string
  readonly port: number
  readonly hostname: string
  readonly authorities?: string
}): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect(
      {
        host: listener.host,
        port: listener.port,
        servername: listener.hostname,
        minVersion: 'TLSv1.2',
        // Nothing is sent: what the port shows is looked at, whoever signed it. Devices check the root themselves.
        rejectUnauthorized: listener.authorities !== undefined,
        ...(listener.authorities !== undefined && { ca: listener.authorities }),
      },
      () => {
        const certificate = socket.getPeerCertificate(true)
        resolve({ kind: 'shaken', protocol: socket.getProtocol() ?? 'TLS', certificate })
        socket.destroy()
      },
    )
    socket.setTimeout(HANDSHAKE_MS_MAX, () =>
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    )
    socket.on('error', (error: Error & { readonly code?: string }) =>
      resolve({ kind: 'failed', code: error.code ?? error.message }),
    )
    socket.on('close', () => resolve({ kind: 'failed', code: 'closed' }))
  })
}

function namesOf(certificate: DetailedPeerCertificate): readonly string[] {
  return (certificate.subjectaltname ?? '')
    .split(', ')
    .filter((it) => it.startsWith('DNS:') || it.startsWith('IP Address:'))
    .map((it) => it.slice(it.indexOf(':') + 1).toLowerCase())
}
