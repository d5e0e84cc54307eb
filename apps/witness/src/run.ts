/** A witness from its settings to its end. */

import type { Clock } from '@holdfast/base'
import { WitnessAuthority, isRenewalDue } from './certificates.ts'
import { WitnessDesk } from './desk.ts'
import { Door } from './door.ts'
import { CERTIFICATE_CHECK_MS } from './limits.ts'
import type { Settings } from './settings.ts'
import { WitnessFolder } from './witness-folder.ts'
import { openWitnessKey } from './witness-key.ts'

/** What is said once it serves. */
export interface Ready {
  readonly url: string
  readonly vkey: string
  readonly caFile: string
  /** Origins of the logs that it knows. */
  readonly logs: readonly string[]
}

export interface RunningWitness {
  readonly ready: Ready
  close(): Promise<void>
}

/** Rejects with an Error that says what to do when it cannot be started. */
export async function startWitness(
  settings: Settings,
  { clock, say }: { readonly clock: Clock; readonly say: (line: string) => void },
): Promise<RunningWitness> {
  const { hostname } = settings
  const folder = await WitnessFolder.open(settings.data)
  try {
    const key = await openWitnessKey(folder.keys, hostname)
    await folder.add(settings.logs)
    const authority = await WitnessAuthority.open(folder.keys, { hostname, now: clock.wall() })
    let tls = await authority.issue({ hostname, now: clock.wall() })
    const desk = new WitnessDesk({ folder, key, clock, say })
    const door = new Door(desk, { clock, tls })
    const port = await door.listen(settings.port, settings.listen)
    const renewal = setInterval(() => {
      const now = clock.wall()
      if (!isRenewalDue(tls.certificate, now)) return
      authority.issue({ hostname, now }).then(
        (renewed) => {
          tls = renewed
          door.renew(renewed)
        },
        (error: unknown) => say(`the certificate could not be renewed, and is tried again: ${String(error)}`),
      )
    }, CERTIFICATE_CHECK_MS)
    renewal.unref()
    const name = hostname.includes(':') ? `[${hostname}]` : hostname
    return {
      ready: {
        url: `https://${name}:${port}`,
        vkey: key.key.toString(),
        caFile: authority.caFile,
        logs: desk.origins,
      },
      async close() {
        clearInterval(renewal)
        await door.close()
        await desk.settled()
        await folder.close()
      },
    }
  } catch (error) {
    await folder.close()
    throw error
  }
}
