import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instantOf } from '@holdfast/base'
import type { CutOffReport } from './cut-off.ts'
import type { CoreToFront } from './front-messages.ts'
import { SessionDirectory } from './session-directory.ts'
import { runSessionRequest, type SessionRequest } from './session-requests.ts'
import { MemorySessionStore } from './testing/memory-session-store.ts'

const TWIN = [{ filter: '$iothub/twin/res/#', qos: 1 as const }]

class Stage {
  readonly store = new MemorySessionStore()
  readonly sent: (readonly [front: number, CoreToFront])[] = []
  readonly requests: SessionRequest[] = []
  readonly opened: string[] = []
  readonly ended: string[] = []
  now = instantOf(0)
  readonly directory = new SessionDirectory({
    toFront: (front, message) => this.sent.push([front, message]),
    store: (request) => this.requests.push(request),
    subscribed: () => {},
    opened: ({ connection }) => this.opened.push(String(connection)),
    ended: ({ connection }, { reason, connectedMs }) => this.ended.push(`${connection} ${reason} ${connectedMs}`),
  })

  connect(front: number, connection: number, deviceId = 'pump', cleanSession = false): void {
    this.directory.arrived(front, connection, this.now)
    this.verdict(front, connection, deviceId, cleanSession)
  }

  verdict(front: number, connection: number, deviceId = 'pump', cleanSession = false): void {
    const standing = { deviceId, generationId: 'g', basis: { kind: 'device-key', slot: 'primary' } as const }
    this.directory.admit(front, connection, { standing, authMethod: '{}', cleanSession }, this.now)
  }

  /** Answers everything asked of the store. */
  serve(): void {
    for (let next = this.requests.shift(); next !== undefined; next = this.requests.shift()) {
      this.directory.stored(this.store.answer(next), this.now)
    }
  }

  closed(front: number, connection: number): void {
    this.directory.closed(front, connection, { reason: 'peer-closed' }, this.now)
    this.serve()
  }

  pass(milliseconds: number): void {
    this.now = instantOf(this.now + milliseconds)
    this.directory.tick(this.now)
  }

  take(): readonly string[] {
    return this.sent.splice(0).map(([front, message]) => {
      const end = message.kind === 'refuse' ? ` ${message.code}` : message.kind === 'close' ? ` ${message.reason}` : ''
      return `${front} ${message.kind}${'connection' in message ? ` ${message.connection}` : ''}${end}`
    })
  }

  cutOff(deviceId: string): CutOffReport[] {
    const reports: CutOffReport[] = []
    const matches = ({ subject }: { subject: { kind: string; standing?: { deviceId: string } } }): boolean =>
      subject.standing?.deviceId === deviceId
    this.directory.cutOff({ matches, reason: 'identity-disabled' }, this.now, (report) => reports.push(report))
    return reports
  }
}

describe('admission', () => {
  it('waits for the stored session, and says whether there was one [MQTT-3.2.2-2]', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    assert.deepEqual(stage.take(), [])
    stage.serve()
    assert.deepEqual(stage.sent[0]?.[1], {
      kind: 'admit',
      connection: 1,
      admission: { deviceId: 'pump', generationId: 'g', authMethod: '{}', sessionPresent: false, subscriptions: [] },
    })
    stage.directory.subscriptions(0, 1, { ticket: 4, subscriptions: TWIN }, stage.now)
    stage.closed(0, 1)
    stage.connect(1, 1)
    stage.serve()
    const again = stage.sent.at(-1)?.[1]
    assert.ok(again?.kind === 'admit')
    assert.deepEqual([again.admission.sessionPresent, again.admission.subscriptions], [true, TWIN])
  })

  it('forgets the stored session on a clean one [MQTT-3.1.2-6]', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.closed(0, 1)
    assert.equal(stage.store.size, 1)
    stage.connect(0, 2, 'pump', true)
    stage.serve()
    assert.equal(stage.store.size, 0)
    stage.directory.subscriptions(0, 2, { ticket: 0, subscriptions: TWIN }, stage.now)
    assert.deepEqual(stage.requests, [], 'and keeps nothing of it')
    assert.deepEqual(stage.take().slice(-1), ['0 subscriptions-kept 2'])
  })

  it('answers subscriptions when they are on disk, several by one write', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.take()
    for (const ticket of [0, 1, 2]) stage.directory.subscriptions(0, 1, { ticket, subscriptions: TWIN }, stage.now)
    assert.equal(stage.requests.length, 1)
    assert.deepEqual(stage.take(), [])
    stage.serve()
    assert.equal(stage.take().length, 3)
  })

  it('sends away, to come again, when the store fails', () => {
    const stage = new Stage()
    stage.store.isFailing = true
    stage.connect(0, 1)
    stage.serve()
    assert.deepEqual(stage.take(), ['0 refuse 1 3'])
    stage.store.isFailing = false
    stage.connect(0, 2)
    stage.serve()
    stage.store.isFailing = true
    stage.directory.subscriptions(0, 2, { ticket: 0, subscriptions: TWIN }, stage.now)
    stage.serve()
    assert.deepEqual(stage.take(), ['0 admit 2', '0 close 2 unavailable'])
  })

  it('does not wait for ever, neither for a verdict nor for the store', () => {
    const stage = new Stage()
    stage.directory.arrived(0, 1, stage.now)
    stage.connect(0, 2)
    stage.pass(10_000)
    assert.deepEqual(stage.take(), ['0 refuse 1 3', '0 refuse 2 3'])
    stage.verdict(0, 1)
    assert.deepEqual(stage.take(), [])
    assert.equal(stage.directory.deadline, undefined)
  })

  it('forgets who has gone while the verdict was made', () => {
    const stage = new Stage()
    stage.directory.arrived(0, 1, stage.now)
    assert.ok(stage.directory.isAwaited(0, 1))
    stage.closed(0, 1)
    stage.verdict(0, 1)
    stage.serve()
    assert.deepEqual([stage.take(), stage.directory.connected], [[], 0])
  })
})

