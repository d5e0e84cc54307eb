import assert from 'node:assert/strict'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { createServer } from 'node:tls'
import { HandshakeGate } from './handshake-gate.ts'

/** As in the gate: what one address may have under way in one front. */
const PER_ADDRESS_MAX = 512

test('handshakes that are not finished are told once each, with the address, also when the socket forgot it', async (context) => {
  const told: { readonly address: string; readonly detail: string }[] = []
  const gate = new HandshakeGate((address, detail) => told.push({ address, detail }))
  const server = createServer({ handshakeTimeout: 1_500 })
  gate.guard(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const count = PER_ADDRESS_MAX + 20
  const sockets: Socket[] = []
  context.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await Promise.all(
    Array.from({ length: count }, () => {
      const socket = connect({ host: '127.0.0.1', port }).on('error', () => undefined)
      sockets.push(socket.resume())
      return new Promise((resolve) => socket.on('close', resolve))
    }),
  )
  assert.deepEqual([...new Set(told.map(({ address }) => address))], ['127.0.0.1'])
  assert.equal(told.length, count)
  assert.equal(told.filter(({ detail }) => detail === 'too many handshakes under way').length, 20)
  assert.equal(told.filter(({ detail }) => detail === 'ERR_TLS_HANDSHAKE_TIMEOUT').length, PER_ADDRESS_MAX)
})
