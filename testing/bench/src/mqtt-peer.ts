/** A client of an MQTT broker: request and answer through topics, as one builds them without methods. */

import { connect } from 'node:tls'
import { instantOf } from '@holdfast/base'
import { ClientConnection, type Publish } from '@holdfast/mqtt'

export interface MqttPeer {
  publish(topic: string, payload: Uint8Array): void
  close(): void
}

const now = () => instantOf(performance.now())

/** Resolves when it is connected and subscribed. */
export function mqttPeer(options: {
  readonly port: number
  /** PEM. */
  readonly authority: string
  readonly clientId: string
  readonly filter: string
  readonly onPublish: (publish: Publish, peer: MqttPeer) => void
}): Promise<MqttPeer> {
  const { port, authority, clientId, filter, onPublish } = options
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority })
  socket.setNoDelay(true)
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`${clientId}: the broker closed the connection`)))
    socket.once('secureConnect', () => {
      const peer: MqttPeer = {
        publish: (topic, payload) => void connection.publish({ topic, payload, qos: 0 }, now()),
        close: () => {
          connection.disconnect(now())
          socket.end()
        },
      }
      const connection: ClientConnection = new ClientConnection(
        now(),
        { clientId, cleanSession: true, keepAliveSeconds: 0 },
        {
          send: (bytes) => void socket.write(bytes),
          onOpen: () => void connection.subscribe([{ filter, qos: 0 }], now()),
          onPublish: (publish) => onPublish(publish, peer),
          onPuback: () => undefined,
          onSuback: () => resolve(peer),
          onUnsuback: () => undefined,
          onClose: (reason) => reject(new Error(`${clientId}: ${reason}`)),
        },
      )
      socket.on('data', (bytes: Buffer) => connection.receive(bytes, now()))
    })
  })
}
