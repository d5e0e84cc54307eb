/** A back end that reads events as they come, through the Event Hubs-compatible endpoint, and starts anew at times. */

import { formatSasToken } from '@holdfast/tokens'
import rhea, { type Connection } from 'rhea'

export interface EventReaderOptions {
  readonly port: number
  /** PEM. */
  readonly authority: string
  readonly key: string
  readonly partitions: number
}

/** After so many messages it starts anew, behind the last of them. */
const CREDIT = 200
const OPENING_MS_MAX = 30_000

export class EventReader {
  readonly #options: EventReaderOptions
  #connection: Connection | undefined
  #received = 0
  #isWanted = true
  #failures: string[] = []

  constructor(options: EventReaderOptions) {
    this.#options = options
  }

  get received(): number {
    return this.#received
  }

  get failures(): readonly string[] {
    return this.#failures
  }

  /** Resolves when all partitions are read. */
  open(): Promise<void> {
    const { port, authority, key, partitions } = this.#options
    const expirySeconds = Math.floor(Date.now() / 1000) + 86_400
    const connection = rhea.create_container().connect({
      transport: 'tls',
      host: '127.0.0.1',
      servername: 'localhost',
      hostname: 'localhost',
      port,
      ca: authority,
      username: 'service@sas.root.localhost',
      password: formatSasToken({ resource: 'localhost', key, policyName: 'service', expirySeconds }),
      reconnect: false,
    })
    this.#connection = connection
    this.#isWanted = true
    connection.on('message', () => {
      this.#received += 1
    })
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the endpoint does not answer')), OPENING_MS_MAX)
      timer.unref()
      let open = 0
      for (const name of ['connection_error', 'receiver_error', 'session_error', 'disconnected'] as const) {
        connection.on(name, () => {
          if (!this.#isWanted || this.#connection !== connection) return
          this.#failures.push(name)
          reject(new Error(`the endpoint answered with ${name}`))
        })
      }
      connection.on('receiver_open', () => {
        open += 1
        if (open < partitions) return
        clearTimeout(timer)
        resolve()
      })
      connection.once('connection_open', () => {
        for (let partition = 0; partition < partitions; partition += 1) {
          connection.open_receiver({
            source: {
              address: `localhost/ConsumerGroups/$Default/Partitions/${partition}`,
              filter: rhea.filter.selector("amqp.annotation.x-opt-offset > '@latest'"),
            },
            credit_window: CREDIT,
          })
        }
      })
    })
  }

  /** Resolves when the connection is closed on both sides. */
  async close(): Promise<void> {
    const connection = this.#connection
    this.#isWanted = false
    this.#connection = undefined
    if (connection === undefined || connection.is_closed()) return
    const closed = new Promise<void>((resolve) => {
      connection.once('connection_close', () => resolve())
      connection.once('disconnected', () => resolve())
    })
    connection.close()
    await closed
  }
}
