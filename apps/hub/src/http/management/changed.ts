/** The end of every change: the sessions that rested on what it took away, and the streams. */

import type { Cut } from '@holdfast/identity'
import type { Api } from '@holdfast/api'
import type { Call } from './route.ts'

export async function cutOff(call: Call, cuts: readonly Cut[]): Promise<Api.Changed> {
  if (cuts.length === 0) return { sessionsClosed: 0, milliseconds: 0 }
  const streams = call.streams.cut(cuts)
  const changed = await call.services.sessions.cutOff(cuts)
  return { sessionsClosed: changed.sessionsClosed + streams, milliseconds: changed.milliseconds }
}
