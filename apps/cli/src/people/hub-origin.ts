/** Commands of people speak to a hub by its address, since a session belongs to one. */

import type { Address } from '../address.ts'
import { wrongUse } from '../failure.ts'

export type RemoteAddress = Extract<Address, { readonly kind: 'remote' }>

/** @throws Failure (wrong use) where the hub is reached by the socket in its data folder. */
export function remoteOf(address: Address): RemoteAddress {
  if (address.kind === 'remote') return address
  throw wrongUse('a person signs in at an address: give --url, e.g. --url https://hub.example')
}
