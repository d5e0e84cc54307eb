/**
 * Syslog over TLS: RFC 5425. The protocol has no acknowledgements; what stands for one is the orderly end of the
 * connection. §4.4: the sender closes with close_notify, and the receiver, once it has read that far, must answer in
 * kind. So a batch is a connection, and it counts as taken when the receiver ends its side after we have ended ours.
 */

import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { EgressFault, faultOf } from './egress-fault.ts'
import { DELIVERY_MS_MAX } from './limits.ts'
import type { Sending } from './post.ts'
import { pin, systemResolver } from './resolve.ts'
import { contextOf } from './trust.ts'

/**
 * Sends frames in one connection; resolves when the receiver has read them all.
 * @throws EgressFault; then it may have read some, or all.
 */
export async function sendFrames(sending: Sending, frames: readonly Uint8Array[]): Promise<void> {
  const { destination, trust, allowPrivate, turn } = sending
  const { host, port } = destination
  const signal = AbortSignal.any([sending.signal, AbortSignal.timeout(sending.patienceMs ?? DELIVERY_MS_MAX)])
  const address = await pin(host, { allowPrivate, resolver: sending.resolver ?? systemResolver, turn })
  if (signal.aborted) throw new EgressFault('timed-out', 'the receiver was not reached in time')
  await new Promise<void>((resolve, reject) => {
    let hasEnded = false
    let failure: EgressFault | undefined
    const socket = connect({
      ...contextOf(trust),
      host: address,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    })
    const giveUp = (): void => {
      failure ??= new EgressFault('timed-out', 'the receiver did not take everything in time')
      socket.destroy()
    }
    signal.addEventListener('abort', giveUp, { once: true })
    socket.once('secureConnect', () => {
      for (const frame of frames) socket.write(frame)
      socket.end(() => (hasEnded = true))
    })
    // What a receiver says has no meaning (RFC 5425 §4.3 knows one direction); it is read so that its end is seen.
    socket.resume()
    socket.once('end', () => {
      if (!hasEnded)
        failure ??= new EgressFault('not-reached', 'the receiver ended the connection before it had read all')
    })
    socket.once('error', (error) => (failure ??= faultOf(error)))
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp)
      if (failure !== undefined) reject(failure)
      else if (!hasEnded || !socket.readableEnded) {
        reject(new EgressFault('not-reached', 'the receiver broke the connection off'))
      } else resolve()
    })
  })
}
