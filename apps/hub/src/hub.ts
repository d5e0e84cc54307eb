/** The hub: opens what lasts, starts the threads, and joins them. Everything it decides stands in `domain/`. */

import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import type { Api } from '@holdfast/api'
import { type SecurityEvent } from '@holdfast/audit'
import { FEEDBACK_CONTENT_TYPE } from '@holdfast/commands'
import { formatTimestamp, type Timestamp, timestampOf } from '@holdfast/base'
import { Authenticator, Authorities, type Cut, FailureThrottle, Policies, Registry } from '@holdfast/identity'
import { type KeyRing, openKeyFolder, openKeys } from '@holdfast/keys'
import { type LocalSocket, listenLocally, webHandler } from '@holdfast/node'
import { systemClock } from '@holdfast/node/clock'
import { pkiRules, Provisioning, registryDirectory } from '@holdfast/provisioning'
import { createLog, eventLog, type Log } from '@holdfast/telemetry'
import { Twins } from '@holdfast/twins'
import type { Metrics } from '@holdfast/telemetry/metrics'
import { AmqpOffice } from './amqp/amqp-office.ts'
import { ConsumerGroups } from './amqp/consumer-groups.ts'
import { DataKeys } from './core/data-keys.ts'
import { CommandService } from './core/command-service.ts'
import { DeviceMethods } from './core/device-methods.ts'
import { DeviceTwins } from './core/device-twins.ts'
import { Desk } from './core/desk.ts'
import type { DeviceHandlers } from './core/device-handlers.ts'
import { EventLog } from './core/event-log.ts'
import { Fronts } from './core/fronts.ts'
import { HubAuthority } from './core/hub-authority.ts'
import { choosePorts } from './core/ports.ts'
import { ListenerCertificate } from './core/listener-certificate.ts'
import { Presence } from './core/presence.ts'
import { NO_PROGRESS, Statistics } from './core/statistics.ts'
import { Storage } from './core/storage.ts'
import { Throttling } from './core/throttling.ts'
import { TelemetryInlet } from './core/telemetry-inlet.ts'
import { NOTIFICATION_CONTENT_TYPE, UploadService } from './core/upload-service.ts'
import { DataFolder } from './data-folder.ts'
import { hubApplication } from './http/application.ts'
import { mqttProvisioning } from './http/provisioning/index.ts'
import type { Settings } from './settings.ts'
import type { Threads } from './threads.ts'
import { VERSION } from './version.ts'
import { eventHubName } from './amqp/event-hub-name.ts'

export interface HubOptions {
  readonly settings: Settings
  /** Where finished log lines go. */
  readonly writeLog: (line: string) => void
  readonly threads: Threads
}

/** What the `ready` line says. */
export interface Ready {
  readonly hostname: string
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  readonly caFile: string
  readonly idScope: string
  readonly pid: number
}

const SOCKET = 'hub.sock'
const ROOT_KEY_NEEDED = {
  code: 'root-key-needed',
  detail: "the issuing authority is due for renewal: put the root's key back into ca/ and start the hub again",
}
const UPKEEP_MS = 60_000
const SAMPLE_MS = 1_000
const random = (bytes: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(bytes))

export class Hub {
  readonly ready: Ready
  readonly #parts: Parts
  readonly #timers: readonly NodeJS.Timeout[]
  #isUpkeepUnderWay = false
  #stopping: Promise<void> | undefined

