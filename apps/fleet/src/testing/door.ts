/** A small real door for tests: TLS with a certificate of its own root, MQTT by the hub's machine, answers by the test. */

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { timestampOf } from '@holdfast/base'
import { type Connect, type Publish, SERVER_LIMITS, ServerConnection } from '@holdfast/mqtt'
import { encodePem, ROOT_AUTHORITY, SERVER_CERTIFICATE } from '@holdfast/pki'
import { issue, signerOf } from '@holdfast/pki/testing'
import { monotonicNow, type Server } from '../mqtt-socket.ts'

export interface Guest {
  readonly connection: ServerConnection
  readonly socket: TLSSocket
}

export interface Rules {
  /** 0 lets in; else the CONNACK code. */
  onConnect(connect: Connect, guest: Guest): 0 | 1 | 2 | 3 | 4 | 5
  /** True answers with PUBACK. */
  onPublish(publish: Publish, guest: Guest): boolean
}

export interface Door {
  readonly server: Server
  readonly guests: ReadonlySet<Guest>
  rules: Rules
  close(): Promise<void>
}

export async function openDoor(rules: Rules, hostname = 'hub.test'): Promise<Door> {
  const now = timestampOf(Date.now())
  const root = await issue({ profile: ROOT_AUTHORITY, commonName: 'Door Root', now })
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const leaf = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: hostname,
    issuer: root,
    signer: signerOf(pair, 'ecdsa-sha256'),
    alternativeNames: [{ kind: 'dns', name: hostname }],
    now,
  })
  const guests = new Set<Guest>()
  const door = { rules }
  const listener = createServer(
    {
      key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      cert: encodePem('CERTIFICATE', leaf.certificate.der),
      ticketKeys: randomBytes(48),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      const connection: ServerConnection = new ServerConnection(monotonicNow(), SERVER_LIMITS, {
        send: (bytes) => void socket.write(bytes),
        onConnect: (connect) => {
          const code = door.rules.onConnect(connect, guest)
          if (code === 0) connection.accept({ sessionPresent: !connect.cleanSession }, monotonicNow())
          else {
            connection.refuse(code)
            socket.end()
          }
        },
        onPublish: (publish) => {
          if (door.rules.onPublish(publish, guest) && publish.qos === 1) connection.puback([publish.packetId])
        },
        onSubscribe: (subscribe) =>
          connection.suback(
            subscribe.packetId,
            subscribe.requests.map(() => 1),
          ),
        onUnsubscribe: (unsubscribe) => connection.unsuback(unsubscribe.packetId),
        onPuback: () => undefined,
        onClose: () => socket.end(),
      })
      const guest: Guest = { connection, socket }
      guests.add(guest)
      socket.on('data', (chunk: Buffer) => connection.receive(chunk, monotonicNow()))
      socket.on('error', () => undefined)
      socket.on('close', () => guests.delete(guest))
    },
  )
  listener.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  return {
    server: { host: '127.0.0.1', port, hostname, authority: encodePem('CERTIFICATE', root.certificate.der) },
    guests,
    get rules() {
      return door.rules
    },
    set rules(next) {
      door.rules = next
    },
    async close() {
      for (const { socket } of guests) socket.destroy()
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}
