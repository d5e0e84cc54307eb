/** A device's own certificate, signed by itself: what X.509 thumbprint authentication is for. */

import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { timestampOf } from '@holdfast/base'
import { type CertificateProfile, encodePem, issueCertificate, KEY_PURPOSE, KEY_USAGE, validityOf } from '@holdfast/pki'
import type { ClientCertificate } from './mqtt-socket.ts'

const DAY_MS = 86_400_000

/** Whoever signs itself is, in the words of RFC 5280, an authority. */
const SELF_SIGNED: CertificateProfile = {
  name: 'self-signed device certificate',
  lifetimeMs: 365 * DAY_MS,
  authority: { pathLength: 0 },
  keyUsage: KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign,
  keyUsageRsa: 0,
  keyPurposes: [KEY_PURPOSE.clientAuth],
  hasAlternativeNames: false,
}

/** Makes a P-256 key and a certificate for `commonName`, valid for a year. */
export async function makeSelfSigned(commonName: string): Promise<ClientCertificate> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const certificate = await issueCertificate({
    profile: SELF_SIGNED,
    subject: { commonName },
    spki,
    issuer: undefined,
    signer: {
      publicKey: spki,
      algorithm: 'ecdsa-sha256',
      sign: (bytes) => Promise.resolve(new Uint8Array(sign('sha256', bytes, privateKey))),
    },
    serialNumber: randomBytes(16),
    validity: validityOf(SELF_SIGNED, timestampOf(Date.now()), undefined),
  })
  return {
    certificate: encodePem('CERTIFICATE', certificate),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

/** SHA-256 of the certificate in DER, upper-case hex, as the hub keeps it. */
export function thumbprintOf(certificate: string): string {
  const base64 = certificate.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '')
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex').toUpperCase()
}

/** @throws Error when `pem` is no private key. */
export function readKey(pem: string): KeyObject {
  return createPrivateKey(pem)
}
