/** Rows 1 to 5 of azure-iot.md §12: how devices prove themselves, with the official device SDK over MQTT and WebSocket. */

import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import type { Api } from '@holdfast/api'
import { requireTool } from '@holdfast/testing-tidy'
import { Client, Message, SharedAccessSignatureAuthenticationProvider } from './azure-sdk.ts'
import { type Certified, Workshop } from './certificates.ts'
import { HubProcess } from './hub-process.ts'
import { keyOf, sas } from './sas.ts'
import {
  certifiedClient,
  clientOf,
  DEVICE_TRANSPORTS,
  type DeviceTransport,
  disconnected,
  eventually,
  failure,
  neverRetry,
  open,
  refused,
} from './sdk-client.ts'
import { requireStandardPorts } from './standard-ports.ts'

const skip = await requireStandardPorts()
const skipWithoutOpenssl = skip === false ? requireTool('openssl') : skip
const hub = skip === false ? await HubProcess.start('standard') : undefined
hub?.trust()
after(() => hub?.stop())

const DAY_SECONDS = 86_400
const OTHER_KEY = Buffer.alloc(32, 7).toString('base64')

function theHub(): HubProcess {
  assert.ok(hub !== undefined)
  return hub
}

/** Sends one message, and says what the hub kept of how the device proved itself. */
async function authMethodSeen(client: Client, deviceId: string): Promise<unknown> {
  await client.sendEvent(new Message('proof'))
  const message = (await theHub().messages(deviceId)).at(-1)
  assert.equal(message?.body, 'proof')
  return JSON.parse(message.systemProperties['iothub-connection-auth-method'] ?? '')
}

const authMethod = (scope: string, type: string): object => ({
  scope,
  type,
  issuer: 'iothub',
  acceptingIpFilterRule: null,
})

