/** The management API over real registers on stores in memory, and a way to ask it. */

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AdmissionGates } from '@holdfast/admission'
import type { Api } from '@holdfast/api'
import { eventsOf, type SecurityEvent } from '@holdfast/audit'
import { EndorsementRoots } from '@holdfast/attestation'
import { MemoryAttestationStore, MemoryEndorsementRootStore } from '@holdfast/attestation/testing'
import { Commands } from '@holdfast/commands'
import { MemoryCommandStore } from '@holdfast/commands/testing'
import { Authorities, type Cut, IdentityError, Policies, Registry } from '@holdfast/identity'
import {
  countingRandom,
  ManualClock,
  MemoryAuthorityStore,
  MemoryIdentityStore,
  MemoryPolicyStore,
  TEST_START,
} from '@holdfast/identity/testing'
import type { PeerFacts } from '@holdfast/messaging'
import { MemoryModelStore } from '@holdfast/models/testing'
import { MemorySupplyStore } from '@holdfast/supply/testing'
import { formatSasToken } from '@holdfast/tokens'
import { Uploads } from '@holdfast/uploads'
import { MemoryBlobStore, MemoryUploadStore } from '@holdfast/uploads/testing'
import { ConsumerGroups } from '../amqp/consumer-groups.ts'
import { managementRoutes } from '../http/management/index.ts'
import type { Connection, ManagementServices } from '../http/management/services.ts'
import { AttestationOffice } from '../trust/attestation-office.ts'
import { SupplyService } from '../trust/supply/supply-service.ts'
import { memoryAuthority } from './memory-authority.ts'
import { memoryMasquerade } from './memory-masquerade.ts'
import type { DeviceCredentials } from '../trust/device-credentials.ts'
import { memoryCredentials } from './memory-credentials.ts'
import { checkAnswer, operationAt } from './answer-check.ts'
import { MemoryTelemetry } from './memory-telemetry.ts'

export const HOST = 'hub.example'
export const PARTITIONS = 4

