/**
 * Keys of authorities in a token: EC P-256, made there and never out of it. The token signs the digest; hashing, the form of
 * the signature and checking it are done here.
 */

import { createHash, createPublicKey, verify } from 'node:crypto'
import { KeyError } from '@holdfast/keys'
import type { AuthorityKey, AuthorityKeys, Signer } from '@holdfast/pki'
import type { TokenProcess } from './token-process.ts'

export interface TokenAuthorityKeysParts {
  readonly process: TokenProcess
  readonly random: (n: number) => Uint8Array
  /** Label of the token; part of the home's name. */
  readonly token: string
  /** What the keys are called in the token, in front of their own label. */
  readonly label: string
}

const ID_BYTES = 16
/** An uncompressed point in an OCTET STRING: tag, length 65, 0x04, x, y. */
const POINT_HEADER = Buffer.from([0x04, 0x41, 0x04])
/** SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480). */
const SPKI_HEADER = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')

export function tokenAuthorityKeys({ process, random, token, label: prefix }: TokenAuthorityKeysParts): AuthorityKeys {
  return {
    id: `pkcs11:${token}`,
    async generate(label): Promise<AuthorityKey> {
      const id = Buffer.from(random(ID_BYTES)).toString('hex')
      await process.request({ op: 'make-signing-key', id, label: `${prefix} ${label}` })
      return { handle: `pkcs11:${id}`, signer: await tokenSigner(process, id) }
    },
    open: async (handle) => tokenSigner(process, idOf(handle)),
    async destroy(handle) {
      await process.request({ op: 'destroy', id: idOf(handle) })
    },
  }
}

/**
 * What signs with the key of this id.
 * @throws KeyError `missing` where the token has none, or one that could be taken out of it; `unavailable`.
 */
export async function tokenSigner(process: TokenProcess, id: string): Promise<Signer> {
  const { data } = await process.request({ op: 'public-key', id })
  const point = Buffer.from(data ?? '', 'base64')
  if (point.length !== 67 || !point.subarray(0, 3).equals(POINT_HEADER)) {
    throw new KeyError('damaged', 'the public key that the token gives is none of P-256')
  }
  const publicKey = Buffer.concat([SPKI_HEADER, point.subarray(2)])
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' })
  return {
    publicKey: new Uint8Array(publicKey),
    algorithm: 'ecdsa-sha256',
    async sign(bytes) {
      const digest = createHash('sha256').update(bytes).digest().toString('base64')
      const signed = await process.request({ op: 'sign', id, data: digest })
      const raw = Buffer.from(signed.data ?? '', 'base64')
      // A token that errs, or that was swapped, must not have its mistake put into a certificate.
      if (raw.length !== 64 || !verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, raw)) {
        throw new KeyError('unavailable', 'the signature that the token gave does not verify')
      }
      return derOf(raw)
    },
  }
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3) of r and s, 32 bytes each. */
function derOf(raw: Buffer): Uint8Array {
  const parts = [raw.subarray(0, 32), raw.subarray(32)].map(integerOf)
  const body = Buffer.concat(parts)
  return new Uint8Array(Buffer.concat([Buffer.from([0x30, body.length]), body]))
}

function integerOf(number: Buffer): Buffer {
  let start = 0
  while (start < number.length - 1 && number[start] === 0) start += 1
  const digits = number.subarray(start)
  const isNegative = ((digits[0] ?? 0) & 0x80) !== 0
  const value = isNegative ? Buffer.concat([Buffer.from([0]), digits]) : digits
  return Buffer.concat([Buffer.from([0x02, value.length]), value])
}

function idOf(handle: string): string {
  const id = /^pkcs11:([0-9a-f]{32})$/.exec(handle)?.[1]
  if (id === undefined) throw new KeyError('damaged', 'the handle is none of a key in a token')
  return id
}
