/** The keys of a TPM as documents carry them: base64 of a TPM2B_PUBLIC (azure-iot.md §6.1). */

import { TpmError, decodePublic } from '@holdfast/tpm'
import { decodeBase64 } from '@holdfast/tokens'
import type { FieldReader } from './field-reader.ts'
import { TPM_PUBLIC_CHARACTERS_MAX } from './limits.ts'

/**
 * Reads a key; undefined when it is absent or empty, or there was a fault, which goes to the reader. The bytes are those of one
 * public area and nothing after it; what the key is good for is not looked at.
 */
export function readTpmKey(reader: FieldReader, name: string, need: 'required' | 'optional'): Uint8Array | undefined {
  const text = reader.string(name, TPM_PUBLIC_CHARACTERS_MAX)
  if (text === undefined || text === '') {
    if (need === 'required' && (text === '' || !reader.has(name))) reader.fault(name, 'is missing')
    return undefined
  }
  const bytes = decodeBase64(text)
  if (bytes === undefined) {
    reader.fault(name, 'is base64 of a TPM2B_PUBLIC')
    return undefined
  }
  try {
    decodePublic(bytes)
    return bytes
  } catch (error) {
    if (!(error instanceof TpmError)) throw error
    reader.fault(name, `is no TPM2B_PUBLIC: ${error.message}`)
    return undefined
  }
}

export function formatTpmKey(key: Uint8Array): string {
  return Buffer.from(key).toString('base64')
}
