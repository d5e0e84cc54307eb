/** The HTTP application of the hub: which part answers which address. */

import type { Hono } from 'hono'
import type { WebApplication } from '@holdfast/node'
import type { HttpEnvironment } from './environment.ts'
import { type ManagementServices, managementRoutes } from './management/index.ts'
import { type OperationServices, operationRoutes } from './operation-routes.ts'
import {
  enrollmentRoutes,
  isProvisioningPath,
  type ProvisioningServices,
  provisioningRoutes,
} from './provisioning/index.ts'

const ENROLLMENTS = /^\/api\/v1\/enrollment(s|-groups)(\/|$)/
const OPERATIONS = /^\/(health|metrics)(\/|$)/

export function hubApplication(
  services: ManagementServices & ProvisioningServices & OperationServices,
): WebApplication {
  const management = managementRoutes(services)
  const enrollments = enrollmentRoutes(services)
  const provisioning = provisioningRoutes(services)
  const operations = operationRoutes(services)
  const partOf = (path: string): Hono<HttpEnvironment> => {
    if (OPERATIONS.test(path)) return operations
    if (ENROLLMENTS.test(path)) return enrollments
    return isProvisioningPath(path) ? provisioning : management
  }
  return { fetch: (request, bindings) => partOf(new URL(request.url).pathname).fetch(request, bindings) }
}