describe('take-over [MQTT-3.1.4-2]', () => {
  it('admits the newer connection when the older is closed, not before', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.connect(1, 7)
    stage.serve()
    assert.deepEqual(stage.take(), ['0 admit 1', '0 close 1 taken-over'])
    assert.equal(stage.directory.connectionOf({ deviceId: 'pump' }), undefined)
    stage.closed(0, 1)
    assert.deepEqual(stage.take(), ['1 admit 7'])
    assert.deepEqual(stage.directory.connectionOf({ deviceId: 'pump' })?.connection, 7)
    assert.deepEqual(stage.ended, ['1 peer-closed 0'])
  })

  it('lets the newest wait and sends away who waited before', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.connect(1, 7)
    stage.connect(0, 2)
    assert.deepEqual(stage.take(), ['0 admit 1', '0 close 1 taken-over', '1 refuse 7 3'])
    stage.closed(0, 1)
    assert.deepEqual(stage.take(), ['0 admit 2'])
  })

  it('of a connection that is not admitted yet waits for the store, whose work is not undone', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.connect(1, 7, 'pump', true)
    assert.deepEqual(stage.take(), ['0 refuse 1 3'])
    assert.equal(stage.requests.length, 1)
    stage.serve()
    assert.deepEqual(stage.take(), ['1 admit 7'])
    assert.equal(stage.store.size, 0)
  })

  it('gives up after five seconds, and leaves no trace of who waited', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.connect(1, 7)
    stage.take()
    stage.pass(5_000)
    assert.deepEqual(stage.take(), ['1 refuse 7 3'])
    stage.closed(1, 7)
    stage.closed(0, 1)
    assert.deepEqual([stage.take(), stage.directory.connected], [[], 0])
  })

  it('leaves devices, their modules and other devices apart', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.connect(0, 2, 'other')
    stage.serve()
    assert.deepEqual(stage.take(), ['0 admit 1', '0 admit 2'])
  })

  it('happens when the front of the older one is lost', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.connect(1, 7)
    stage.directory.frontLost(0, stage.now)
    stage.serve()
    assert.deepEqual(stage.take().slice(-1), ['1 admit 7'])
  })
})

describe('a cut-off', () => {
  it('closes what rests on it, on every front, and tells when the last is closed', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.connect(1, 1, 'other')
    stage.serve()
    stage.take()
    const reports = stage.cutOff('pump')
    assert.deepEqual(stage.take(), ['0 close 1 identity-disabled'])
    assert.deepEqual(reports, [])
    stage.now = instantOf(40)
    stage.closed(0, 1)
    assert.deepEqual(reports, [{ reason: 'identity-disabled', sessions: 1, durationMs: 40 }])
    assert.equal(stage.directory.connected, 1)
  })

  it('is done at once when nothing rests on it', () => {
    assert.equal(new Stage().cutOff('pump')[0]?.sessions, 0)
  })

  it('counts who is closing already, and sends away who waits or is being opened', () => {
    const stage = new Stage()
    stage.connect(0, 1)
    stage.serve()
    stage.connect(1, 7)
    stage.take()
    const reports = stage.cutOff('pump')
    assert.deepEqual(stage.take(), ['1 refuse 7 3'])
    stage.closed(0, 1)
    assert.equal(reports[0]?.sessions, 1)
    stage.connect(0, 2)
    const opening = stage.cutOff('pump')
    assert.equal(opening[0]?.sessions, 0)
    stage.serve()
    assert.deepEqual(stage.take(), ['0 refuse 2 3'])
  })

  it('is not slipped past by what was verified before and is admitted after', () => {
    const stage = new Stage()
    stage.directory.arrived(0, 1, stage.now)
    stage.cutOff('pump')
    stage.verdict(0, 1)
    assert.deepEqual(stage.take(), ['0 refuse 1 3'])
    stage.connect(0, 2)
    stage.serve()
    assert.deepEqual(stage.take(), ['0 admit 2'], 'what arrives later was verified later')
  })

  it('is not slipped past under a flood of cut-offs', () => {
    const stage = new Stage()
    stage.directory.arrived(0, 1, stage.now)
    stage.cutOff('pump')
    for (let i = 0; i < 3_000; i++) stage.cutOff(`device-${i}`)
    stage.verdict(0, 1)
    assert.deepEqual(stage.take(), ['0 refuse 1 3'])
  })
})

describe('runSessionRequest', () => {
  it('reports what the store throws and answers failed', async () => {
    const store = new MemorySessionStore()
    store.isFailing = true
    const errors: unknown[] = []
    const request: SessionRequest = { kind: 'resume', ticket: 3, key: { deviceId: 'd' } }
    assert.deepEqual(await runSessionRequest(store, request, (error) => errors.push(error)), {
      kind: 'failed',
      ticket: 3,
    })
    assert.equal(errors.length, 1)
    store.isFailing = false
    assert.deepEqual(await runSessionRequest(store, request, () => {}), { kind: 'done', ticket: 3 })
    assert.deepEqual(await runSessionRequest(store, request, () => {}), { kind: 'done', ticket: 3, stored: [] })
    await runSessionRequest(store, { kind: 'discard', ticket: 4, key: { deviceId: 'd' } }, () => {})
    assert.equal(store.size, 0)
  })
})
