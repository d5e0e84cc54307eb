/**
 * Sealing a key under a TPM's storage hierarchy: a keyed hash object under the storage key that the standard's template
 * always makes anew (TCG Provisioning Guidance §7.5.1), so that nothing has to be kept in the TPM. With registers chosen,
 * it opens only while they are as they were (PolicyPCR).
 */

import {
  create,
  createPrimary,
  decodePublic,
  ECC_STORAGE_TEMPLATE,
  encodePublic,
  flushContext,
  type Handle,
  HIERARCHY,
  load,
  policyGetDigest,
  policyPcr,
  type SessionKind,
  sealedTemplate,
  startAuthSession,
  unseal,
} from '@holdfast/tpm'
import type { TpmTransport } from './transport.ts'

/** Both with the lengths the TPM writes; worth nothing without the TPM that made them. */
export interface SealedKey {
  readonly publicArea: Uint8Array
  readonly privateArea: Uint8Array
}

export type Random = (n: number) => Uint8Array

/** @param pcrs registers of the SHA-256 bank; none: no condition. */
export async function sealKey(
  tpm: TpmTransport,
  key: Uint8Array,
  { pcrs, random }: { readonly pcrs: readonly number[]; readonly random: Random },
): Promise<SealedKey> {
  const policy =
    pcrs.length === 0
      ? undefined
      : await withSession(tpm, { kind: 'trial', pcrs, random }, (session) => tpm.execute(policyGetDigest(session)))
  return withStorageKey(tpm, async (parent) => {
    const template = sealedTemplate(policy)
    const { publicArea, privateArea } = await tpm.execute(create({ parent, template, sensitive: { data: key } }))
    return { publicArea: encodePublic(publicArea), privateArea: privateArea.slice() }
  })
}

/** @throws TpmRefusal: `POLICY_FAIL` and `PCR_CHANGED` where registers differ, `INTEGRITY` where another TPM made it. */
export async function unsealKey(
  tpm: TpmTransport,
  sealed: SealedKey,
  { pcrs, random }: { readonly pcrs: readonly number[]; readonly random: Random },
): Promise<Uint8Array> {
  const publicArea = decodePublic(sealed.publicArea)
  return withStorageKey(tpm, async (parent) => {
    const { handle } = await tpm.execute(load({ parent, publicArea, privateArea: sealed.privateArea }))
    try {
      if (pcrs.length === 0) return await tpm.execute(unseal(handle))
      return await withSession(tpm, { kind: 'policy', pcrs, random }, (session) =>
        tpm.execute(unseal(handle, { kind: 'policy', session, continues: true })),
      )
    } finally {
      await tpm.execute(flushContext(handle))
    }
  })
}

async function withStorageKey<T>(tpm: TpmTransport, use: (parent: Handle) => Promise<T>): Promise<T> {
  const { handle } = await tpm.execute(createPrimary({ hierarchy: HIERARCHY.owner, template: ECC_STORAGE_TEMPLATE }))
  try {
    return await use(handle)
  } finally {
    await tpm.execute(flushContext(handle))
  }
}

/** A session that has said which registers are as they are now. */
async function withSession<T>(
  tpm: TpmTransport,
  { kind, pcrs, random }: { readonly kind: SessionKind; readonly pcrs: readonly number[]; readonly random: Random },
  use: (session: Handle) => Promise<T>,
): Promise<T> {
  const { session } = await tpm.execute(startAuthSession({ kind, hash: 'sha256', nonce: random(16) }))
  try {
    await tpm.execute(policyPcr({ session, selections: [{ hash: 'sha256', pcrs }] }))
    return await use(session)
  } finally {
    await tpm.execute(flushContext(session))
  }
}
