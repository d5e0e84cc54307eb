/** What the rows do with a client of the device SDK. */

import assert from 'node:assert/strict'
import { Client, Mqtt, MqttWs, type ModuleClient } from './azure-sdk.ts'

/** An event that does not come fails the row after so long, in milliseconds. */
const EVENT_MS_MAX = 20_000
/** How often something that the hub does on its own is looked at, and for how long, in milliseconds. */
const LOOK_MS = 50

export interface DeviceTransport {
  readonly name: 'mqtt' | 'mqtt-ws'
  readonly constructorOf: typeof Mqtt
}

export const DEVICE_TRANSPORTS: readonly [DeviceTransport, DeviceTransport] = [
  { name: 'mqtt', constructorOf: Mqtt },
  { name: 'mqtt-ws', constructorOf: MqttWs },
]

/** The SDK would try again for four minutes; a row wants the first outcome. */
const NO_RETRY = { shouldRetry: (): boolean => false, nextRetryTimeout: (): number => -1 }

export interface Credentials {
  readonly cert: string
  readonly key: string
  readonly passphrase?: string
}

/** A client that does not try again. Not opened. */
export function clientOf(connectionString: string, transport: DeviceTransport): Client {
  const client = Client.fromConnectionString(connectionString, transport.constructorOf)
  client.setRetryPolicy(NO_RETRY)
  return client
}

export async function certifiedClient(
  connectionString: string,
  transport: DeviceTransport,
  credentials: Credentials,
): Promise<Client> {
  const client = clientOf(connectionString, transport)
  await client.setOptions({ ...credentials })
  return client
}

export function neverRetry<T extends Client | ModuleClient>(client: T): T {
  client.setRetryPolicy(NO_RETRY)
  return client
}

/** Opens and gives what CONNACK said. */
export async function open(client: Client | ModuleClient): Promise<{ readonly isSessionPresent: boolean }> {
  // The transport's result stands in the client's, and CONNACK as mqtt.js gives it in that.
  const connack = transportObject(transportObject(await client.open()))
  assert.ok(typeof connack === 'object' && connack !== null && 'returnCode' in connack && 'sessionPresent' in connack)
  assert.equal(connack.returnCode, 0)
  return { isSessionPresent: connack.sessionPresent === true }
}

function transportObject(result: unknown): unknown {
  return typeof result === 'object' && result !== null && 'transportObj' in result ? result.transportObj : undefined
}

/** Asserts that the hub refuses a client with CONNACK `code`, and that the SDK knows it for what it is. */
export async function refused(client: Client | ModuleClient, code: 4 | 5 = 5): Promise<void> {
  const error = await failure(client.open())
  assert.equal(error.name, 'UnauthorizedError', String(error.stack))
  assert.match(
    error.message,
    code === 5 ? /Connection refused: Not authorized/ : /Connection refused: Bad username or password/,
  )
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof Error, 'it succeeded, and must not')
  return outcome
}

/** Milliseconds until the SDK says that the hub closed the connection. */
export async function disconnected(client: Client | ModuleClient): Promise<number> {
  const since = performance.now()
  await within(
    EVENT_MS_MAX,
    new Promise<void>((resolve) => {
      client.once('disconnect', () => resolve())
    }),
    'the connection stays open',
  )
  return performance.now() - since
}

export async function within<T>(milliseconds: number, promise: Promise<T>, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(otherwise)), milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks again and again until it is so. */
export async function eventually(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  for (const until = performance.now() + EVENT_MS_MAX; !(await isSo()); ) {
    if (performance.now() > until) throw new Error(otherwise)
    await pause(LOOK_MS)
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })
}
