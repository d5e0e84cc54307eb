import { createServer } from 'node:net'

/** Where 443 may not be bound and was not asked for by name. */
const HTTPS_PORT_ELSE = 8_443

export class PortError extends Error {
  constructor(port: number, option: string, why: string) {
    super(`cannot listen on port ${port}: ${why}. Free the port, or choose another with ${option}.`)
    this.name = 'PortError'
  }
}

/**
 * Finds the ports that the fronts will share. Each is bound for a moment without sharing: the fronts would silently
 * share a port with another hub of the same user, and half of the devices would land there.
 * @throws PortError saying which port, why, and what to do.
 */
export async function choosePorts(wanted: {
  readonly address: string
  readonly mqttPort: number
  readonly httpsPort: number
  readonly httpsPortIsChosen: boolean
}): Promise<{ readonly mqttPort: number; readonly httpsPort: number }> {
  const { address } = wanted
  const mqttPort = await probe(address, wanted.mqttPort, '--mqtt-port')
  if (wanted.httpsPortIsChosen) return { mqttPort, httpsPort: await probe(address, wanted.httpsPort, '--https-port') }
  const httpsPort = await probe(address, wanted.httpsPort, '--https-port').catch(() =>
    probe(address, HTTPS_PORT_ELSE, '--https-port'),
  )
  return { mqttPort, httpsPort }
}

function probe(host: string, port: number, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => reject(new PortError(port, option, reasonOf(error))))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      server.close(() => resolve(bound))
    })
  })
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program listens there'
    case 'EACCES':
      return 'this user may not bind it'
    case 'EADDRNOTAVAIL':
      return 'the address of --listen is not one of this machine'
    default:
      return error.code ?? error.message
  }
}
