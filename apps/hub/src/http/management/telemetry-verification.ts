/** Stored telemetry against the audit log (`protocol/api/src/telemetry-verification.ts`). */

import { OPERATIONS } from '@holdfast/api'
import { Problem } from '../../core/problem.ts'
import { type Route, serve } from './route.ts'

const { telemetry } = OPERATIONS

export const TELEMETRY_VERIFICATION_ROUTES: readonly Route[] = [
  serve(telemetry.verify, async ({ services }) => {
    if (services.verifyTelemetry === undefined) {
      throw new Problem({
        status: 404,
        code: 'no-such-address',
        title: 'this hub keeps no digests of telemetry',
        detail: 'digests are of hubs whose audit log is on disk',
      })
    }
    const { findings, ...counts } = await services.verifyTelemetry()
    return { ...counts, findings: [...findings] }
  }),
]
