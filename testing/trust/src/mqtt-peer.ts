/** mosquitto's clients as devices that prove themselves by a certificate. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import type { KeyPair } from './est-client.ts'

export interface MqttServer {
  readonly mqttPort: number
  readonly caFile: string
}

const PROCESS_MS_MAX = 15_000

function parameters(server: MqttServer, deviceId: string, { key, certificate }: KeyPair): readonly string[] {
  const [, moduleId] = deviceId.split('/')
  const tls = ['--cafile', server.caFile, '--cert', certificate, '--key', key]
  const user = `localhost/${deviceId}/?api-version=2021-04-12`
  const topic = `devices/${deviceId.replace('/', '/modules/')}/messages/events/`
  const who = ['-i', moduleId === undefined ? deviceId : deviceId, '-u', user]
  return ['-h', 'localhost', '-p', String(server.mqttPort), ...tls, '-V', 'mqttv311', ...who, '-q', '1', '-t', topic]
}

/** Whether a message was sent and acknowledged; else what mosquitto said. */
export function publishes(server: MqttServer, deviceId: string, pair: KeyPair, address: string): true | string {
  const run = spawnSync('mosquitto_pub', [...parameters(server, deviceId, pair), '-A', address, '-m', 'x'], {
    encoding: 'utf8',
    timeout: PROCESS_MS_MAX,
  })
  return run.status === 0 ? true : `${run.stderr}${run.stdout}`.trim()
}

/** A device that stays connected. Ends when it is disconnected, for it does not come back by itself. */
export function stays(server: MqttServer, deviceId: string, pair: KeyPair): ChildProcess {
  const given = parameters(server, deviceId, pair).slice(0, -2)
  const topic = `devices/${deviceId}/messages/devicebound/#`
  return spawn('mosquitto_sub', [...given, '-t', topic], { stdio: 'ignore' })
}
