/**
 * Rows 18, 23 (methods of modules) and 30 of azure-iot.md §12: direct methods, called by the service SDK and answered by
 * the device SDK. Row 24 (ModuleClient.invokeMethod) is spoken to an edge gateway, which this hub is not.
 */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { type Client, ModuleClient, ServiceClient } from './azure-sdk.ts'
import { HubProcess } from './hub-process.ts'
import { clientOf, DEVICE_TRANSPORTS, failure, neverRetry, open, pause } from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

async function serviceClient(policy = 'service'): Promise<ServiceClient> {
  const client = ServiceClient.fromConnectionString(await theHub().policy(policy))
  // The SDK would try again for four minutes; a row wants the first outcome.
  client.setRetryPolicy({ shouldRetry: () => false, nextRetryTimeout: () => -1 })
  return client
}

interface Call {
  readonly methodName: string
  readonly payload?: unknown
  readonly responseTimeoutInSeconds?: number
  readonly connectTimeoutInSeconds?: number
}

interface Answer {
  readonly status: number
  readonly payload: unknown
}

async function invoke(service: ServiceClient, target: string | readonly [string, string], call: Call): Promise<Answer> {
  const { result } =
    typeof target === 'string'
      ? await service.invokeDeviceMethod(target, { ...call })
      : await service.invokeDeviceMethod(target[0], target[1], { ...call })
  assert.ok(typeof result === 'object' && result !== null && 'status' in result && 'payload' in result)
  assert.deepEqual(Object.keys(result).toSorted(), ['payload', 'status'])
  assert.equal(typeof result.status, 'number')
  return { status: Number(result.status), payload: result.payload }
}

interface Refusal {
  readonly name: string
  readonly status: number
  readonly code: string
  /** What stands as JSON in the message of a failed call. */
  readonly inner: Readonly<Record<string, unknown>> | undefined
}

/** What the SDK makes of a call that fails, and what the hub said. */
async function refusedCall(
  service: ServiceClient,
  target: string | readonly [string, string],
  call: Call,
): Promise<Refusal> {
  const error = await failure(invoke(service, target, call))
  assert.ok('response' in error && 'responseBody' in error, String(error.stack))
  const { response, responseBody } = error
  assert.ok(typeof response === 'object' && response !== null && 'statusCode' in response && 'headers' in response)
  const body: unknown = JSON.parse(String(responseBody))
  assert.ok(typeof body === 'object' && body !== null && 'Message' in body && 'ExceptionMessage' in body)
  assert.equal(typeof body.Message, 'string')
  const message = String(body.Message)
  const inner: unknown = message.startsWith('{') ? JSON.parse(message) : undefined
  return {
    name: error.name,
    status: Number(response.statusCode),
    code: String(new Headers(Object(response.headers)).get('iothub-errorcode')),
    inner: typeof inner === 'object' && inner !== null ? Object.fromEntries(Object.entries(inner)) : undefined,
  }
}

/** Answers `method` with what it is given, and says when the hub knows of it. */
async function echo(client: Client | ModuleClient, method: string, status = 200): Promise<void> {
  const answer: Parameters<ModuleClient['onMethod']>[1] = (request, response) => {
    if (request === undefined || response === undefined) return
    void response.send(status, { method: request.methodName, payload: request.payload ?? null })
  }
  if (client instanceof ModuleClient) client.onMethod(method, answer)
  else client.onDeviceMethod(method, answer)
  // The SDK subscribes behind our back and does not say when it has.
  await pause(200)
}

/** The largest JSON text that may be a payload, as a string of it. */
const PAYLOAD_BYTES_MAX = 128 * 1024

