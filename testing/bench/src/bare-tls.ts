/**
 * A server of `node:tls` that lets everybody in and does nothing: what a connection costs before any code of ours. It is
 * the floor under the hub's memory, as mosquitto is the peer beside it.
 */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { FleetCredentials } from './fleet-credentials.ts'
import { freePort, scratchFolder, type ServerKind, started } from './server.ts'

/** CONNACK, accepted. */
const CONNACK = Buffer.from([0x20, 2, 0, 0])

export function bareTls(credentials: FleetCredentials): ServerKind {
  return {
    name: 'node:tls',
    topic: '%s',
    user: '%s',
    async start({ scratch }) {
      const folder = scratchFolder(scratch, 'bare-tls-')
      const port = await freePort()
      const { serverKeyFile, serverCertificateFile } = credentials
      const args = [fileURLToPath(import.meta.url), String(port), serverKeyFile, serverCertificateFile]
      return started(spawn(process.execPath, args, { stdio: 'ignore' }), port, credentials.authorityFile, folder)
    },
  }
}

function serve(port: number, keyFile: string, certificateFile: string): void {
  const options = {
    key: readFileSync(keyFile),
    cert: readFileSync(certificateFile),
    requestCert: true,
    rejectUnauthorized: false,
    noDelay: true,
  }
  createServer(options, (socket) => {
    socket.once('data', () => socket.write(CONNACK))
    socket.on('error', () => socket.destroy())
  }).listen(port, '127.0.0.1')
}

const [, entry, port, keyFile, certificateFile] = process.argv
if (entry === fileURLToPath(import.meta.url) && keyFile !== undefined && certificateFile !== undefined) {
  serve(Number(port), keyFile, certificateFile)
}
