/** Devices with keys, and tokens for all of them, in the form that the load generator reads. */

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSasToken } from '@holdfast/tokens'
import { deviceId } from './fleet-credentials.ts'
import { callHub, eachOf, type HoldfastServer } from './holdfast-server.ts'

const TOKEN_SECONDS = 3_600

/** Registers `dev000000` and on; writes `bench-tokens` into the data folder. */
export async function writeTokens(server: HoldfastServer, devices: number): Promise<void> {
  const expirySeconds = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
  const lines: string[] = []
  await eachOf(devices, async (index) => {
    const id = deviceId(index)
    const primaryKey = randomBytes(32).toString('base64')
    await callHub(server.data, 'POST', '/api/v1/devices', { deviceId: id, auth: 'sas', primaryKey })
    lines[index] = `${id}\t${formatSasToken({ resource: `localhost/devices/${id}`, key: primaryKey, expirySeconds })}\n`
  })
  writeFileSync(join(server.data, 'bench-tokens'), lines.join(''))
}
