/** The HTTP application of the hub: which part answers which address. */

import type { Hono } from 'hono'
import type { WebApplication } from '@holdfast/node'
import type { HttpEnvironment } from './environment.ts'
import { hubRoutes, type HubServices, isHubPath } from './hub/index.ts'
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
  services: ManagementServices & ProvisioningServices & OperationServices & HubServices,
): WebApplication {
  const management = managementRoutes(services)
  const enrollments = enrollmentRoutes(services)
  const provisioning = provisioningRoutes(services)
  const operations = operationRoutes(services)
  const hub = hubRoutes(services)
  const partOf = (path: string): Hono<HttpEnvironment> => {
    if (OPERATIONS.test(path)) return operations
    if (ENROLLMENTS.test(path)) return enrollments
    // The devices' own addresses under /devices/{d} (messages, files) go to http/device, here, before the hub's.
    if (isHubPath(path)) return hub
    return isProvisioningPath(path) ? provisioning : management
  }
  return { fetch: (request, bindings) => partOf(new URL(request.url).pathname).fetch(request, bindings) }
}