suite('direct methods', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const deviceIdOf = (row: string): string => `${row}-${name}`

    test(`rows 18, 30 ${name}: payloads of every kind go both ways, with the device's own status`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r18')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      const seen: unknown[] = []
      client.onDeviceMethod('echo', (request, response) => {
        seen.push(request.payload)
        void response.send(200, request.payload)
      })
      await pause(200)
      const service = await serviceClient()
      const payloads = [
        null,
        '',
        'foo',
        { k1: 'v1' },
        {},
        [],
        [1, [2, { three: 3 }]],
        0,
        -1.5e-7,
        false,
        true,
        'Zürich – 東京 🔩',
        { 'a/b?c#d&e=f': '%20+"\\' },
      ]
      for (const payload of payloads) {
        // Upstream's own test asks with these two.
        const call = { methodName: 'echo', payload, connectTimeoutInSeconds: 30, responseTimeoutInSeconds: 45 }
        assert.deepEqual(await invoke(service, deviceId, call), { status: 200, payload })
      }
      assert.deepEqual(seen, payloads)
      // Without a payload, and where the device answers without one.
      client.onDeviceMethod('silent', (request, response) => {
        assert.equal(request.payload, null)
        void response.send(204)
      })
      assert.deepEqual(await invoke(service, deviceId, { methodName: 'silent' }), { status: 204, payload: null })
      for (const status of [1, 404, 501, 2_147_483_647, -1]) {
        await echo(client, `status-${status}`, status)
        const answer = await invoke(service, deviceId, { methodName: `status-${status}`, payload: 1 })
        assert.deepEqual(answer, { status, payload: { method: `status-${status}`, payload: 1 } })
      }
      await client.close()
    })

    test(`row 18 ${name}: names of every script; what would end a topic is encoded`, { skip }, async () => {
      const deviceId = deviceIdOf('r18-names')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      const service = await serviceClient()
      // What stands in the topic, the SDK takes for the name.
      for (const [methodName, heard] of [
        ['öffne-東京', 'öffne-東京'],
        ['a/b', 'a%2Fb'],
        ['a?b#c+d', 'a%3Fb%23c%2Bd'],
        ['50%', '50%25'],
        ['two words', 'two%20words'],
        ['x'.repeat(100), 'x'.repeat(100)],
      ] as const) {
        await echo(client, heard)
        const { payload } = await invoke(service, deviceId, { methodName, payload: 1 })
        assert.deepEqual(payload, { method: heard, payload: 1 })
      }
      await client.close()
    })

    test(`row 18 ${name}: 128 KB go both ways; more is refused (413, 502)`, { skip }, async () => {
      const deviceId = deviceIdOf('r18-large')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      client.onDeviceMethod('echo', (request, response) => void response.send(200, request.payload))
      client.onDeviceMethod('flood', (_request, response) => {
        void response.send(200, 'x'.repeat(PAYLOAD_BYTES_MAX - 1))
      })
      await pause(200)
      const service = await serviceClient()
      const largest = 'ä'.repeat((PAYLOAD_BYTES_MAX - 2) / 2)
      assert.deepEqual(await invoke(service, deviceId, { methodName: 'echo', payload: largest }), {
        status: 200,
        payload: largest,
      })
      const tooLarge = await refusedCall(service, deviceId, { methodName: 'echo', payload: `${largest}x` })
      assert.deepEqual([tooLarge.status, tooLarge.code], [413, 'MessageTooLarge'])
      const flood = await refusedCall(service, deviceId, { methodName: 'flood', payload: null })
      assert.deepEqual([flood.status, flood.code, flood.inner?.errorCode], [502, 'InvalidDeviceResponse', 502_001])
      // The connection has taken no harm.
      assert.equal((await invoke(service, deviceId, { methodName: 'echo', payload: 1 })).status, 200)
      await client.close()
    })

    test(`row 23 ${name}: a module is called beside its device, each by its own name`, { skip }, async () => {
      const deviceId = deviceIdOf('r23')
      const moduleId = 'motor/1'.replace('/', '-')
      const { primary } = await theHub().device({ deviceId })
      await theHub().api('POST', `/devices/${deviceId}/modules`, { moduleId })
      const shown = await theHub().api<Api.ConnectionString>(
        'GET',
        `/devices/${deviceId}/modules/${moduleId}/connection-string`,
      )
      const device = clientOf(primary, transport)
      const module = neverRetry(ModuleClient.fromConnectionString(shown.body.connectionString, transport.constructorOf))
      const service = await serviceClient()
      await open(device)
      await echo(device, 'who', 1)
      const alone = await refusedCall(service, [deviceId, moduleId], { methodName: 'who', payload: null })
      assert.deepEqual([alone.status, alone.inner?.errorCode], [404, 404_103])
      await open(module)
      await echo(module, 'who', 2)
      const call = { methodName: 'who', payload: { Schlüssel: [1] } }
      const both = await Promise.all([invoke(service, deviceId, call), invoke(service, [deviceId, moduleId], call)])
      assert.deepEqual(
        both.map(({ status }) => status),
        [1, 2],
      )
      await module.close()
      const gone = await refusedCall(service, [deviceId, moduleId], { methodName: 'who', payload: null })
      assert.deepEqual([gone.status, gone.inner?.errorCode], [404, 404_103])
      assert.equal((await invoke(service, deviceId, call)).status, 1)
      const unknown = await refusedCall(service, [deviceId, 'no-such'], { methodName: 'who', payload: null })
      assert.deepEqual([unknown.status, unknown.code], [404, 'ModuleNotFound'])
      await device.close()
    })

    test(`row 30 ${name}: an offline device is 404103, and one that comes in time is called`, { skip }, async () => {
      const deviceId = deviceIdOf('r30-offline')
      const { primary } = await theHub().device({ deviceId })
      const service = await serviceClient()
      const offline = await refusedCall(service, deviceId, { methodName: 'echo', payload: null })
      assert.equal(offline.status, 404)
      assert.equal(offline.code, 'DeviceNotOnline')
      const { trackingId, timestampUtc, ...inner } = offline.inner ?? {}
      assert.deepEqual(inner, {
        errorCode: 404_103,
        message: 'Timed out waiting for device to connect.',
        info: { timeout: '00:00:00' },
      })
      assert.match(String(trackingId), /^[0-9a-f-]{36}$/)
      assert.ok(Math.abs(Date.parse(String(timestampUtc)) - Date.now()) < 10_000)
      // Connected is not enough: it has to listen to methods.
      const client = clientOf(primary, transport)
      await open(client)
      const deaf = await refusedCall(service, deviceId, { methodName: 'echo', payload: null })
      assert.equal(deaf.inner?.errorCode, 404_103)
      const begun = performance.now()
      const late = refusedCall(service, deviceId, { methodName: 'echo', payload: null, connectTimeoutInSeconds: 1 })
      const refusal = await late
      assert.deepEqual(refusal.inner?.info, { timeout: '00:00:01' })
      assert.ok(performance.now() - begun >= 990)
      await client.close()
      const waiting = invoke(service, deviceId, { methodName: 'echo', payload: 7, connectTimeoutInSeconds: 30 })
      await pause(300)
      const again = clientOf(primary, transport)
      await open(again)
      await echo(again, 'echo')
      assert.deepEqual(await waiting, { status: 200, payload: { method: 'echo', payload: 7 } })
      await again.close()
    })

    test(`row 30 ${name}: no answer in time is 504101, a connection that ends meanwhile 404104`, { skip }, async () => {
      const deviceId = deviceIdOf('r30-silent')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      let asked = (): void => undefined
      const isAsked = new Promise<void>((resolve) => {
        asked = resolve
      })
      const answers: (() => Promise<unknown>)[] = []
      client.onDeviceMethod('sleep', (_request, response) => {
        answers.push(() => response.send(200, 'too late'))
        asked()
      })
      await pause(200)
      const service = await serviceClient()
      const begun = performance.now()
      const call = { methodName: 'sleep', payload: null, responseTimeoutInSeconds: 5 }
      const silent = await refusedCall(service, deviceId, call)
      assert.deepEqual([silent.status, silent.code, silent.inner?.errorCode], [504, 'GatewayTimeout', 504_101])
      assert.ok(performance.now() - begun >= 4_990)
      await isAsked
      // What comes too late is nobody's answer, and harms nobody.
      for (const answer of answers) await answer()
      const closing = refusedCall(service, deviceId, { ...call, responseTimeoutInSeconds: 60 })
      await pause(300)
      await client.close()
      const closed = await closing
      assert.deepEqual(
        [closed.status, closed.code, closed.inner?.errorCode],
        [404, 'DeviceConnectionClosedRemotely', 404_104],
      )
    })

    test(`row 18 ${name}: a device goes on answering after its token was renewed`, { skip }, async () => {
      const deviceId = deviceIdOf('r18-renewed')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await client.setOptions({ tokenRenewal: { tokenValidTimeInSeconds: 5, tokenRenewalMarginInSeconds: 3 } })
      await open(client)
      await echo(client, 'echo')
      const service = await serviceClient()
      const until = performance.now() + 5_000
      for (let count = 0; performance.now() < until; count += 1) {
        // While the SDK reconnects, the device is not there: the back end gives it time.
        const call = { methodName: 'echo', payload: count, connectTimeoutInSeconds: 10 }
        const outcome = await invoke(service, deviceId, call).catch((error: unknown) => String(error))
        // A call that the device had when it went is told as such, or its answer is lost with the connection.
        if (typeof outcome !== 'string') assert.deepEqual(outcome.payload, { method: 'echo', payload: count })
        await pause(250)
      }
      // The next renewal may fall just on it, too.
      const last = { methodName: 'echo', payload: 'last', connectTimeoutInSeconds: 10 }
      const answer = await invoke(service, deviceId, last).catch(() => invoke(service, deviceId, last))
      assert.deepEqual(answer, { status: 200, payload: { method: 'echo', payload: 'last' } })
      await client.close()
    })

    test(`row 30 ${name}: many callers at once get each their own answer`, { skip }, async () => {
      const deviceId = deviceIdOf('r30-many')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      client.onDeviceMethod('echo', (request, response) => {
        // In another order than they came.
        setTimeout(() => void response.send(200, request.payload), Number(request.payload) % 7)
      })
      await pause(200)
      const services = await Promise.all([serviceClient(), serviceClient('iothubowner')])
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, at) => {
          const service = services[at % 2]
          assert.ok(service !== undefined)
          return invoke(service, deviceId, { methodName: 'echo', payload: at })
        }),
      )
      assert.deepEqual(
        answers.map(({ payload }) => payload),
        Array.from({ length: 40 }, (_, at) => at),
      )
      await client.close()
    })
  }

  test('row 30: an unknown device is DeviceNotFoundError, a policy without the right is refused', {
    skip,
  }, async () => {
    const service = await serviceClient()
    const unknown = await refusedCall(service, 'no-such', { methodName: 'x', payload: null })
    assert.deepEqual(
      [unknown.name, unknown.status, unknown.code, unknown.inner],
      ['DeviceNotFoundError', 404, 'DeviceNotFound', undefined],
    )
    await theHub().device({ deviceId: 'r30-rights' })
    for (const policy of ['registryRead', 'registryReadWrite', 'device']) {
      const refused = await refusedCall(await serviceClient(policy), 'r30-rights', { methodName: 'x', payload: null })
      assert.deepEqual([refused.name, refused.status], ['UnauthorizedError', 401], policy)
    }
  })

  test('row 30: calls of the wrong form are ArgumentError', { skip }, async () => {
    const deviceId = 'r30-form'
    await theHub().device({ deviceId })
    const service = await serviceClient()
    for (const call of [
      { methodName: 'x', payload: null, responseTimeoutInSeconds: 4 },
      { methodName: 'x', payload: null, responseTimeoutInSeconds: 301 },
      { methodName: 'x', payload: null, responseTimeoutInSeconds: 5.5 },
      { methodName: 'x', payload: null, connectTimeoutInSeconds: 301 },
      { methodName: 'x', payload: null, connectTimeoutInSeconds: -1 },
      { methodName: 'x'.repeat(101), payload: null },
      { methodName: 'a\nb', payload: null },
    ]) {
      const refused = await refusedCall(service, deviceId, call)
      assert.deepEqual([refused.name, refused.status, refused.code], ['ArgumentError', 400, 'ArgumentInvalid'])
    }
  })

  test('a method is called from the command line, and every call is an event', { skip }, async () => {
    const deviceId = 'r30-cli'
    const { primary } = await theHub().device({ deviceId })
    const client = clientOf(primary, DEVICE_TRANSPORTS[0])
    await open(client)
    await echo(client, 'setSpeed', 7)
    const answer = await theHub().object('device', 'invoke', deviceId, 'setSpeed', '--payload', '{"rpm":1}')
    assert.deepEqual(answer, { status: 7, payload: { method: 'setSpeed', payload: { rpm: 1 } } })
    const offline = await theHub().command('device', 'invoke', deviceId, 'setSpeed', '--module', 'none')
    assert.equal(offline.code, 1)
    assert.match(offline.stderr, /the module does not exist/)
    await client.close()
    const gone = await theHub().command('device', 'invoke', deviceId, 'setSpeed')
    assert.match(gone.stderr, /timed out waiting for device to connect/)
    const [called, missed] = (await theHub().events(`device/${deviceId}`)).filter(
      ({ type }) => type === 'method.invoked',
    )
    assert.deepEqual(
      [called?.actor, called?.detail.method, called?.detail.outcome, called?.detail.status],
      ['operator/local', 'setSpeed', 'answered', 7],
    )
    assert.equal(missed?.detail.outcome, 'not-online')
  })
})
