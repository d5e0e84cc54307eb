/** Certificates and tokens of the devices that the load generator plays. Made at every run, thrown away after it. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { timestampOf } from '@holdfast/base'
import { DEVICE_CERTIFICATE, encodePem, ISSUING_AUTHORITY, SERVER_CERTIFICATE } from '@holdfast/pki'
import { type Issued, issue } from '@holdfast/pki/testing'

export interface FleetCredentials {
  readonly folder: string
  /** PEM of the authority that issued the devices' certificates and the peers' server certificate. */
  readonly authorityFile: string
  readonly serverCertificateFile: string
  readonly serverKeyFile: string
  /** With `%s` for the device's id, as mqload takes them. */
  readonly certificatePattern: string
  readonly keyPattern: string
  /** SHA-256 thumbprints, by device. */
  readonly thumbprints: readonly string[]
}

/** Ids as mqload makes them. */
export function deviceId(index: number): string {
  return `dev${String(index).padStart(6, '0')}`
}

export async function makeCredentials(folder: string, devices: number): Promise<FleetCredentials> {
  mkdirSync(folder, { recursive: true })
  const now = timestampOf(Date.now())
  const authority = await issue({ profile: ISSUING_AUTHORITY, commonName: 'Bench authority', now })
  const server = await issue({
    profile: SERVER_CERTIFICATE,
    commonName: 'localhost',
    issuer: authority,
    now,
    alternativeNames: [{ kind: 'dns', name: 'localhost' }],
  })
  const thumbprints: string[] = []
  for (let index = 0; index < devices; index += 1) {
    const id = deviceId(index)
    const device = await issue({ profile: DEVICE_CERTIFICATE, commonName: id, issuer: authority, now })
    write(folder, id, device)
    thumbprints.push(device.certificate.sha256Thumbprint)
  }
  write(folder, 'authority', authority)
  write(folder, 'server', server)
  return {
    folder,
    authorityFile: join(folder, 'authority.pem'),
    serverCertificateFile: join(folder, 'server.pem'),
    serverKeyFile: join(folder, 'server.key'),
    certificatePattern: join(folder, '%s.pem'),
    keyPattern: join(folder, '%s.key'),
    thumbprints,
  }
}

/** Readable by all: the peers drop their privileges and read these files as somebody else. */
function write(folder: string, name: string, { certificate, signer }: Issued): void {
  writeFileSync(join(folder, `${name}.pem`), encodePem('CERTIFICATE', certificate.der))
  writeFileSync(join(folder, `${name}.key`), signer.privateKey.export({ format: 'pem', type: 'pkcs8' }), {
    mode: 0o644,
  })
}
