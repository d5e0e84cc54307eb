/** Each target takes any bytes and throws only when a rule is broken. */

import { X509Certificate } from 'node:crypto'
import {
  PkiError,
  certificateFacts,
  decodeCertificateInput,
  decodeOcspRequest,
  decodePem,
  decodeRevocationListInput,
  encodePem,
  isIssuerOf,
  parseCertificate,
  parseRevocationList,
  summarizeCertificate,
  verifyCertificationRequest,
  verifyChain,
} from '../index.ts'
import { SEED_CERTIFICATES, SEED_LIST, SEED_LIST_ISSUER, SEED_OCSP_REQUEST, SEED_REQUEST } from './seed-certificates.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const CERTIFICATES = Object.values(SEED_CERTIFICATES).map((text) => new Uint8Array(Buffer.from(text, 'base64')))
const ROOT = parseCertificate(new Uint8Array(Buffer.from(SEED_CERTIFICATES.root, 'base64')))

function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof PkiError) return undefined
    throw error
  }
}

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

function openssl(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

const LIST_ISSUER = parseCertificate(new Uint8Array(Buffer.from(SEED_LIST_ISSUER, 'base64')))
const LIST = new Uint8Array(Buffer.from(SEED_LIST, 'base64'))
const OCSP_REQUEST = new Uint8Array(Buffer.from(SEED_OCSP_REQUEST, 'base64'))

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'revocation-list',
    seeds: [LIST, Buffer.from(encodePem('X509 CRL', LIST))],
    run(bytes) {
      unlessRefused(() => decodeRevocationListInput(bytes))
      const list = unlessRefused(() => parseRevocationList(bytes))
      if (list === undefined) return
      must(list.size <= bytes.length / 18, 'no entries out of nothing')
      must(list.freshnessAt(list.thisUpdate) !== 'early', 'it begins when it begins')
      for (const number of ['8001', '07', '00', 'FF']) list.find(number)
      const isOriginal = Buffer.compare(LIST, bytes) === 0
      must(list.faultOf(LIST_ISSUER) !== undefined || isOriginal, 'a changed list does not count')
      must(!isOriginal || (list.find('8001') !== undefined && list.find('8002') === undefined), 'what it says')
    },
  },
  {
    name: 'ocsp-request',
    seeds: [OCSP_REQUEST],
    run(bytes) {
      const request = unlessRefused(() => decodeOcspRequest(bytes))
      if (request === undefined) return
      must(request.items.length >= 1 && request.items.length <= 16, 'bounded')
      must((request.nonce?.length ?? 0) <= 131, 'a nonce that may be repeated')
      for (const item of request.items) isIssuerOf(item, ROOT)
    },
  },
  {
    name: 'certificate',
    seeds: CERTIFICATES,
    run(bytes) {
      const ours = unlessRefused(() => parseCertificate(bytes))
      if (ours === undefined) return
      unlessRefused(() => summarizeCertificate(bytes))
      unlessRefused(() => certificateFacts([bytes]))
      const isOriginal = CERTIFICATES.some((seed) => Buffer.compare(seed, bytes) === 0)
      const verdict = verifyChain({ leaf: bytes, intermediates: [bytes], anchors: [ROOT], now: ours.notBefore })
      must(verdict.kind === 'untrusted' || isOriginal, 'a changed certificate is not trusted')
      // OpenSSL reads the key and the names at once, and so refuses more; where it reads, it sees the same.
      const theirs = openssl(bytes)
      if (theirs === undefined) return
      must(Buffer.compare(theirs.raw, bytes) === 0, 'OpenSSL encodes it to the same bytes')
      must(theirs.validFromDate.getTime() === ours.notBefore, 'the same beginning')
      must(theirs.validToDate.getTime() === ours.notAfter, 'the same end')
      must(!theirs.ca || ours.extensions.isAuthority, 'no CA that we do not see')
    },
  },
  {
    name: 'certification-request',
    seeds: [new Uint8Array(Buffer.from(SEED_REQUEST, 'base64'))],
    run(bytes) {
      const request = unlessRefused(() => verifyCertificationRequest(bytes))
      if (request === undefined) return
      must(Buffer.from(bytes).toString('base64') === SEED_REQUEST, 'a changed request does not verify')
    },
  },
  {
    name: 'certificate-input',
    seeds: CERTIFICATES.flatMap((der) => [
      Buffer.from(encodePem('CERTIFICATE', der)),
      Buffer.from(Buffer.from(der).toString('base64')),
      Buffer.from(Buffer.from(encodePem('CERTIFICATE', der)).toString('base64')),
    ]),
    run(bytes) {
      const text = Buffer.from(bytes).toString('latin1')
      unlessRefused(() => decodePem('CERTIFICATE', text))
      const der = unlessRefused(() => decodeCertificateInput(text))
      if (der === undefined || der.length === 0) return
      const [again] = decodePem('CERTIFICATE', encodePem('CERTIFICATE', der))
      must(again !== undefined && Buffer.compare(again, der) === 0, 'what was decoded encodes to itself')
    },
  },
]
