/** Fetching a revocation list from where its CA publishes it (RFC 5280 §4.2.1.13 has them at HTTP addresses). */

import { CRL_INPUT_BYTES_MAX } from '@holdfast/pki'

/** How long one fetch may take, in milliseconds: a large list over a slow line. */
const FETCH_MS_MAX = 30_000

/** One sentence for the operator; nothing of what the server said, which is not ours to show. */
export class FetchFault extends Error {
  override readonly name = 'FetchFault'
}

/**
 * @param url http or https. Plain http is as good as https here: what counts is the list's own signature.
 * @throws FetchFault.
 */
export async function fetchRevocationList(url: string, ending: AbortSignal): Promise<Uint8Array> {
  const signal = AbortSignal.any([ending, AbortSignal.timeout(FETCH_MS_MAX)])
  try {
    // A redirection could lead the hub to addresses that no operator has named.
    const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/pkix-crl, */*' } })
    if (response.status !== 200) {
      await response.body?.cancel()
      throw new FetchFault(`the server answered with status ${response.status}`)
    }
    return await bodyOf(response)
  } catch (error) {
    if (error instanceof FetchFault) throw error
    throw new FetchFault(faultOf(error), { cause: error })
  }
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > CRL_INPUT_BYTES_MAX) throw new FetchFault(`the list has more than ${CRL_INPUT_BYTES_MAX} bytes`)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function faultOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${FETCH_MS_MAX / 1_000} seconds`
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return `not reached (${cause.code})`
  return 'not reached, or redirected'
}

/** Whether the hub fetches from such an address. */
export function isFetchable(text: string): boolean {
  const url = URL.parse(text)
  return (
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === ''
  )
}