// Most of these wait for processes of the command line, so they wait together.
suite('device identities', { concurrency: true }, () => {
  for (const transport of DEVICE_TRANSPORTS) {
    const { name } = transport
    const deviceIdOf = (row: string): string => `${row}-${name}`

    test(`row 1 ${name}: a device connects with its primary and with its secondary key`, { skip }, async () => {
      const deviceId = deviceIdOf('r1')
      const strings = await theHub().device({ deviceId })
      assert.equal((await theHub().show(deviceId)).connected, false)
      const shown = await theHub().command('device', 'connection-string', deviceId)
      assert.equal(shown.stdout.trim(), strings.primary)
      for (const connectionString of [strings.primary, strings.secondary]) {
        const client = clientOf(connectionString, transport)
        await open(client)
        assert.equal((await theHub().show(deviceId)).connected, true)
        assert.deepEqual(await authMethodSeen(client, deviceId), authMethod('device', 'sas'))
        await client.close()
        await eventually(async () => !(await theHub().show(deviceId)).connected, 'it counts as connected still')
      }
    })

    test(`row 1 ${name}: keys of 16, 19, 32, 36 and 64 bytes, as upstream's tests have them`, { skip }, async () => {
      for (const bytes of [16, 19, 32, 36, 64]) {
        const deviceId = deviceIdOf(`r1-${bytes}`)
        const [primaryKey, secondaryKey] = [1, 2].map((fill) => Buffer.alloc(bytes, fill).toString('base64'))
        assert.ok(primaryKey !== undefined && secondaryKey !== undefined)
        const strings = await theHub().device({ deviceId, primaryKey, secondaryKey })
        assert.equal(keyOf(strings.primary), primaryKey)
        const client = clientOf(strings.primary, transport)
        await open(client)
        await client.close()
      }
    })

    test(`row 1 ${name}: every character that a device id may have`, { skip }, async () => {
      const deviceId = deviceIdOf("A0-.+%_#*?!(),:=@$'")
      const strings = await theHub().device({ deviceId })
      const client = clientOf(strings.primary, transport)
      // MQTT forbids + and # in the topic of a PUBLISH [MQTT-3.3.2-2], so such a device can connect and not send.
      await open(client)
      assert.equal((await theHub().show(deviceId)).connected, true)
      await client.close()
    })

    test(`row 2 ${name}: a token of the application's own making lets a device in`, { skip }, async () => {
      const deviceId = deviceIdOf('r2')
      const { primary } = await theHub().device({ deviceId })
      const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
      for (const seconds of [60, 10 * 365 * DAY_SECONDS]) {
        const token = sas({ resource, key: keyOf(primary), seconds })
        const client = neverRetry(Client.fromSharedAccessSignature(token, transport.constructorOf))
        await open(client)
        assert.deepEqual(await authMethodSeen(client, deviceId), authMethod('device', 'sas'))
        await client.close()
      }
    })

    test(`row 2 ${name}: the audience may be written in other ways that mean the same`, { skip }, async () => {
      const deviceId = deviceIdOf('r2-forms')
      const { primary } = await theHub().device({ deviceId })
      for (const resource of [
        `localhost/devices/${deviceId}`,
        encodeURIComponent(`LOCALHOST/devices/${deviceId}`),
        encodeURIComponent(`localhost/devices/${deviceId}`).replaceAll('%2F', '%2f'),
        encodeURIComponent(`localhost/devices/${deviceId}/api-version=2016-11-14`),
      ]) {
        const client = withToken(deviceId, sas({ resource, key: keyOf(primary), seconds: 60 }), transport)
        await open(client)
        await client.close()
      }
    })

    test(`row 2 ${name}: refuses an expired token, another audience, another key, unknown and disabled`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r2-refused')
      const { primary } = await theHub().device({ deviceId })
      const key = keyOf(primary)
      const resource = encodeURIComponent(`localhost/devices/${deviceId}`)
      const other = encodeURIComponent('localhost/devices/another')
      const elsewhere = encodeURIComponent(`other.example/devices/${deviceId}`)
      await refused(withToken(deviceId, sas({ resource, key, seconds: -DAY_SECONDS }), transport))
      await refused(withToken(deviceId, sas({ resource: other, key, seconds: 60 }), transport))
      await refused(withToken(deviceId, sas({ resource: elsewhere, key, seconds: 60 }), transport))
      await refused(withToken(deviceId, sas({ resource, key: OTHER_KEY, seconds: 60 }), transport))
      await refused(withToken(deviceId, 'SharedAccessSignature sr=x', transport))
      await refused(
        withToken(
          'nobody',
          sas({ resource: encodeURIComponent('localhost/devices/nobody'), key, seconds: 60 }),
          transport,
        ),
      )
      const improper = `HostName=localhost;DeviceId=${deviceId}//foo;SharedAccessKey=${key}`
      const error = await failure(clientOf(improper, transport).open())
      assert.equal(error.name, 'UnauthorizedError')
      assert.match(error.message, /Identifier rejected/)
      await theHub().object('device', 'disable', deviceId, '--reason', 'row 2')
      assert.equal((await theHub().show(deviceId)).statusReason, 'row 2')
      await refused(clientOf(primary, transport))
      await theHub().object('device', 'enable', deviceId)
      const client = clientOf(primary, transport)
      await open(client)
      await client.close()
    })

    test(`row 3 ${name}: the key of a policy with DeviceConnect speaks for any device, others do not`, {
      skip,
    }, async () => {
      const deviceId = deviceIdOf('r3')
      await theHub().device({ deviceId })
      const stringOf = async (policy: string): Promise<string> => {
        const { stdout } = await theHub().command('policy', 'connection-string', policy)
        return `HostName=localhost;DeviceId=${deviceId};SharedAccessKeyName=${policy};SharedAccessKey=${keyOf(stdout.trim())}`
      }
      const client = clientOf(await stringOf('device'), transport)
      await open(client)
      assert.deepEqual(await authMethodSeen(client, deviceId), authMethod('hub', 'sas'))
      await client.close()
      await refused(clientOf(await stringOf('service'), transport))
      const wrongKey = `HostName=localhost;DeviceId=${deviceId};SharedAccessKeyName=device;SharedAccessKey=${OTHER_KEY}`
      await refused(clientOf(wrongKey, transport))
      await refused(clientOf(wrongKey.replace('=device;', '=ghost;'), transport))
    })

    const skipX509 = skipWithoutOpenssl
    const workshop = skipX509 === false ? new Workshop() : undefined
    const shop = (): Workshop => {
      assert.ok(workshop !== undefined)
      return workshop
    }
    const x509String = (deviceId: string): string => `HostName=localhost;DeviceId=${deviceId};x509=true`
    const asDevice = (deviceId: string, { certificate, key }: Certified, chain = ''): Promise<Client> =>
      certifiedClient(x509String(deviceId), transport, { cert: certificate + chain, key })

    test(`row 4 ${name}: a certificate with either thumbprint lets in, another does not`, {
      skip: skipX509,
    }, async () => {
      const deviceId = deviceIdOf('r4')
      // A thumbprint says it all: the name in the certificate is of no account.
      const [first, second, other] = ['localhost', deviceId, deviceId].map((commonName) =>
        shop().make({ commonName, algorithm: 'rsa' }),
      )
      assert.ok(first !== undefined && second !== undefined && other !== undefined)
      // SHA-1 in one slot, SHA-256 in lower case in the other.
      const thumbprints = ['--thumbprint', first.sha1, '--thumbprint', second.sha256.toLowerCase()]
      await theHub().object('device', 'create', deviceId, '--auth', 'x509-thumbprint', ...thumbprints)
      assert.deepEqual((await theHub().show(deviceId)).thumbprints, [first.sha1, second.sha256])
      for (const certified of [first, second]) {
        const client = await asDevice(deviceId, certified)
        await open(client)
        assert.deepEqual(await authMethodSeen(client, deviceId), authMethod('device', 'x509'))
        await client.close()
      }
      await refused(await asDevice(deviceId, other))
      // Nor does a key help where a certificate is asked for, nor no proof at all.
      await refused(clientOf(`HostName=localhost;DeviceId=${deviceId};SharedAccessKey=${OTHER_KEY}`, transport))
    })

    test(`row 4 ${name}: a key under a passphrase; a certificate of elliptic curves`, { skip: skipX509 }, async () => {
      const deviceId = deviceIdOf('r4-ec')
      const passphrase = 'correct horse'
      const certified = shop().make({ commonName: deviceId, passphrase })
      await theHub().device({ deviceId, auth: 'x509-thumbprint', thumbprints: [certified.sha256] })
      const { certificate: cert, key } = certified
      const client = await certifiedClient(x509String(deviceId), transport, { cert, key, passphrase })
      await open(client)
      await client.close()
    })

    test(`row 5 ${name}: a certificate signed by a CA whose owner proved possession`, { skip: skipX509 }, async () => {
      const root = shop().make({ commonName: `root of ${name}`, isAuthority: true })
      const intermediate = shop().make({ commonName: `plant of ${name}`, isAuthority: true, issuer: root })
      const stranger = shop().make({ commonName: `root of ${name}`, isAuthority: true })
      const [direct, chained] = [deviceIdOf('r5-direct'), deviceIdOf('r5-chained')]
      for (const deviceId of [direct, chained]) await theHub().device({ deviceId, auth: 'x509-ca' })
      const leaf = shop().make({ commonName: direct, issuer: root })
      const deepLeaf = shop().make({ commonName: chained, issuer: intermediate, algorithm: 'rsa' })

      await refused(await asDevice(direct, leaf))
      const added = await theHub().object<Api.Authority>('ca', 'add', root.file, '--name', `ca-${name}`)
      assert.equal(added.state, 'pending')
      assert.equal(added.sha256, root.sha256)
      assert.ok(added.nonce !== undefined && added.nonce.length >= 32)
      // It does not count before its owner proved to hold the key, nor by somebody else's proof.
      await refused(await asDevice(direct, leaf))
      const forged = shop().make({ commonName: added.nonce, issuer: stranger })
      assert.equal((await theHub().command('ca', 'verify', `ca-${name}`, forged.file)).code, 1)
      const wrongNonce = shop().make({ commonName: 'another nonce', issuer: root })
      assert.equal((await theHub().command('ca', 'verify', `ca-${name}`, wrongNonce.file)).code, 1)
      const proof = shop().make({ commonName: added.nonce, issuer: root })
      const verified = await theHub().object<Api.Authority>('ca', 'verify', `ca-${name}`, proof.file)
      assert.equal(verified.state, 'verified')

      const client = await asDevice(direct, leaf)
      await open(client)
      assert.deepEqual(await authMethodSeen(client, direct), authMethod('device', 'x509'))
      await client.close()
      await refused(await asDevice(chained, deepLeaf)) // Without the intermediate nothing leads to the root.
      const deep = await asDevice(chained, deepLeaf, intermediate.certificate)
      await open(deep)
      // The common name is the device's id, so a certificate lets in one device alone.
      await refused(await asDevice(direct, deepLeaf, intermediate.certificate))
      await refused(await asDevice(direct, shop().make({ commonName: direct, issuer: stranger })))
      await refused(await asDevice(direct, shop().make({ commonName: direct })))
      const closed = disconnected(deep)
      const { sessionsClosed } = await theHub().object<Api.Changed>('ca', 'remove', `ca-${name}`)
      assert.equal(sessionsClosed, 1)
      await closed
      await refused(await asDevice(direct, leaf))
    })
  }
})

/** A client that shows any token as any device: the SDK's own constructors take the device from the token. */
function withToken(deviceId: string, sharedAccessSignature: string, transport: DeviceTransport): Client {
  const provider = new SharedAccessSignatureAuthenticationProvider({
    host: 'localhost',
    deviceId,
    sharedAccessSignature,
  })
  return neverRetry(Client.fromAuthenticationProvider(provider, transport.constructorOf))
}
