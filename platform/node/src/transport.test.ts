import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { TLSSocket } from 'node:tls'
import { TlsTransport } from './transport.ts'

test('what waits for a peer is counted with what each write takes, and is nothing when the peer has taken it', async () => {
  const waiting: (() => void)[] = []
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => void waiting.push(done) })
  const socket = new TLSSocket(wire)
  // The wire under it takes nothing yet; the handshake is not what this is about.
  const transport = new TlsTransport(socket)
  assert.equal(transport.backlogBytes, 0)
  for (let count = 0; count < 1_000; count++) transport.write(Buffer.from([0xd0, 0]))
  assert.ok(transport.backlogBytes >= 1_000 * 200, `${transport.backlogBytes} for a thousand PINGRESP`)
  socket.on('error', () => undefined)
  socket.destroy()
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  assert.equal(transport.backlogBytes, 0)
  wire.destroy()
})
