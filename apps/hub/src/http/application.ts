/** The HTTP application of the hub: which part answers which address. */

import type { Hono } from 'hono'
import type { WebApplication } from '@holdfast/node'
import { actFrom, sourceOf } from '../core/act-context.ts'
import { isTlogPath, type TlogServices, tlogRoutes } from './tlog.ts'
import { blobRoutes, deviceRoutes, type DeviceServices, isBlobPath, isDevicePath } from './device/index.ts'
import type { HttpEnvironment } from './environment.ts'
import { estRoutes, type EstServices, isEstPath } from './est/index.ts'
import { hubRoutes, type HubServices, isHubPath } from './hub/index.ts'
import { type ManagementServices, managementRoutes } from './management/index.ts'
import { isManifestUpload } from './manifest-address.ts'
import { manifestUploadRoutes } from './management/manifest-upload.ts'
import { isPublicationPath, type PublicationServices, publicationRoutes } from './publication.ts'
import { isPeoplePath, type PeopleServices, peopleRoutes } from './people/people-routes.ts'
import { isTokenReport, tokenReportRoutes } from './token-reports.ts'
import { type OperationServices, operationRoutes } from './operation-routes.ts'
import {
  enrollmentRoutes,
  enrollmentsElsewhere,
  isProvisioningPath,
  type ProvisioningServices,
  provisioningRoutes,
} from './provisioning/index.ts'

const ENROLLMENTS = /^\/api\/v1\/enrollment(s|-groups)(\/|$)/
const OPERATIONS = /^\/(health|metrics)(\/|$)/

export function hubApplication(
  services: ManagementServices &
    ProvisioningServices &
    OperationServices &
    HubServices &
    DeviceServices &
    EstServices &
    PublicationServices &
    TlogServices &
    PeopleServices,
): WebApplication {
  const management = managementRoutes(services, enrollmentsElsewhere(services))
  const enrollments = enrollmentRoutes(services)
  const provisioning = provisioningRoutes(services)
  const operations = operationRoutes(services)
  const hub = hubRoutes(services)
  const device = deviceRoutes(services)
  const blobs = blobRoutes(services)
  const est = estRoutes(services)
  const publication = publicationRoutes(services)
  const tlog = tlogRoutes(services)
  const people = peopleRoutes(services)
  const tokenReports = tokenReportRoutes(services)
  const manifests = manifestUploadRoutes(services)
  const partOf = (path: string, method: string): WebApplication | Hono<HttpEnvironment> => {
    if (isManifestUpload(method, path)) return manifests
    if (isTokenReport(path)) return tokenReports
    if (OPERATIONS.test(path)) return operations
    if (ENROLLMENTS.test(path)) return enrollments
    if (isBlobPath(path)) return blobs
    if (isEstPath(path)) return est
    if (isPeoplePath(path)) return people
    if (isTlogPath(path)) return tlog
    if (isPublicationPath(path)) return publication
    // Before the hub's: both are under /devices.
    if (isDevicePath(path)) return device
    if (isHubPath(path)) return hub
    return isProvisioningPath(path) ? provisioning : management
  }
  return {
    fetch: (request, bindings) =>
      actFrom(sourceOf(bindings.peer), () =>
        partOf(new URL(request.url).pathname, request.method).fetch(request, bindings),
      ),
  }
}
