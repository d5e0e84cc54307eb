import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { type TestContext, test } from 'node:test'
import { choosePorts, PortError } from './ports.ts'

const ADDRESS = '127.0.0.1'

/** Another program on a port of its own. */
async function occupied(t: TestContext): Promise<number> {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve))
  t.after(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const FREE = { address: ADDRESS, amqpPort: 0, mqttPort: 0, httpsPort: 0, httpsPortIsChosen: true }

test('port 0 finds a free port for each listener', async () => {
  const { mqttPort, httpsPort } = await choosePorts(FREE)
  assert.ok(mqttPort > 0 && httpsPort > 0)
})

test('a port in use is refused by number, with the option to choose another', async (t) => {
  const port = await occupied(t)
  const message = new RegExp(`port ${port}: another program listens there.*--mqtt-port`)
  await assert.rejects(choosePorts({ ...FREE, amqpPort: 0, mqttPort: port }), { name: 'PortError', message })
})

test('an HTTPS port that was asked for by name is not replaced by another', async (t) => {
  await assert.rejects(choosePorts({ ...FREE, httpsPort: await occupied(t) }), /--https-port/)
})

test('an HTTPS port nobody asked for gives way to 8443', async (t) => {
  const httpsPort = await occupied(t)
  try {
    assert.equal((await choosePorts({ ...FREE, httpsPort, httpsPortIsChosen: false })).httpsPort, 8_443)
  } catch (error) {
    // 8443 is the machine's, and may be in use.
    assert.match(error instanceof PortError ? error.message : '', /port 8443: another program/)
  }
})

test('an address of another machine is said to be one', async () => {
  await assert.rejects(
    choosePorts({ ...FREE, address: '192.0.2.1' }),
    /192\.0\.2\.1: it is not an address of this machine.*--listen/,
  )
})

test('what is no address is not taken for a fault of the port', async () => {
  await assert.rejects(choosePorts({ ...FREE, address: 'no address' }), /'?no address.*Correct --listen/)
})
