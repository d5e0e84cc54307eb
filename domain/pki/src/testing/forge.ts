/** Writes certificates that `issueCertificate` refuses to write, for tests of whoever has to refuse them. */

import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  Certificate as CertificateSchema,
  Extension,
  Extensions,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'
import type { Name } from '@peculiar/asn1-x509'
import { nameOf } from '../asn1.ts'
import type { MemorySigner } from './index.ts'

/** Object identifiers of algorithms, the weak ones too. */
const ALGORITHMS = {
  'rsa-sha256': '1.2.840.113549.1.1.11',
  'rsa-sha384': '1.2.840.113549.1.1.12',
  'rsa-sha512': '1.2.840.113549.1.1.13',
  'rsa-sha1': '1.2.840.113549.1.1.5',
  'rsa-md5': '1.2.840.113549.1.1.4',
  'ecdsa-sha256': '1.2.840.10045.4.3.2',
  'ecdsa-sha384': '1.2.840.10045.4.3.3',
  'ecdsa-sha512': '1.2.840.10045.4.3.4',
  'ecdsa-sha1': '1.2.840.10045.4.1',
  ed25519: '1.3.101.112',
} as const

export interface Forgery {
  /** Name of the subject: a common name, or any name at all. */
  readonly subject: string | Name
  readonly issuer: string | Name
  readonly spki: Uint8Array
  readonly signer: Pick<MemorySigner, 'sign'> & { readonly algorithm: keyof typeof ALGORITHMS }
  readonly notBefore: number
  readonly notAfter: number
  /** `value` is DER in hex. */
  readonly extensions?: readonly { readonly oid: string; readonly critical?: boolean; readonly value: string }[]
  /** 3 unless told; version 1 has no extensions. */
  readonly version?: 1 | 3
}

/** @returns DER of exactly what was asked for, sane or not. */
export async function forgeCertificate(forgery: Forgery): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = new AlgorithmIdentifier({ algorithm: ALGORITHMS[forgery.signer.algorithm] })
  const extensions = (forgery.extensions ?? []).map(
    ({ oid, critical = false, value }) =>
      new Extension({ extnID: oid, critical, extnValue: new OctetString(new Uint8Array(Buffer.from(value, 'hex'))) }),
  )
  const tbsCertificate = new TBSCertificate({
    version: forgery.version === 1 ? Version.v1 : Version.v3,
    serialNumber: new Uint8Array([0x40, 1, 2, 3, 4, 5, 6, 7]).buffer,
    signature: algorithm,
    issuer: asName(forgery.issuer),
    validity: new Validity({ notBefore: new Date(forgery.notBefore), notAfter: new Date(forgery.notAfter) }),
    subject: asName(forgery.subject),
    subjectPublicKeyInfo: AsnConvert.parse(forgery.spki, SubjectPublicKeyInfo),
    ...(extensions.length > 0 && { extensions: new Extensions(extensions) }),
  })
  const signature = await forgery.signer.sign(new Uint8Array(AsnConvert.serialize(tbsCertificate)))
  const certificate = new CertificateSchema({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  })
  return new Uint8Array(AsnConvert.serialize(certificate))
}

function asName(name: string | Name): Name {
  return typeof name === 'string' ? nameOf({ commonName: name }) : name
}
