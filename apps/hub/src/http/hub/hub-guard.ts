/** The guard of the interfaces that refuse in the words of IoT Hub: the service's REST, and the devices' HTTPS API. */

import type { Hono } from 'hono'
import type { HttpEnvironment } from '../environment.ts'
import { guard, type GuardOptions } from '../guard.ts'
import { explain } from '../management/refusals.ts'
import { refusal } from './answer.ts'
import { problemAsHubError } from './refusals.ts'

/** As `guard`. */
export function guardAsHub(
  app: Hono<HttpEnvironment>,
  services: Pick<GuardOptions, 'failed' | 'events' | 'clock'> & Parameters<typeof refusal>[1],
): void {
  const { failed, events, clock } = services
  guard(app, { failed, events, clock, explain, refuse: (problem) => refusal(problemAsHubError(problem), services) })
}
