/** How the hub is, as `status` and the view show it. */

import type { Api } from '@holdfast/api'
import { type Clock, formatTimestamp } from '@holdfast/base'
import type { Registry } from '@holdfast/identity'
import type { TelemetryReader } from '@holdfast/messaging'
import { VERSION } from '../version.ts'
import type { Conditions } from './conditions.ts'
import type { HubAuthority } from './hub-authority.ts'
import type { Notices } from './notices.ts'
import type { ListenerCertificate } from './listener-certificate.ts'
import type { Ports } from './ports.ts'
import type { Statistics } from './statistics.ts'

const ROOT_KEY_NEEDED = {
  code: 'root-key-needed',
  detail: "the issuing authority is due for renewal: bring the root's key, holdfast ca root use FILE",
}

export interface StatusSources {
  readonly clock: Clock
  readonly hostName: string
  readonly idScope: string
  readonly ports: Ports
  readonly registry: Registry
  readonly reader: Pick<TelemetryReader, 'partitions'>
  readonly conditions: Conditions
  readonly notices: Notices
  readonly authority: HubAuthority
  readonly certificate: ListenerCertificate
  readonly statistics: Statistics
  readonly connected: () => number
}

/** To be called once, at the start: the hub is up since then. */
export function hubStatus(sources: StatusSources): () => Promise<Api.Status> {
  const { clock, hostName, idScope, ports, registry, reader, conditions, authority, certificate, statistics } = sources
  const startedAt = clock.monotonic()
  return async () => {
    const [devices, states] = await Promise.all([registry.countDevices(), reader.partitions()])
    return {
      hostname: hostName,
      idScope,
      version: VERSION,
      pid: process.pid,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      conditions: [...conditions.list(), ...(authority.isRootKeyNeeded ? [ROOT_KEY_NEEDED] : [])],
      notices: [...sources.notices.list()],
      connected: sources.connected(),
      devices,
      messages: {
        stored: statistics.stored,
        perSecond: statistics.messagesPerSecond,
        bytesSealed: statistics.progress.plainBytes,
      },
      refused: statistics.refused,
      throttled: statistics.throttled,
      partitions: states.map(({ partition, firstSequence, nextSequence, lastEnqueued }) => ({
        partition,
        firstSequence,
        nextSequence,
        ...(lastEnqueued === undefined ? {} : { lastEnqueuedTime: formatTimestamp(lastEnqueued) }),
      })),
      ports: { mqtt: ports.mqttPort, amqp: ports.amqpPort, https: ports.httpsPort },
      memory: { residentBytes: process.memoryUsage.rss() },
      certificate: certificate.shown,
      authority: authorityStatus(authority),
      caFile: authority.rootFile,
    }
  }
}

function authorityStatus(authority: HubAuthority): NonNullable<Api.Status['authority']> {
  const { rollover } = authority
  return {
    issuingNotAfter: formatTimestamp(authority.issuing.certificate.notAfter),
    roots: authority.rootsShown.map(({ generation, place }) => ({ generation, key: place })),
    ...(rollover === undefined ? {} : { rollover: { generation: rollover.generation, serving: rollover.serving } }),
  }
}
