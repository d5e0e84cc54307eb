/**
 * The SDKs put 443 into their addresses and give no way to change it, so most rows need the ports of the standard. Two
 * test files (or two working copies) must not want them at once: whoever uses them holds a lock meanwhile.
 */

import { createServer, type Server } from 'node:net'

export const MQTT_PORT = 8_883
export const AMQP_PORT = 5_671
export const HTTPS_PORT = 443
export const ADDRESS = '127.0.0.1'

/** Another file of this suite holds the ports for at most this long, in milliseconds. */
const WAIT_MS_MAX = 300_000
const RETRY_MS = 200
/** In the abstract namespace of Linux: the kernel drops it with the process, so that nothing stale is left behind. */
const LOCK = '\0holdfast-conformance-standard-ports'

/**
 * Takes the ports for this process, until it ends. For the `skip` of tests: false where both are ours, else the reason
 * by name.
 * @throws Error when they cannot be had and `CI=true`.
 */
export async function requireStandardPorts(): Promise<string | false> {
  const reason =
    (await lacking(LOCK, WAIT_MS_MAX)) ??
    (await lacking(MQTT_PORT, 0)) ??
    (await lacking(AMQP_PORT, 0)) ??
    (await lacking(HTTPS_PORT, 0))
  if (reason === undefined) return false
  if (process.env.CI === 'true') throw new Error(`under CI=true nothing is skipped: ${reason}`)
  return reason
}

/** Why an address cannot be bound. The lock stays bound; a port is only tried. */
async function lacking(what: string | number, waitMs: number): Promise<string | undefined> {
  const until = Date.now() + waitMs
  for (;;) {
    const bound = await bind(what)
    if (typeof bound !== 'string') {
      if (typeof what === 'number') bound.close()
      else bound.unref()
      return undefined
    }
    if (Date.now() >= until) {
      return `the clients of Azure need ${typeof what === 'number' ? `port ${what} of ${ADDRESS}` : 'ports 8883, 5671 and 443'}: ${bound}`
    }
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY_MS)
    })
  }
}

function bind(what: string | number): Promise<Server | string> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    const where = typeof what === 'number' ? { host: ADDRESS, port: what, exclusive: true } : { path: what }
    server.listen(where, () => resolve(server))
  })
}
