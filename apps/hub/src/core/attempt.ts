import type { Attempt } from '@holdfast/admission'
import type { Timestamp } from '@holdfast/base'
import type { IdentityKey } from '@holdfast/identity'
import type { PeerFacts } from '@holdfast/messaging'

/**
 * What the gates of admission are told of a device that comes, over MQTT or HTTPS.
 * @param said what it says of itself.
 * @throws TypeError for a peer on the local socket, where no devices come.
 */
export function attemptOf(
  key: IdentityKey,
  { address, transport, tlsVersion, tlsFingerprint, certificate }: PeerFacts,
  said: { readonly clientType?: string | undefined; readonly modelId?: string | undefined },
  at: Timestamp,
): Attempt {
  if (transport === 'local') throw new TypeError('devices do not come by the local socket')
  const { clientType, modelId } = said
  return {
    key,
    address,
    transport,
    tlsVersion,
    tlsFingerprint,
    ...(clientType === undefined ? {} : { clientType }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(certificate === undefined
      ? {}
      : { certificate: { sha256: certificate.sha256, notAfter: certificate.notAfter } }),
    at,
  }
}
