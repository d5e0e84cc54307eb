/** Rows 6 and 7 of azure-iot.md §12: renewal of tokens, expiry, take-over, and what the hub tells of a connection. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { Client, Message } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { keyOf, sas } from './sas.ts'
import { clientOf, DEVICE_TRANSPORTS, disconnected, eventually, neverRetry, open, pause } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** How long after its token a session may end, in milliseconds: little, and more where all processors are busy. */
const LATE_MS_MAX = 3_000
const ATTEMPTS_MAX = 5

/**
 * A client whose connection was there before its token ended. On a busy machine opening may take longer than the token
 * lasts; then it is refused, or let in by the skew that is granted to clocks, and is none of this row's.
 * @returns when the token ends, in milliseconds since 1970.
 */
async function connectedUntil(
  seconds: number,
  clientOfToken: (token: string) => Client,
  wish: { readonly resource: string; readonly key: string },
): Promise<{ readonly client: Client; readonly endsAt: number }> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const token = sas({ ...wish, seconds })
    const endsAt = Number(/&se=(\d+)/.exec(token)?.[1]) * 1000
    const client = clientOfToken(token)
    const refusal = await open(client).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (Date.now() < endsAt) {
      assert.ifError(refusal)
      return { client, endsAt }
    }
    await client.close()
  }
  throw new Error('no connection is opened within the life of a token: the machine is too busy')
}

/** An answer takes milliseconds, and comes never where the subscription is lost. */
const ANSWER_MS_MAX = 5_000
/** An answer that arrives while the SDK reconnects is dropped by it, so one question is not enough. */
const QUESTIONS_MAX = 3

/**
 * Asks for the twin. The answer arrives only while the session holds the subscription to `$iothub/twin/res/#`, which the
 * SDK makes once and never again.
 */
async function askTwin(client: Client): Promise<Awaited<ReturnType<Client['getTwin']>>> {
  const late = new Error('the answer did not arrive: the subscription is lost')
  for (let asked = 0; asked < QUESTIONS_MAX; asked += 1) {
    const answer = client.getTwin()
    const first = await Promise.race([answer, pause(ANSWER_MS_MAX)])
    if (first !== undefined) return first
  }
  throw late
}

