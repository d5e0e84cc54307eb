/**
 * Cutting off: what a live session rests on is taken away, and the SDK sees its connection closed. The command says how
 * many sessions it closed and how long that took, which must be less than half a second on every front and transport.
 */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { requireTool } from '@holdfast/testing-tidy'
import { type Client, Message, ModuleClient } from './azure-sdk.ts'
import { Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { byKey, keyAttestation, PROVISIONING_TRANSPORTS, put, register, serviceOf } from './provisioning-sdk.ts'
import { connectPacket, RAW_TRANSPORTS, RawMqtt } from './raw-mqtt.ts'
import { keyOf, sas } from './sas.ts'
import {
  certifiedClient,
  clientOf,
  DEVICE_TRANSPORTS,
  disconnected,
  failure,
  neverRetry,
  open,
  refused,
} from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const skipX509 = skip === false ? requireTool('openssl') : skip
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

/** The promise: from the decision until the last socket is closed, in milliseconds. */
const CUT_OFF_MS_MAX = 500

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** Runs a command, and asserts that `clients` are cut off by it within the bound. */
async function cutsOff(clients: readonly (Client | ModuleClient)[], ...command: readonly string[]): Promise<void> {
  const closed = Promise.all(clients.map(disconnected))
  const changed = await theHub().object<Api.Changed>(...command)
  assert.equal(changed.sessionsClosed, clients.length, command.join(' '))
  assert.ok(changed.milliseconds < CUT_OFF_MS_MAX, `${command.join(' ')} took ${changed.milliseconds} ms`)
  await closed
}

// Side by side, as it would be.
suite('cut-off', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const idOf = (row: string): string => `${row}-${name}`

    test(`cut-off ${name}: a device is disabled, and its module with it; a module alone; deleted`, {
      skip,
    }, async () => {
      const deviceId = idOf('disable')
      const { primary } = await theHub().device({ deviceId })
      await theHub().api('POST', `/devices/${deviceId}/modules`, { moduleId: 'm' })
      const string = await theHub().command('module', 'connection-string', deviceId, 'm')
      const openBoth = async (): Promise<readonly [Client, ModuleClient]> => {
        const device = clientOf(primary, transport)
        const module = neverRetry(ModuleClient.fromConnectionString(string.stdout.trim(), transport.constructorOf))
        await open(device)
        await open(module)
        return [device, module]
      }
      const both = await openBoth()
      await cutsOff(both, 'device', 'disable', deviceId, '--reason', 'stolen')
      await refused(clientOf(primary, transport))
      await theHub().object('device', 'enable', deviceId)
      const [device, module] = await openBoth()
      await cutsOff([module], 'module', 'delete', deviceId, 'm')
      await device.sendEvent(new Message('not touched'))
      await cutsOff([device], 'device', 'delete', deviceId)
      await refused(clientOf(primary, transport))
      assert.deepEqual(
        (await theHub().messages(deviceId)).map(({ body }) => body),
        ['not touched'],
        'what it said stays',
      )
    })

    test(`cut-off ${name}: one key is made anew; who came by the other stays`, { skip }, async () => {
      const deviceId = idOf('key')
      const strings = await theHub().device({ deviceId })
      const client = clientOf(strings.primary, transport)
      await open(client)
      await cutsOff([], 'device', 'regenerate-key', deviceId, '--key', 'secondary')
      await client.sendEvent(new Message('by the primary'))
      await refused(clientOf(strings.secondary, transport))
      // That refusal took the id from nobody: only who is let in takes over.
      await client.sendEvent(new Message('still'))
      await cutsOff([client], 'device', 'regenerate-key', deviceId, '--key', 'primary')
      await refused(clientOf(strings.primary, transport))
      const renewed = await theHub().command('device', 'connection-string', deviceId)
      const again = clientOf(renewed.stdout.trim(), transport)
      await open(again)
      await again.close()
    })

    test(`cut-off ${name}: a message in flight when the device is cut off is not acknowledged and kept twice`, {
      skip,
    }, async () => {
      const deviceId = idOf('flight')
      const { primary } = await theHub().device({ deviceId })
      const client = clientOf(primary, transport)
      await open(client)
      const sent = Array.from({ length: 300 }, (_, at) =>
        client.sendEvent(new Message(String(at))).then(
          () => at,
          () => undefined,
        ),
      )
      await sent[0]
      await cutsOff([client], 'device', 'disable', deviceId)
      const acknowledged = (await Promise.all(sent)).filter((at) => at !== undefined)
      const kept = (await theHub().messages(deviceId)).map(({ body }) => Number(body))
      for (const at of acknowledged) assert.ok(kept.includes(at), `message ${at} was acknowledged and is not kept`)
      assert.deepEqual(
        kept,
        Array.from({ length: kept.length }, (_, at) => at),
        'in order, each once',
      )
    })

    test(`cut-off ${name}: thumbprints are replaced; a CA is removed`, { skip: skipX509 }, async () => {
      const shop = new Workshop()
      const deviceId = idOf('thumbprint')
      const [old, renewed] = [1, 2].map(() => shop.make({ commonName: deviceId }))
      assert.ok(old !== undefined && renewed !== undefined)
      await theHub().device({ deviceId, auth: 'x509-thumbprint', thumbprints: [old.sha256] })
      const asDevice = (id: string, { certificate, key }: { certificate: string; key: string }): Promise<Client> =>
        certifiedClient(`HostName=localhost;DeviceId=${id};x509=true`, transport, { cert: certificate, key })
      const client = await asDevice(deviceId, old)
      await open(client)
      // Both for a while, as a renewal goes: who rests on the old one stays.
      await cutsOff([], 'device', 'set-thumbprints', deviceId, old.sha256, renewed.sha256)
      await client.sendEvent(new Message('still'))
      await cutsOff([client], 'device', 'set-thumbprints', deviceId, renewed.sha256)
      await refused(await asDevice(deviceId, old))
      const after = await asDevice(deviceId, renewed)
      await open(after)

      const root = shop.make({ commonName: `root ${name}`, isAuthority: true })
      const { body: added } = await theHub().api<Api.Authority>('POST', '/authorities', {
        name: `cut-${name}`,
        certificate: root.certificate,
      })
      const proof = shop.make({ commonName: added.nonce ?? '', issuer: root })
      await theHub().object('ca', 'verify', `cut-${name}`, proof.file)
      const ids = [idOf('ca-1'), idOf('ca-2')]
      const signed: Client[] = []
      for (const id of ids) {
        await theHub().device({ deviceId: id, auth: 'x509-ca' })
        const one = await asDevice(id, shop.make({ commonName: id, issuer: root }))
        await open(one)
        signed.push(one)
      }
      await cutsOff(signed, 'ca', 'remove', `cut-${name}`)
      await after.sendEvent(new Message('rests on its thumbprint'))
      await after.close()
    })

    test(`cut-off ${name}: an enrolment's key is replaced, and the device registers anew`, { skip }, async () => {
      const registrationId = idOf('enrolled')
      const [first, second] = [11, 12].map((fill) => Buffer.alloc(64, fill).toString('base64'))
      assert.ok(first !== undefined && second !== undefined)
      const service = await serviceOf(theHub())
      const [mqtt] = PROVISIONING_TRANSPORTS
      assert.ok(mqtt !== undefined)
      const provision = (key: string): ReturnType<typeof register> =>
        register(mqtt, byKey(registrationId, key), { idScope: theHub().ready.idScope })
      await put(service, { registrationId, attestation: keyAttestation(first) })
      const { assignedHub, deviceId } = await provision(first)
      const stringOf = (key: string): string => `HostName=${assignedHub};DeviceId=${deviceId};SharedAccessKey=${key}`
      const client = clientOf(stringOf(first), transport)
      await open(client)
      await put(service, { registrationId, attestation: keyAttestation(second) })
      await failure(provision(first))
      // What was provisioned stays as it is until the device registers with what is enrolled now.
      await client.sendEvent(new Message('stays'))
      const closed = disconnected(client)
      await provision(second)
      await closed
      await refused(clientOf(stringOf(first), transport))
      const again = clientOf(stringOf(second), transport)
      await open(again)
      await again.close()
    })
  }
})

