/**
 * A device with a TPM, as Azure's SDKs have it (azure-iot.md §6.1): keys at their handles, an activation taken in, tokens
 * signed by the key that was in it.
 */

import { parseActivation } from '@holdfast/dps'
import {
  HIERARCHY,
  RSA_ENDORSEMENT_TEMPLATE,
  RSA_STORAGE_TEMPLATE,
  TpmRefusal,
  activateCredential,
  createPrimary,
  decodePublic,
  encodePublic,
  evictControl,
  flushContext,
  hmac,
  importObject,
  load,
  policySecret,
  readPublicOf,
  startAuthSession,
  type TpmPublic,
} from '@holdfast/tpm'
import { TpmTransport, systemSeedSource } from '@holdfast/tpm-device'
import type { SoftwareTpm } from './software-tpm.ts'

const ENDORSEMENT_KEY = 0x8101_0001
const STORAGE_ROOT_KEY = 0x8100_0001
const IDENTITY_KEY = 0x8100_0100
const NO_PASSWORD = { kind: 'password', password: new Uint8Array(0) } as const

export class TpmDevice {
  /** TPM2B_PUBLIC. */
  readonly endorsementKey: Uint8Array
  readonly storageRootKey: Uint8Array
  readonly #transport: TpmTransport

  private constructor(
    transport: TpmTransport,
    keys: { readonly endorsement: Uint8Array; readonly storage: Uint8Array },
  ) {
    this.#transport = transport
    this.endorsementKey = keys.endorsement
    this.storageRootKey = keys.storage
  }

  /** Holds the TPM's one connection until `close`. */
  static async open(tpm: SoftwareTpm): Promise<TpmDevice> {
    const transport = await TpmTransport.open({ kind: 'tcp', host: '127.0.0.1', port: tpm.port })
    const endorsement = await persistent(transport, ENDORSEMENT_KEY, HIERARCHY.endorsement, RSA_ENDORSEMENT_TEMPLATE)
    const storage = await persistent(transport, STORAGE_ROOT_KEY, HIERARCHY.owner, RSA_STORAGE_TEMPLATE)
    return new TpmDevice(transport, { endorsement, storage })
  }

  close(): Promise<void> {
    return this.#transport.close()
  }

  /** Takes in the key of an activation, in place of one before. @throws TpmRefusal if it is for another TPM. */
  async activate(blob: Uint8Array): Promise<void> {
    const tpm = this.#transport
    const { credential, secret, publicArea: wrapped, duplicate, encryptedSeed } = parseActivation(blob)
    const { session } = await tpm.execute(
      startAuthSession({ kind: 'policy', hash: 'sha256', nonce: systemSeedSource.random(16) }),
    )
    let innerKey: Uint8Array
    try {
      await tpm.execute(policySecret({ entity: HIERARCHY.endorsement, session }))
      innerKey = await tpm.execute(
        activateCredential({
          object: STORAGE_ROOT_KEY,
          key: ENDORSEMENT_KEY,
          credential,
          secret,
          keyAuthorization: { kind: 'policy', session, continues: true },
        }),
      )
    } finally {
      await tpm.execute(flushContext(session))
    }
    const privateArea = await tpm.execute(
      importObject({
        parent: STORAGE_ROOT_KEY,
        encryptionKey: innerKey,
        publicArea: wrapped,
        duplicate,
        encryptedSeed,
        symmetric: { algorithm: 'aes', keyBits: innerKey.length === 32 ? 256 : 128, mode: 'cfb' },
      }),
    )
    const publicArea = decodePublic(wrapped)
    const { handle } = await tpm.execute(load({ parent: STORAGE_ROOT_KEY, privateArea, publicArea }))
    await tpm.execute(evictControl({ object: IDENTITY_KEY, persistent: IDENTITY_KEY })).catch((error: unknown) => {
      if (!(error instanceof TpmRefusal)) throw error
    })
    await tpm.execute(evictControl({ object: handle, persistent: IDENTITY_KEY }))
    await tpm.execute(flushContext(handle))
  }

  /** HMAC-SHA-256 by the key that was taken in last. */
  sign(data: Uint8Array): Promise<Uint8Array> {
    return this.#transport.execute(hmac({ key: IDENTITY_KEY, data, hash: 'sha256', authorization: NO_PASSWORD }))
  }

  /** A shared access signature, valid for an hour unless told. */
  async token(resource: string, policyName?: string, lifeSeconds = 3_600): Promise<string> {
    const sr = encodeURIComponent(resource)
    const se = Math.floor(Date.now() / 1_000) + lifeSeconds
    const sig = encodeURIComponent(Buffer.from(await this.sign(Buffer.from(`${sr}\n${se}`))).toString('base64'))
    const skn = policyName === undefined ? '' : `&skn=${policyName}`
    return `SharedAccessSignature sr=${sr}&sig=${sig}&se=${se}${skn}`
  }
}

async function persistent(
  tpm: TpmTransport,
  handle: number,
  hierarchy: number,
  template: TpmPublic,
): Promise<Uint8Array> {
  try {
    return encodePublic((await tpm.execute(readPublicOf(handle))).publicArea)
  } catch (error) {
    if (!(error instanceof TpmRefusal)) throw error
  }
  const made = await tpm.execute(createPrimary({ hierarchy, template }))
  await tpm.execute(evictControl({ object: made.handle, persistent: handle }))
  await tpm.execute(flushContext(made.handle))
  return encodePublic(made.publicArea)
}
