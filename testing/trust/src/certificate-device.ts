/** A device with a certificate before every door of the hub, by mosquitto, mqtt.js and curl. */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'mqtt'
import type { KeyPair } from './est-client.ts'

export interface Doors {
  readonly mqttPort: number
  readonly httpsPort: number
  readonly caFile: string
  readonly idScope: string
}

export type Door = 'mqtt' | 'mqtt-ws' | 'https' | 'dps-mqtt' | 'dps-https'
export const HUB_DOORS: readonly Door[] = ['mqtt', 'mqtt-ws', 'https']
export const DPS_DOORS: readonly Door[] = ['dps-mqtt', 'dps-https']

const PROCESS_MS_MAX = 15_000

/** Whether the device is let in, telemetry acknowledged or registration begun; else what the client said. */
export async function knock(doors: Doors, door: Door, deviceId: string, pair: KeyPair): Promise<true | string> {
  switch (door) {
    case 'mqtt': {
      const user = `localhost/${deviceId}/?api-version=2021-04-12`
      return publish(doors, pair, deviceId, user, `devices/${deviceId}/messages/events/`)
    }
    case 'mqtt-ws':
      return overWebSocket(doors, pair, deviceId)
    case 'dps-mqtt': {
      const user = `${doors.idScope}/registrations/${deviceId}/api-version=2019-03-31`
      return publish(doors, pair, deviceId, user, '$dps/registrations/PUT/iotdps-register/?$rid=1')
    }
    case 'https': {
      const url = `/devices/${encodeURIComponent(deviceId)}/messages/events?api-version=2021-04-12`
      return call(doors, pair, ['-X', 'POST', '--data-binary', 'x'], url, '204')
    }
    case 'dps-https': {
      const url = `/${doors.idScope}/registrations/${deviceId}/register?api-version=2019-03-31`
      const body = [
        '-X',
        'PUT',
        '-H',
        'content-type: application/json',
        '-d',
        JSON.stringify({ registrationId: deviceId }),
      ]
      return call(doors, pair, body, url, '202')
    }
  }
}

function overWebSocket(
  { httpsPort, caFile }: Doors,
  { key, certificate }: KeyPair,
  id: string,
): Promise<true | string> {
  const tls = { ca: readFileSync(caFile), cert: readFileSync(certificate), key: readFileSync(key) }
  const client = connect(`wss://localhost:${httpsPort}/$iothub/websocket`, {
    ...tls,
    clientId: id,
    username: `localhost/${id}/?api-version=2021-04-12`,
    protocolVersion: 4,
    reconnectPeriod: 0,
    connectTimeout: PROCESS_MS_MAX,
  })
  return new Promise((resolve) => {
    const ended = (outcome: true | string): void => {
      client.end(true)
      resolve(outcome)
    }
    client.once('error', (error: Error) => ended(error.message))
    client.once('close', () => ended('closed'))
    client.once('connect', () => {
      client.publish(`devices/${id}/messages/events/`, 'x', { qos: 1 }, (error) =>
        ended(error === undefined || error === null ? true : error.message),
      )
    })
  })
}

function publish(doors: Doors, { key, certificate }: KeyPair, id: string, user: string, topic: string): true | string {
  const tls = ['--cafile', doors.caFile, '--cert', certificate, '--key', key]
  const who = ['-h', 'localhost', '-p', String(doors.mqttPort), '-V', 'mqttv311', '-i', id, '-u', user]
  const parameters = [...who, ...tls, '-q', '1', '-t', topic, '-m', '{}']
  const run = spawnSync('mosquitto_pub', parameters, { encoding: 'utf8', timeout: PROCESS_MS_MAX })
  return run.status === 0 ? true : `${run.stderr}${run.stdout}`.trim()
}

function call(
  doors: Doors,
  { key, certificate }: KeyPair,
  request: readonly string[],
  path: string,
  success: string,
): true | string {
  const tls = ['--cacert', doors.caFile, '--cert', certificate, '--key', key]
  const url = `https://localhost:${doors.httpsPort}${path}`
  const parameters = ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...tls, ...request, url]
  const run = spawnSync('curl', parameters, { encoding: 'utf8', timeout: PROCESS_MS_MAX })
  const status = run.stdout.trim()
  return status === success ? true : `${status}${run.stderr}`.trim()
}
