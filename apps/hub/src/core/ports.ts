import { createServer } from 'node:net'

/** Where 443 may not be bound and was not asked for by name. */
const HTTPS_PORT_ELSE = 8_443

export class PortError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'PortError'
  }
}

/** Where the hub listens. */
export interface Ports {
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
}

/**
 * Finds the ports that the fronts will share. Each is bound for a moment without sharing: the fronts would silently
 * share a port with another hub of the same user, and half of the devices would land there.
 * @throws PortError saying which port, why, and what to do.
 */
export async function choosePorts(wanted: {
  readonly address: string
  readonly mqttPort: number
  readonly amqpPort: number
  readonly httpsPort: number
  readonly httpsPortIsChosen: boolean
}): Promise<Ports> {
  const { address } = wanted
  const mqttPort = await probe(address, wanted.mqttPort, '--mqtt-port')
  const amqpPort = await probe(address, wanted.amqpPort, '--amqp-port')
  if (wanted.httpsPortIsChosen) {
    return { mqttPort, amqpPort, httpsPort: await probe(address, wanted.httpsPort, '--https-port') }
  }
  const httpsPort = await probe(address, wanted.httpsPort, '--https-port').catch(() =>
    probe(address, HTTPS_PORT_ELSE, '--https-port'),
  )
  return { mqttPort, amqpPort, httpsPort }
}

function probe(host: string, port: number, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => reject(portError(error, host, port, option)))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(bound))
    })
  })
}

function portError(error: NodeJS.ErrnoException, host: string, port: number, option: string): PortError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new PortError(
        `cannot listen on port ${port}: another program listens there. Free the port, or choose another with ${option}.`,
      )
    case 'EACCES':
      return new PortError(
        `cannot listen on port ${port}: this user may not bind it. Choose another with ${option}, or give the right to it.`,
      )
    case 'EADDRNOTAVAIL':
      return new PortError(`cannot listen on ${host}: it is not an address of this machine. Correct --listen.`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new PortError(`cannot listen on ${host}: it is no address, and no name that resolves. Correct --listen.`)
    default:
      return new PortError(`cannot listen on ${host}, port ${port}: ${error.code ?? error.message}.`)
  }
}
