/** From a name to the one address that is called. */

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Reach, reachOf } from './address.ts'
import { EgressFault } from './egress-fault.ts'
import { ADDRESSES_MAX, RESOLVE_MS_MAX } from './limits.ts'

/** All addresses of a name. May reject. */
export type Resolver = (name: string) => Promise<readonly string[]>

/** As this machine resolves names. */
export const systemResolver: Resolver = async (name) =>
  (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address)

/**
 * Resolves once; what comes back is what is connected to, so that a second answer of the name server changes nothing.
 * One address that may not be called makes the whole name one that may not.
 * @param turn which of several addresses: 0 for the first attempt, 1 for the next.
 * @throws EgressFault.
 */
export async function pin(
  host: string,
  {
    allowPrivate,
    resolver,
    turn,
  }: { readonly allowPrivate: boolean; readonly resolver: Resolver; readonly turn: number },
): Promise<string> {
  const addresses = isIP(host) === 0 ? await ask(host, resolver) : [host]
  if (addresses.length === 0) throw new EgressFault('name-not-resolved', 'the name of the receiver has no address')
  if (addresses.length > ADDRESSES_MAX) {
    throw new EgressFault('address-refused', `the name of the receiver has more than ${ADDRESSES_MAX} addresses`)
  }
  for (const address of addresses) {
    const why = refusalOf(reachOf(address), allowPrivate)
    if (why !== undefined) throw new EgressFault('address-refused', why)
  }
  const chosen = addresses[turn % addresses.length]
  if (chosen === undefined) throw new TypeError('a turn is a whole number from 0')
  return chosen
}

function refusalOf(reach: Reach, allowPrivate: boolean): string | undefined {
  if (reach === 'never') return 'the receiver has an address that the hub never calls'
  if (reach === 'private' && !allowPrivate) {
    return "the receiver has an address of the hub's own network; where that is meant, allow private addresses for it"
  }
  return undefined
}

async function ask(host: string, resolver: Resolver): Promise<readonly string[]> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new EgressFault('name-not-resolved', 'the name server did not answer in time')),
    RESOLVE_MS_MAX,
  )
  try {
    return await Promise.race([resolver(host), late])
  } catch (error) {
    if (error instanceof EgressFault) throw error
    throw new EgressFault('name-not-resolved', 'the name of the receiver was not resolved', { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