export const LOCAL: PeerFacts = { address: 'local', port: 0, transport: 'local', tlsVersion: '', tlsFingerprint: '' }
export const REMOTE: PeerFacts = {
  address: '10.0.0.7',
  port: 4711,
  transport: 'https',
  tlsVersion: 'TLSv1.3',
  tlsFingerprint: 'f',
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

export type Stage = Awaited<ReturnType<typeof stage>>

export async function stage(changes: Partial<ManagementServices> = {}) {
  const clock = new ManualClock()
  const random = countingRandom()
  const events: SecurityEvent[] = []
  const listeners = new Set<(event: SecurityEvent) => void>()
  const sink = (event: SecurityEvent): void => {
    events.push(event)
    for (const listener of listeners) listener(event)
  }
  const common = { clock, random, events: sink }
  const cuts: Cut[] = []
  const connected = new Map<string, Connection>()
  const telemetry = new MemoryTelemetry(PARTITIONS)
  const failures: unknown[] = []
  const identityStore = new MemoryIdentityStore(sink)
  const commandStore = new MemoryCommandStore()
  commandStore.sink = sink
  const fault = (error: unknown): void => void failures.push(error)
  const commands = new Commands({ ...common, store: commandStore, feedbackWritten: () => undefined, fault })
  const cutOff = async (taken: readonly Cut[]): Promise<Api.Changed> => {
    cuts.push(...taken)
    return { sessionsClosed: taken.length, milliseconds: 3 }
  }
  const credentials: DeviceCredentials = await memoryCredentials({
    ...common,
    registry: () => registry,
    close: cutOff,
    fault,
  })
  const registry: Registry = new Registry({
    ...common,
    store: identityStore,
    changed: (change) => credentials.changed(change),
  })
  const models = new MemoryModelStore(sink)
  const supplyStore = Object.assign(new MemorySupplyStore(sink), {
    listModels: () => models.listModels(),
    writeModel: (...given: Parameters<MemoryModelStore['writeModel']>) => models.writeModel(...given),
    deleteModel: (...given: Parameters<MemoryModelStore['deleteModel']>) => models.deleteModel(...given),
  })
  const supply = await SupplyService.open({
    ...common,
    store: supplyStore,
    spool: join(tmpdir(), `holdfast-stage-${process.pid}`),
    registry,
    devices: {
      read: (deviceId) => registry.read({ deviceId }),
      enrolledKeys: async () => [],
      remint: async () => undefined,
      unbind: async () => undefined,
      clearTags: async () => undefined,
      delete: async (deviceId, _generation, actor) => void (await registry.delete({ deviceId }, actor)),
    },
    hasEnrollment: async () => false,
    gates: new AdmissionGates(),
    frequentEvents: sink,
    claimLifeMs: 1_000,
    fault,
  })
  const attestationStore = new MemoryAttestationStore(sink)
  const services: ManagementServices = {
    clock,
    supply,
    registry,
    endorsementRoots: await EndorsementRoots.open({
      ...common,
      store: new MemoryEndorsementRootStore(sink),
      damaged: (_what, error) => void failures.push(error),
    }),
    attestation: await AttestationOffice.open({
      ...common,
      acts: sink,
      store: attestationStore,
      gates: new AdmissionGates(),
      registry,
      models: { modelOf: () => undefined, policyOf: () => undefined, load: () => undefined },
      vouch: async () => ({ kind: 'unproven', why: 'no manufacturer is trusted here' }),
      keys: { claim: async () => 'good', release: async () => undefined },
      damaged: (_what, error) => void failures.push(error),
    }),
    masquerade: await memoryMasquerade(common),
    policies: await Policies.open({ ...common, store: new MemoryPolicyStore(sink), hostNames: [HOST] }),
    authorities: await Authorities.open({ ...common, store: new MemoryAuthorityStore(sink) }),
    revocations: {
      list: () => [],
      put: () => Promise.reject(new IdentityError('missing', 'no lists on this stage')),
      remove: () => Promise.resolve(),
      fetchAll: async () => ({ sessionsClosed: 0, milliseconds: 0 }),
      faultOf: () => undefined,
    },
    lapses: [],
    credentials: credentials.service,
    commands,
    throttling: { take: () => ({ kind: 'allowed' }) },
    files: await Uploads.open({
      ...common,
      store: new MemoryUploadStore(sink),
      blobs: new MemoryBlobStore(),
      limits: { blobBytesMax: 1_000, deviceBytesMax: 5_000, totalBytesMax: 10_000, retentionMs: undefined },
      generationOf: async () => 'g',
      notify: async () => undefined,
    }),
    // Stores in memory know no query language; tests of queries bring a real one.
    queries: { queryTwins: async () => ({ kind: 'page', itemType: 'twin', items: [] }) },
    methods: {
      invoke: async () => ({ kind: 'not-online' }),
    },
    sessions: {
      connectionOf: ({ deviceId, moduleId }) =>
        connected.get(moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`),
      cutOff,
    },
    reader: telemetry,
    partitions: PARTITIONS,
    follow: telemetry.follow,
    keys: {
      list: async () => [{ epoch: 1, purpose: 'telemetry', createdTime: '2026-11-02T12:00:00.000Z', state: 'current' }],
      rotate: async () => ({
        epoch: 2,
        purpose: 'telemetry',
        createdTime: '2026-11-02T12:00:00.000Z',
        state: 'current',
      }),
      drop: async (epoch) => {
        if (epoch !== 1) {
          throw Object.assign(new Error('none'), {
            name: 'KeyError',
            code: epoch === 2 ? 'current-epoch' : 'unknown-epoch',
          })
        }
        return { epoch, messages: 7 }
      },
    },
    shredder: { shred: async () => ({ deleted: true, files: 0, sessionsClosed: 1, milliseconds: 3 }) },
    custody: { show: () => KEY_PROVIDER, set: async () => KEY_PROVIDER, rotate: async () => KEY_PROVIDER },
    hubAuthority: (await memoryAuthority(clock)).service,
    renewCertificate: async () => STATUS.certificate,
    status: async () => STATUS,
    events: {
      recent: (limit) => events.slice(-limit),
      subscribe: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      sink,
    },
    hostName: HOST,
    consumerGroups: await ConsumerGroups.open({
      store: {
        readSetting: async () => undefined,
        writeSetting: async (_name, _value, because) => eventsOf(because).forEach((event) => sink(event)),
      },
      clock,
    }),
    amqpPort: 5671,
    failed: (error) => failures.push(error),
    ...changes,
  }
  const app = managementRoutes(services)
  events.length = 0

  const token = (policy: string, options: { readonly seconds?: number; readonly resource?: string } = {}): string =>
    formatSasToken({
      resource: options.resource ?? HOST,
      key: services.policies.read(policy)?.primaryKey ?? '',
      expirySeconds: TEST_START / 1000 + (options.seconds ?? 3_600),
      policyName: policy,
    })

  const send = (request: Request, peer: PeerFacts = LOCAL): Promise<Response> =>
    Promise.resolve(app.fetch(request, { peer }))

  const request = (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Request =>
    new Request(new URL(`/api/v1${path}`, `https://${HOST}`), {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })

  /** The whole answer, which has to be what its operation says. */
  const ask = async (asked: Request, peer: PeerFacts): Promise<Answer> => {
    const response = await send(asked, peer)
    const { status, headers } = response
    // A live view has no end; that it was opened is what there is to know of it here.
    const { pathname, searchParams } = new URL(asked.url)
    const answer = operationAt(asked.method, pathname)?.answer
    const isLive = answer?.kind === 'events' || (answer?.kind === 'lines' && answer.isLive === true)
    const isEndless = status < 400 && isLive && (searchParams.get('follow') === 'true' || pathname.endsWith('/live'))
    if (isEndless) void response.body?.cancel()
    const text = isEndless ? '' : await response.text()
    const isJson = headers.get('content-type')?.includes('json') === true && !text.trimEnd().includes('\n')
    const body = text === '' || !isJson ? {} : (JSON.parse(text) as Record<string, unknown>)
    checkAnswer(asked, status, body)
    return { status, headers, body }
  }

  return {
    services,
    clock,
    events,
    listeners,
    cuts,
    connected,
    telemetry,
    failures,
    identityStore,
    attestationStore,
    commands,
    commandStore,
    token,
    send,
    request,
    /** As the operator, on the local socket. */
    local: async (method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) =>
      ask(request(method, path, body, headers), LOCAL),
    /** As a service with a token of the policy. */
    service: async (policy: string, method: string, path: string, body?: unknown) =>
      ask(request(method, path, body, { authorization: token(policy) }), REMOTE),
    /** From afar, with whatever headers. */
    remote: async (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: unknown) =>
      ask(request(method, path, body, headers), REMOTE),
    stream: async (path: string, options: { readonly authorization?: string } = {}) => {
      const { authorization } = options
      return authorization === undefined
        ? send(request('GET', path))
        : send(request('GET', path, undefined, { authorization }), REMOTE)
    },
  }
}

const KEY_PROVIDER: Api.KeyProvider = {
  provider: 'file',
  id: 'file:0123456789abcdef',
  createdTime: '2026-11-02T12:00:00.000Z',
  settings: {},
  leftovers: [],
}

const STATUS: Api.Status = {
  hostname: HOST,
  idScope: '0ne00000000',
  version: '0.1.0',
  pid: 1,
  uptimeSeconds: 1,
  conditions: [],
  notices: [],
  connected: 0,
  devices: { total: 0, enabled: 0 },
  messages: { stored: 0, perSecond: 0, bytesSealed: 0 },
  refused: { total: 0, perSecond: 0 },
  throttled: { total: 0, perSecond: 0, operations: {} },
  partitions: [],
  ports: { mqtt: 8883, amqp: 5671, https: 443 },
  memory: { residentBytes: 1 },
  certificate: { notAfter: '2026-12-02T12:00:00.000Z', sha256: 'AB'.repeat(32) },
}

/** Objects of an NDJSON response, one at a time. */
export async function* linesOf(response: Response): AsyncGenerator<Record<string, unknown>> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as Record<string, unknown>
  }
}

export async function allLines(response: Response): Promise<readonly Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = []
  for await (const line of linesOf(response)) lines.push(line)
  return lines
}