test('cut-off: a policy’s key is made anew under sixty sessions of both transports and all fronts', {
  skip,
}, async () => {
  const key = keyOf(await theHub().policy('device'))
  const sessions = await Promise.all(
    Array.from({ length: 60 }, async (_, at) => {
      const deviceId = `crowd-${at}`
      await theHub().device({ deviceId })
      const transport = RAW_TRANSPORTS[at % 2]
      assert.ok(transport !== undefined)
      const password = sas({ resource: `localhost%2Fdevices%2F${deviceId}`, key, seconds: 600, policy: 'device' })
      const raw = await RawMqtt.open(theHub(), transport)
      raw.send(
        connectPacket({ clientId: deviceId, username: `localhost/${deviceId}/?api-version=2021-04-12`, password }),
      )
      const connack = await raw.next()
      assert.ok(connack?.cmd === 'connack' && connack.returnCode === 0)
      return raw
    }),
  )
  const closed = Promise.all(sessions.map((raw) => raw.rest()))
  const { code, stdout: said } = await theHub().command('policy', 'regenerate-key', 'device', '--key', 'primary')
  assert.equal(code, 0)
  const words = /(\d+) sessions were closed in ([\d.]+) ms/.exec(said)
  assert.ok(words !== null, said)
  assert.equal(Number(words[1]), sessions.length)
  assert.ok(Number(words[2]) < CUT_OFF_MS_MAX, said)
  await closed
})
