/**
 * A program of its own, for `@azure/storage-blob` trusts what NODE_EXTRA_CA_CERTS names and nothing else: uploads files
 * by the device SDK, and writes what came of it as one JSON object. Input: one JSON object (`UploadScenario`).
 */

import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { Client, Http, Mqtt, MqttWs } from './azure-sdk.ts'

export interface UploadScenario {
  readonly transport: 'mqtt' | 'mqtt-ws' | 'https'
  readonly connectionString: string
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

export interface UploadReport {
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly outcome: string }[]
}

const TRANSPORTS = { mqtt: Mqtt, 'mqtt-ws': MqttWs, https: Http } as const

export async function uploadAll({ transport, connectionString, files }: UploadScenario): Promise<UploadReport> {
  const client = Client.fromConnectionString(connectionString, TRANSPORTS[transport])
  const report: UploadReport['files'][number][] = []
  await client.open()
  for (const { name, bytes } of files) {
    const content = randomBytes(bytes)
    const sha256 = createHash('sha256').update(content).digest('hex')
    // In pieces of odd sizes, as a stream from a disk has them.
    const stream = Readable.from(
      (function* () {
        for (let at = 0; at < bytes; at += 50_001) yield content.subarray(at, at + 50_001)
      })(),
      { objectMode: false },
    )
    const outcome = await client.uploadToBlob(name, stream, bytes).then(
      () => 'ok',
      (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
    )
    report.push({ name, sha256, outcome })
  }
  await client.close()
  return { files: report }
}

if (import.meta.main) {
  const scenario = JSON.parse(process.argv[2] ?? '') as UploadScenario
  process.stdout.write(`${JSON.stringify(await uploadAll(scenario))}\n`)
  process.exit(0)
}