  private constructor(parts: Parts) {
    this.#parts = parts
    const { settings, ports } = parts
    this.ready = {
      hostname: settings.hostnames[0],
      ...ports,
      caFile: parts.caFile,
      idScope: parts.idScope,
      pid: process.pid,
    }
    this.#timers = [
      setInterval(() => void this.#sample(), SAMPLE_MS),
      setInterval(() => void this.#upkeep(), UPKEEP_MS),
    ]
  }

  /**
   * Resolves when every listener accepts connections.
   * @throws DataFolderError, KeyError, HubCertificateError, PortError, RemoteError of a store: each says what to do.
   */
  static async start(options: HubOptions): Promise<Hub> {
    const folder = DataFolder.open(options.settings.data)
    try {
      return new Hub(await assemble(folder, options))
    } catch (error) {
      folder.close()
      throw error
    }
  }

  get log(): Log {
    return this.#parts.log
  }

  status(): Promise<Api.Status> {
    return this.#parts.status()
  }

  /** The newest events, oldest of them first. */
  recentEvents(limit: number): readonly SecurityEvent[] {
    return this.#parts.events.recent(limit)
  }

  /** Stops accepting, has what was taken committed and acknowledged, closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const {
      fronts,
      amqp,
      files,
      inlet,
      desk,
      methods,
      messages,
      presence,
      provisioning,
      socket,
      storage,
      ring,
      folder,
      events,
    } = this.#parts
    for (const timer of this.#timers) clearInterval(timer)
    await fronts.stopListening()
    methods.end()
    messages.end()
    files.end()
    fronts.broadcast({ kind: 'shutdown' })
    amqp.shutdown()
    await drained(() => desk.connected, DRAIN_MS)
    desk.end()
    provisioning.sweep()
    events.flush()
    await socket.close()
    inlet.flush()
    await presence.end()
    await fronts.end()
    await storage.close()
    events.sink({ type: 'hub.stopped', at: systemClock.wall(), subject: 'hub', actor: 'hub', detail: {} })
    ring.close()
    folder.close()
  }

  async #sample(): Promise<void> {
    const { statistics, fronts, inlet, provisioning, events, log } = this.#parts
    try {
      statistics.sample([...(await fronts.statistics()), inlet.statistics()])
      events.flush()
      provisioning.sweep()
    } catch (error) {
      if (this.#stopping === undefined) log.error('statistics failed', { error })
    }
  }

  async #upkeep(): Promise<void> {
    if (this.#isUpkeepUnderWay) return
    this.#isUpkeepUnderWay = true
    const { certificate, dataKeys, storage, log } = this.#parts
    try {
      await dataKeys.rotateIfDue()
      await certificate.renewIfDue()
      for (let isDone = false; !isDone && this.#stopping === undefined; ) ({ isDone } = await storage.state.reseal())
    } catch (error) {
      // A renewal that fails is tried again in a minute and never stops the data path.
      if (this.#stopping === undefined) log.error('upkeep failed', { error })
    } finally {
      this.#isUpkeepUnderWay = false
    }
  }
}

/** How long a stop waits for the fronts to close their connections, in milliseconds; the whole has five seconds. */
const DRAIN_MS = 3_500

interface Parts {
  readonly settings: Settings
  readonly folder: DataFolder
  readonly log: Log
  readonly events: EventLog
  readonly ring: KeyRing
  readonly storage: Storage
  readonly fronts: Fronts
  readonly amqp: AmqpOffice
  readonly inlet: TelemetryInlet
  readonly files: UploadService
  readonly desk: Desk
  readonly methods: DeviceMethods
  readonly messages: CommandService
  readonly presence: Presence
  readonly provisioning: Provisioning
  readonly socket: LocalSocket
  readonly statistics: Statistics
  readonly dataKeys: DataKeys
  readonly certificate: ListenerCertificate
  /** Path of the root's certificate, which clients must trust. */
  readonly caFile: string
  readonly ports: { readonly mqttPort: number; readonly amqpPort: number; readonly httpsPort: number }
  readonly idScope: string
  readonly status: () => Promise<Api.Status>
}

async function assemble(folder: DataFolder, { settings, writeLog, threads }: HubOptions): Promise<Parts> {
  const clock = systemClock
  const startedAt = clock.monotonic()
  const log = createLog({ format: settings.logFormat, level: settings.logLevel, write: writeLog })
  const events = new EventLog(eventLog(log), clock)
  const fault = (error: unknown): void => log.error('internal fault', { error })
  const ports = await choosePorts({ ...settings, address: settings.listen })

  const environment = { clock, random, mayCreate: !Storage.isThere(folder) }
  const { ring } = await openKeys(await openKeyFolder(folder.at('keys')), environment)
  const authority = await HubAuthority.open({
    folder: await openKeyFolder(folder.at('ca')),
    ring,
    clock,
    random,
    events: events.sink,
    hostNames: settings.hostnames,
  })

  const certificate: ListenerCertificate = new ListenerCertificate({
    authority,
    clock,
    random,
    toListeners: (material) => fronts.renew(material),
  })

  const conditions = new Map<string, string>()
  const followers = new Set<() => void>()
  const statistics: Statistics = new Statistics({
    monotonic: () => clock.monotonic(),
    connected: () => desk.connected,
    desk: () => desk.counters,
    throttling: () => throttling,
    methods: () => methods,
  })
  const condition = (code: string, detail: string | undefined): void => {
    if (detail === undefined ? !conditions.delete(code) : conditions.get(code) === detail) return
    if (detail !== undefined) conditions.set(code, detail)
    events.sink({
      type: detail === undefined ? 'store.available' : 'store.unavailable',
      at: clock.wall(),
      subject: `store/${code}`,
      actor: 'hub',
      detail: detail === undefined ? {} : { detail },
    })
  }
  const { storage, partitions } = await Storage.open({
    folder,
    threads,
    partitions: settings.partitions,
    stateKeys: {
      current: ring.current('state').epoch,
      keys: ring.usable('state').map(({ epoch, bytes }) => ({ epoch, bytes: bytes.slice() })),
    },
    telemetryKeys: ring.usable('telemetry').map(({ epoch, bytes }) => ({ epoch, key: bytes.slice() })),
    retention: { ageMs: Math.round(settings.retentionMs), bytesMax: settings.retentionBytes },
    regroupAgeMs: settings.regroupAgeMs,
    onProgress: (progress) => {
      statistics.progressed(progress)
      condition('log', progress.unavailable)
      for (const follower of followers) follower()
    },
    onHistory: (event) => {
      if (event.kind === 'blocked') {
        const [first] = event.blocked
        condition('history', event.unavailable ?? (first === undefined ? undefined : JSON.stringify(first)))
      } else if (event.kind === 'dropped') {
        const { partition, reason, messages } = event.dropped
        const detail = { reason, messages }
        events.sink({
          type: 'telemetry.retired',
          at: clock.wall(),
          subject: `partition/${partition}`,
          actor: 'hub',
          detail,
        })
      }
    },
  })
  const { state, history } = storage
  const { partitions: ends } = await storage.log.statistics()
  statistics.progressed({ ...NO_PROGRESS, nextSequences: ends.map(({ nextSequence }) => nextSequence) })

  const shared = { clock, random, events: events.sink, hostNames: settings.hostnames }
  const registry = new Registry({ ...shared, store: state })
  const policies = await Policies.open({ ...shared, store: state })
  const authorities = await Authorities.open({ ...shared, store: state })
  const twins = new Twins({
    store: state,
    clock,
    random,
    events: events.frequent,
    desiredChanged: (change) => deviceTwins.desiredChanged(change),
  })
  const idScope = await readIdScope(state)
  const provisioning = new Provisioning({
    ...shared,
    idScope,
    store: state,
    devices: {
      ...registryDirectory(registry, (cuts) => desk.cutOff(cuts)),
      writeTwin: async (deviceId, initial) => {
        await twins.reset({ deviceId }, initial, 'hub')
      },
    },
    certificates: pkiRules(),
    throttle: new FailureThrottle(),
  })
  const failed = (error: unknown, request: { readonly method: string; readonly path: string }): void =>
    log.error('request failed', { error, ...request })
  const handlers: DeviceHandlers[] = []
  const authenticator = new Authenticator({ ...shared, registry, policies, authorities })
  const desk = new Desk({
    authenticator,
    provisioning,
    answerProvisioning: mqttProvisioning(provisioning, { clock, random, failed }),
    sessions: state,
    clock,
    events: events.throttled,
    toFront: (front, message) => fronts.send(front, message),
    handlers,
    fault,
  })

  const throttling: Throttling = new Throttling({ clock, events: events.throttled, limits: settings.limits })
  const methods: DeviceMethods = new DeviceMethods({
    clock,
    random,
    events: events.frequent,
    publish: (key, publication) => desk.publish(key, publication),
  })
  const presence = new Presence({ store: state, clock, fault })
  const deviceTwins = new DeviceTwins({
    twins,
    clock,
    random,
    publish: (key, publication) => desk.publish(key, publication),
    throttling,
    fault,
  })
  const messages = new CommandService({
    store: state,
    clock,
    random,
    events: events.frequent,
    publish: (key, publication) => desk.publish(key, publication),
    fault,
  })
  handlers.push(presence, methods, deviceTwins, messages.devices)

  const files = await UploadService.open({
    store: state,
    folder: folder.at('blobs'),
    registry,
    clock,
    random,
    events: events.throttled,
    limits: settings.uploads,
    fault,
  })
  const inlet = new TelemetryInlet({ log: threads.telemetry, partitions, clock, random })
  const dataKeys = new DataKeys({
    ring,
    clock,
    events: events.sink,
    telemetryKeyMs: settings.telemetryKeyMs,
    toReaders: (keys) => history.setKeys(keys),
    toFronts: ({ epoch, key }) => {
      inlet.useKey(epoch, key)
      fronts.broadcast({ kind: 'data-key', epoch, key })
    },
    toState: (keys) =>
      state.replaceKeys({
        current: ring.current('state').epoch,
        keys: keys.map(({ epoch, key }) => ({ epoch, bytes: key })),
      }),
    forget: async (epoch) => (await history.dropEpoch(epoch)).messages,
  })

  const hostName = settings.hostnames[0]
  const status = async (): Promise<Api.Status> => {
    const [devices, states] = await Promise.all([registry.countDevices(), history.partitions()])
    return {
      hostname: hostName,
      idScope,
      version: VERSION,
      pid: process.pid,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      conditions: [
        ...[...conditions].map(([code, detail]) => ({ code, detail })),
        ...(authority.isRootKeyNeeded ? [ROOT_KEY_NEEDED] : []),
      ],
      connected: desk.connected,
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
      caFile: authority.rootFile,
    }
  }
  const consumerGroups = await ConsumerGroups.open({ store: state, clock, events: events.sink })
  const follow = (listener: () => void): (() => void) => {
    followers.add(listener)
    return () => followers.delete(listener)
  }
  const wallOf = (monotonic: number): Timestamp =>
    timestampOf(Math.round(clock.wall() - (clock.monotonic() - monotonic)))
  const application = hubApplication({
    clock,
    random,
    authenticator,
    uploads: files.uploads,
    files: files.uploads,
    address: { hostNames: settings.hostnames, httpsPort: ports.httpsPort },
    appendTelemetry: (origin, items) => inlet.append(origin, items),
    active: (key) => {
      for (const handler of handlers) handler.active?.(key)
    },
    registry,
    policies,
    authorities,
    provisioning,
    sessions: {
      connectionOf: (key) => {
        const connection = desk.connectionOf(key)
        return connection && { since: wallOf(connection.since), lastActivity: wallOf(connection.lastActivity) }
      },
      cutOff: async (taken: readonly Cut[]) => {
        const [{ sessions, milliseconds }, connections] = await Promise.all([desk.cutOff(taken), amqp.cutOff(taken)])
        return { sessionsClosed: sessions + connections, milliseconds: Math.round(milliseconds * 10) / 10 }
      },
    },
    throttling,
    methods,
    commands: messages.commands,
    feedback: messages.feedback,
    twins,
    presence,
    queries: state,
    reader: history,
    partitions,
    follow,
    keys: {
      list: () => Promise.resolve(dataKeys.list()),
      rotate: (actor) => dataKeys.rotate(actor),
      drop: (epoch, actor) => dataKeys.drop(epoch, actor),
    },
    renewCertificate: (actor) => certificate.renew(actor),
    status,
    events: {
      recent: (limit) => events.recent(limit),
      subscribe: (listener) => events.subscribe(listener),
      sink: events.throttled,
    },
    hostName,
    amqpPort: ports.amqpPort,
    consumerGroups,
    failed,
    connected: () => desk.connected,
    conditions: () => [...conditions].map(([code, detail]) => ({ code, detail })),
    metrics: { render: metricsOf(statistics, log), isPublic: settings.metricsOnHttps },
  })
  const http = webHandler(application, `https://${hostName}`)

  const fronts = new Fronts({
    threads: threads.fronts,
    received: (front, messages) => desk.received(front, messages),
    http,
    requestFailed: fault,
  })
  const amqp: AmqpOffice = new AmqpOffice({
    about: {
      hostName,
      amqpPort: ports.amqpPort,
      entity: eventHubName(hostName),
      partitions,
      createdAt: await readCreation(state, clock.wall()),
    },
    groups: consumerGroups,
    policies,
    clock,
    events: events.throttled,
    commands: messages.commands,
    throttling,
    queues: {
      feedback: { contentType: FEEDBACK_CONTENT_TYPE, listen: (ready) => messages.feedback.listen(ready) },
      'file-notifications': {
        contentType: NOTIFICATION_CONTENT_TYPE,
        listen: (ready) => files.notifications.listen(ready),
      },
    },
    follow,
    nextSequences: () => statistics.progress.nextSequences,
    fronts: threads.fronts,
    failed: fault,
  })
  await dataKeys.rotateIfDue()
  await dataKeys.distribute()
  const socket = await listenLocally(join(folder.path, SOCKET), http)
  await fronts.listen({
    partitions,
    listeners: { address: settings.listen, ...ports, tls: certificate.material() },
  })
  events.sink({
    type: 'hub.started',
    at: clock.wall(),
    subject: 'hub',
    actor: 'hub',
    detail: { version: VERSION, ...ports },
  })

  return {
    settings,
    folder,
    log,
    events,
    ring,
    storage,
    fronts,
    amqp,
    inlet,
    files,
    desk,
    methods,
    messages,
    presence,
    provisioning,
    socket,
    statistics,
    dataKeys,
    certificate,
    caFile: authority.rootFile,
    ports,
    idScope,
    status,
  }
}

/** Metrics are loaded when somebody first asks for them: the SDK is the largest thing a start would load. */
function metricsOf(
  statistics: Statistics,
  log: Log,
): () => Promise<{ readonly text: string; readonly contentType: string }> {
  let registered: Metrics | undefined
  return async () => {
    const { Metrics, METRICS_CONTENT_TYPE } = await import('@holdfast/telemetry/metrics')
    if (registered === undefined) {
      registered = new Metrics((name, error) => log.error('a metric failed', { name, error }))
      statistics.register(registered)
    }
    return { text: await registered.render(), contentType: METRICS_CONTENT_TYPE }
  }
}

/** When this hub was first started: what its Event Hub says of itself. */
async function readCreation(state: Storage['state'], now: Timestamp): Promise<number> {
  const stored = await state.readSetting('createdAt')
  if (stored !== undefined) return Number(stored)
  await state.writeSetting('createdAt', String(now))
  return now
}

/** The id scope of the provisioning service: made once, for devices carry it. */
async function readIdScope(state: Storage['state']): Promise<string> {
  const stored = await state.readSetting('idScope')
  if (stored !== undefined) return stored
  const idScope = `0ne${Buffer.from(random(4)).toString('hex').toUpperCase()}`
  await state.writeSetting('idScope', idScope)
  return idScope
}

async function drained(count: () => number, milliseconds: number): Promise<void> {
  const until = systemClock.monotonic() + milliseconds
  while (count() > 0 && systemClock.monotonic() < until) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10)
    })
  }
}
