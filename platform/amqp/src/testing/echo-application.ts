/** A small real application for tests: an echo, a clock that ticks out numbered messages, and a record of what happened. */

import { createServer, type Server } from 'node:net'
import type { Clock } from '@holdfast/base'
import { instantOf, timestampOf } from '@holdfast/base'
import {
  type AmqpApplication,
  type AmqpConnection,
  type AmqpLimits,
  AmqpServer,
  encodeMessage,
  type IncomingDelivery,
  type OutgoingLink,
} from '../index.ts'

export const clock: Clock = {
  monotonic: () => instantOf(performance.now()),
  wall: () => timestampOf(Date.now()),
}

export interface Stage {
  readonly port: number
  readonly server: AmqpServer
  readonly log: string[]
  readonly faults: unknown[]
  readonly deliveries: IncomingDelivery[]
  readonly connections: AmqpConnection[]
  close(): Promise<void>
}

/** Serves plain TCP on the loopback. `numbers` sends on without end, `held` settles nothing, `inbox` accepts. */
export async function serveEcho(limits: Partial<AmqpLimits> = {}, defaults?: AmqpLimits): Promise<Stage> {
  const log: string[] = []
  const faults: unknown[] = []
  const deliveries: IncomingDelivery[] = []
  const connections: AmqpConnection[] = []
  const application: AmqpApplication = {
    connected(connection, peer) {
      connections.push(connection)
      log.push(`connected ${peer.transport}`)
      return {
        verifyPlain: async (name, password) => {
          const isValid = name === 'me' && password === 'secret'
          if (isValid) connection.trust()
          return isValid
        },
        attachIncoming(link) {
          if (link.address === 'inbox' || link.address === 'held') connection.trust()
          if (link.address !== 'inbox' && link.address !== 'held') {
            return { condition: 'amqp:not-found', description: `there is no ${link.address}` }
          }
          link.grant(10)
          return {
            message: (delivery) => {
              deliveries.push(delivery)
              if (link.address === 'inbox') delivery.accept()
            },
            closed: () => log.push(`closed ${link.address}`),
          }
        },
        attachOutgoing(link) {
          connection.trust()
          if (link.address === 'redirect') {
            return {
              condition: 'amqp:link:redirect',
              description: 'elsewhere',
              info: { hostname: 'other', port: 5671, address: 'amqps://other/x' },
            }
          }
          if (link.address !== 'numbers' && link.address !== 'locked') {
            return { condition: 'amqp:not-found', description: `there is no ${link.address}` }
          }
          return outgoing(link, log)
        },
        closed: (reason) => log.push(`over: ${reason}`),
      }
    },
  }
  const server = new AmqpServer({
    containerId: 'test',
    application,
    clock,
    fault: (error) => faults.push(error),
    ...(defaults === undefined ? {} : { limits: { ...defaults, ...limits } }),
  })
  const listener: Server = createServer((socket) => {
    const transport = {
      write: (bytes: Uint8Array) => void socket.write(bytes),
      end: () => {
        socket.end()
        // As the hub does: what a peer still sends is read, or it would never see why.
        setTimeout(() => socket.destroy(), 2_000).unref()
      },
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      get backlogBytes() {
        return socket.writableLength
      },
    }
    const intake = server.accept(transport, { address: '127.0.0.1', transport: 'amqp' })
    socket.on('data', (bytes: Buffer) => intake?.received(bytes))
    socket.on('close', () => intake?.peerClosed())
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  const bound = listener.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    server,
    log,
    faults,
    deliveries,
    connections,
    close: () =>
      new Promise((resolve) => {
        server.closeAll({ condition: 'amqp:connection:forced', description: 'the test is over' })
        listener.close(() => resolve())
      }),
  }
}

function outgoing(link: OutgoingLink, log: string[]) {
  let number = 0
  const body = Buffer.alloc(256, 0x61)
  return {
    ready: () => {
      while (link.capacity > 0) {
        number += 1
        const message = encodeMessage({ messageId: `n${number}`, body })
        if (link.address === 'locked') link.send(message, number)
        else link.send(message)
      }
    },
    settled: (token: number, outcome: string) => log.push(`${outcome} ${token}`),
    closed: () => log.push(`closed ${link.address}`),
  }
}
