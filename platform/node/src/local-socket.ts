/** The socket in the data folder. Who may open the file may operate the hub: its mode is the authorisation. */

import { chmod, mkdtemp, readFile, rmdir, unlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import type { PeerFacts } from '@holdfast/messaging'
import { BodyBudget } from './body-budget.ts'
import { exchange, type HttpHandler } from './http-exchange.ts'
import { StreamCount } from './streamed-body.ts'

/** Longest path of a Unix socket that every system takes, in bytes (sun_path is 108 on Linux). */
const SOCKET_PATH_BYTES_MAX = 100

const LOCAL_PEER: PeerFacts = { address: 'local', port: 0, transport: 'local', tlsVersion: '', tlsFingerprint: '' }

/** Bodies that are streams under way at once; whoever has the socket has the hub, so that this is for slips alone. */
const STREAMS_MAX = 8

export interface LocalSocket {
  close(): Promise<void>
}

/**
 * Listens at `path`. Where the path is too long for a socket, it lies in a private temporary folder instead, and
 * `path + '.path'` says where. The caller holds the data folder's lock, so a socket left there is nobody's.
 * @param isStreamed which requests have bodies that are read as they come, and may be long.
 */
export async function listenLocally(
  path: string,
  handler: HttpHandler,
  isStreamed: (method: string, target: string) => boolean = () => false,
): Promise<LocalSocket> {
  await removeLeftover(path)
  const isLong = Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX
  const socketPath = isLong ? join(await mkdtemp(join(tmpdir(), 'holdfast-')), 'hub.sock') : path
  const bodies = new BodyBudget()
  const streams = new StreamCount(isStreamed, STREAMS_MAX)
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    exchange(request, response, { peer: LOCAL_PEER, handler, bodies, streams, stalledMs: 0 }).catch(() =>
      response.destroy(),
    )
  })
  await listening(server, socketPath)
  await chmod(socketPath, 0o600)
  if (isLong) await writeFile(`${path}.path`, socketPath, { mode: 0o600 })
  return {
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      if (isLong) await removeLeftover(path)
    },
  }
}

/** Removes the socket of a hub that ran before, wherever it lay. */
async function removeLeftover(path: string): Promise<void> {
  const elsewhere = await readFile(`${path}.path`, 'utf8').catch(() => undefined)
  if (elsewhere !== undefined && isAbsolute(elsewhere)) {
    await unlink(elsewhere).catch(() => undefined)
    // Only where nothing else lies in it.
    await rmdir(dirname(elsewhere)).catch(() => undefined)
  }
  for (const left of [path, `${path}.path`]) await unlink(left).catch(() => undefined)
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // The umask closes the moment between making the file and changing its mode.
    const umask = process.umask(0o177)
    server.listen(path, () => {
      process.umask(umask)
      server.off('error', reject)
      resolve()
    })
  })
}
