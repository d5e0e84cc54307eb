/** A connection held against the policy that holds for it. */

import type { EffectivePolicy } from './connection-policy.ts'
import type { Attempt } from './gate.ts'
import { contains, parseAddress } from './network.ts'

/** Why a connection is not as its policy asks; `code` in kebab-case, `detail` one sentence. */
export interface PolicyBreach {
  readonly code: 'network-not-allowed' | 'transport-not-allowed' | 'tls-below-floor'
  readonly detail: string
}

/** The first rule that is broken; undefined when all are kept. Duplicates are not looked at here. */
export function breachOf(
  policy: EffectivePolicy,
  { address, transport, tlsVersion }: Pick<Attempt, 'address' | 'transport' | 'tlsVersion'>,
): PolicyBreach | undefined {
  const { parsedNetworks, transports, tlsFloor } = policy
  if (!transports.includes(transport)) {
    return { code: 'transport-not-allowed', detail: `${transport} is not among ${transports.join(', ')}` }
  }
  // What is not known to be above the floor is below it.
  if (tlsFloor === '1.3' ? tlsVersion !== 'TLSv1.3' : tlsVersion !== 'TLSv1.2' && tlsVersion !== 'TLSv1.3') {
    return { code: 'tls-below-floor', detail: `the policy asks for TLS ${tlsFloor} or newer` }
  }
  if (parsedNetworks === undefined) return undefined
  const bytes = parseAddress(address)
  if (bytes !== undefined && parsedNetworks.some((network) => contains(network, bytes))) return undefined
  return { code: 'network-not-allowed', detail: 'the address is in none of the networks of the policy' }
}