// Most of these wait for a token to end, so they wait together.
suite('device sessions', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const deviceIdOf = (row: string): string => `${row}-${name}`

    test(`row 6 ${name}: updateSharedAccessSignature reconnects into the session, whose subscriptions survive`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r6')
      const { primary, secondary } = await theHub().device({ deviceId })
      const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
      const first = sas({ resource, key: keyOf(primary), seconds: 600 })
      const client = neverRetry(Client.fromSharedAccessSignature(first, transport.constructorOf))
      assert.equal((await open(client)).isSessionPresent, false)
      const before = (await theHub().show(deviceId)).connectedSince
      const { properties } = await askTwin(client)
      assert.equal(properties.desired.$version, 1)
      // A second token, by the other key, so that it is seen which one counts.
      const second = sas({ resource, key: keyOf(secondary), seconds: 600 })
      await new Promise<void>((resolve, reject) => {
        client.updateSharedAccessSignature(second, (error) =>
          error === undefined || error === null ? resolve() : reject(error),
        )
      })
      await client.sendEvent(new Message('renewed'))
      assert.notEqual((await theHub().show(deviceId)).connectedSince, before, 'it is another connection')
      assert.equal((await askTwin(client)).properties.desired.$version, 1)
      // What the first token rested on goes, and nothing happens to the session, which rests on the other.
      const changed = await theHub().api<Api.Changed>('POST', `/devices/${deviceId}/regenerate-key`, { key: 'primary' })
      assert.equal(changed.body.sessionsClosed, 0)
      await client.sendEvent(new Message('still here'))
      const closed = disconnected(client)
      const last = await theHub().api<Api.Changed>('POST', `/devices/${deviceId}/regenerate-key`, { key: 'secondary' })
      assert.equal(last.body.sessionsClosed, 1)
      await closed
      assert.deepEqual(
        (await theHub().messages(deviceId)).map(({ body }) => body),
        ['renewed', 'still here'],
      )
    })

    test(`row 6 ${name}: the SDK renews its own tokens, before the old one ends`, { skip }, async () => {
      const deviceId = deviceIdOf('r6-auto')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await client.setOptions({ tokenRenewal: { tokenValidTimeInSeconds: 5, tokenRenewalMarginInSeconds: 3 } })
      await open(client)
      let isDisconnected = false
      client.once('disconnect', () => {
        isDisconnected = true
      })
      await askTwin(client)
      const first = (await theHub().show(deviceId)).connectedSince
      assert.ok(first !== undefined)
      await eventually(async () => {
        const { connectedSince } = await theHub().show(deviceId)
        return connectedSince !== undefined && Date.parse(connectedSince) > Date.parse(first) + 5_000
      }, 'no renewal is seen')
      await askTwin(client)
      await client.sendEvent(new Message('after three tokens'))
      assert.equal(isDisconnected, false)
      await client.close()
      const [message] = await theHub().messages(deviceId)
      assert.equal(message?.body, 'after three tokens')
    })

    test(`row 6 ${name}: who comes back finds the session present`, { skip }, async () => {
      const deviceId = deviceIdOf('r6-session')
      const { primary } = await theHub().device({ deviceId })
      const first = clientOf(primary, transport)
      assert.equal((await open(first)).isSessionPresent, false)
      await askTwin(first)
      await first.close()
      const second = clientOf(primary, transport)
      assert.equal((await open(second)).isSessionPresent, true)
      await second.close()
    })

    test(`row 7 ${name}: the connection ends with its token`, { skip }, async () => {
      const deviceId = deviceIdOf('r7-expiry')
      const { primary } = await theHub().device({ deviceId })
      const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
      const { client, endsAt } = await connectedUntil(
        6,
        (token) => {
          return neverRetry(Client.fromSharedAccessSignature(token, transport.constructorOf))
        },
        { resource, key: keyOf(primary) },
      )
      await disconnected(client)
      // The device sees its socket close before the core has heard of it from the front.
      await eventually(async () => !(await theHub().show(deviceId)).connected, 'it is still shown as connected')
      const end = async () =>
        (await theHub().events(`device/${deviceId}`)).findLast(({ type }) => type === 'session.closed')
      await eventually(async () => (await end()) !== undefined, 'its end is not told')
      const last = await end()
      assert.equal(last?.detail.reason, 'token-expired')
      const late = Date.parse(last.time) - endsAt
      assert.ok(late >= 0 && late < LATE_MS_MAX, `the session ended ${late} ms after its token`)
    })

    test(`row 7 ${name}: who connects under the same id takes the place of the older one`, { skip }, async () => {
      const deviceId = deviceIdOf('r7-takeover')
      const { primary, secondary } = await theHub().device({ deviceId })
      const older = clientOf(primary, transport)
      await open(older)
      await older.sendEvent(new Message('older'))
      const closed = disconnected(older)
      const newer = clientOf(secondary, transport)
      await open(newer)
      await closed
      assert.equal((await theHub().show(deviceId)).connected, true)
      await newer.sendEvent(new Message('newer'))
      // The newer one stays.
      await pause(200)
      await newer.sendEvent(new Message('still'))
      await newer.close()
      assert.deepEqual(
        (await theHub().messages(deviceId)).map(({ body }) => body),
        ['older', 'newer', 'still'],
      )
    })

    test(`row 7 ${name}: device show tells of the connection and of its activity`, { skip }, async () => {
      const deviceId = deviceIdOf('r7-state')
      const { primary } = await theHub().device({ deviceId })
      const never = await theHub().object<Api.Device>('device', 'show', deviceId)
      assert.deepEqual([never.connected, never.connectedSince, never.lastActivityTime], [false, undefined, undefined])
      const client = clientOf(primary, transport)
      const openedAt = Date.now()
      await open(client)
      await client.sendEvent(new Message('alive'))
      const shown = await theHub().object<Api.Device>('device', 'show', deviceId)
      assert.equal(shown.connected, true)
      for (const time of [shown.connectedSince, shown.lastActivityTime]) {
        const at = Date.parse(time ?? '')
        assert.ok(at >= openedAt - 100 && at <= Date.now() + 100, String(time))
      }
      await client.close()
      await eventually(async () => !(await theHub().show(deviceId)).connected, 'it counts as connected still')
    })
  }
})
