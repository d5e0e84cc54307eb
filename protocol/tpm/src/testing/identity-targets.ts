/** Fuzz targets: public areas, signatures, and responses to every command. */

import {
  HIERARCHY,
  NO_PASSWORD,
  activateCredential,
  createPrimary,
  decodePublic,
  decodeSignature,
  ECC_ENDORSEMENT_TEMPLATE,
  encodePublic,
  encodeSignature,
  evictControl,
  getRandom,
  hmac,
  load,
  nameOf,
  pcrRead,
  publicKeyOf,
  quote,
  readPublicOf,
  RSA_ENDORSEMENT_TEMPLATE,
  sealedTemplate,
  startAuthSession,
  TpmError,
  TpmRefusal,
  unseal,
} from '../index.ts'
import type { TpmCommand } from '../index.ts'
import { TpmWriter } from '../writer.ts'
import type { FuzzTarget } from './boot-targets.ts'

const EMPTY = new Uint8Array(0)

function unlessRefused(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof TpmError) && !(error instanceof TpmRefusal)) throw error
  }
}

function expectSame(before: Uint8Array, after: Uint8Array, what: string): void {
  if (Buffer.compare(before, after) !== 0) throw new Error(`${what} that was decoded encodes to the same bytes`)
}

const COMMANDS: readonly TpmCommand<unknown>[] = [
  getRandom(16),
  createPrimary({ hierarchy: HIERARCHY.owner, template: RSA_ENDORSEMENT_TEMPLATE }),
  readPublicOf(0x8101_0001),
  load({ parent: 0x8100_0001, privateArea: EMPTY, publicArea: sealedTemplate() }),
  unseal(0x8000_0000),
  startAuthSession({ kind: 'policy', hash: 'sha256', nonce: new Uint8Array(16) }),
  activateCredential({ object: 1, key: 2, credential: EMPTY, secret: EMPTY, keyAuthorization: NO_PASSWORD }),
  hmac({ key: 1, data: EMPTY, hash: 'sha256' }),
  evictControl({ object: 1, persistent: 2 }),
  pcrRead([{ hash: 'sha256', pcrs: [0, 7] }]),
  quote({ key: 1, qualifyingData: EMPTY, selections: [{ hash: 'sha256', pcrs: [0] }] }),
]

/** A response without sessions, and one with. */
function response(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts)
  return new TpmWriter()
    .u16(tag)
    .u32(body.length + 10)
    .u32(0)
    .bytes(body)
    .done()
}

const AUTHORIZATION = Uint8Array.of(0, 0, 1, 0, 0)

export const identityTargets: readonly FuzzTarget[] = [
  {
    name: 'tpm-public',
    seeds: [RSA_ENDORSEMENT_TEMPLATE, ECC_ENDORSEMENT_TEMPLATE, sealedTemplate()].map(encodePublic),
    run(bytes) {
      unlessRefused(() => {
        const area = decodePublic(bytes)
        expectSame(bytes, encodePublic(area), 'a public area')
        nameOf(area)
        publicKeyOf(area)
      })
    },
  },
  {
    name: 'tpm-signature',
    seeds: [
      encodeSignature({ kind: 'rsassa', hash: 'sha256', signature: new Uint8Array(64) }),
      encodeSignature({ kind: 'ecdsa', hash: 'sha384', r: new Uint8Array(48), s: new Uint8Array(48) }),
    ],
    run(bytes) {
      unlessRefused(() => expectSame(bytes, encodeSignature(decodeSignature(bytes)), 'a signature'))
    },
  },
  {
    name: 'tpm-response',
    seeds: [
      response(0x8001, new TpmWriter().sized(new Uint8Array(16)).done()),
      response(0x8002, new TpmWriter().u32(18).sized(new Uint8Array(16)).done(), AUTHORIZATION),
      Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22),
    ],
    run(bytes) {
      for (const command of COMMANDS) unlessRefused(() => void command.decode(bytes))
    },
  },
]
