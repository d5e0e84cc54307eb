import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below what Linux gives out for outgoing connections (32768): a client that calls a port of that range while nobody
 * listens there can be given the same port as its own, and then it talks to itself.
 */
const LEAST = 20_000
const MOST = 32_000
const TRIES_MAX = 100

/** A port of 127.0.0.1 where nobody listens just now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(LEAST, MOST)
    if (await isFree(port)) return port
  }
  throw new Error(`no port between ${LEAST} and ${MOST} is free`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
