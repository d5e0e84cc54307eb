/** The documents that show a twin: to its device (azure-iot.md §3.4), and to services (§8). JSON texts, put together. */

import { formatTimestamp, type Timestamp } from '@holdfast/base'
import type { Twin, TwinSection } from './twin.ts'

/** What stands in place of a time that has not come yet. */
const NEVER = '0001-01-01T00:00:00Z'

/** A twin with what the document of a service shows of its identity. */
export interface TwinView {
  readonly deviceId: string
  readonly moduleId?: string
  readonly twin: Twin
  /** ETag of the identity, unquoted. */
  readonly deviceEtag: string
  readonly status: 'enabled' | 'disabled'
  readonly statusReason?: string
  readonly statusUpdatedTime: Timestamp
  readonly connectionState: 'Connected' | 'Disconnected'
  /** Absent: never. */
  readonly lastActivityTime?: Timestamp
  readonly cloudToDeviceMessageCount: number
  readonly authenticationType: 'sas' | 'selfSigned' | 'certificateAuthority' | 'none'
  readonly x509Thumbprint: { readonly primaryThumbprint?: string; readonly secondaryThumbprint?: string }
  /** What the device said of itself at its latest connection. */
  readonly modelId?: string
  readonly capabilities: { readonly iotEdge: boolean }
  readonly deviceScope?: string
  readonly parentScopes?: readonly string[]
}

/** JSON text of the whole document, as `GET /twins/{d}` and `SELECT *` answer it. */
export function formatTwin(view: TwinView): string {
  const { twin, x509Thumbprint } = view
  const before = {
    deviceId: view.deviceId,
    ...(view.moduleId === undefined ? {} : { moduleId: view.moduleId }),
    etag: twin.etag,
    deviceEtag: view.deviceEtag,
    status: view.status,
    ...(view.statusReason === undefined ? {} : { statusReason: view.statusReason }),
    statusUpdateTime: formatTimestamp(view.statusUpdatedTime),
    connectionState: view.connectionState,
    lastActivityTime: view.lastActivityTime === undefined ? NEVER : formatTimestamp(view.lastActivityTime),
    cloudToDeviceMessageCount: view.cloudToDeviceMessageCount,
    authenticationType: view.authenticationType,
    x509Thumbprint: {
      primaryThumbprint: x509Thumbprint.primaryThumbprint ?? null,
      secondaryThumbprint: x509Thumbprint.secondaryThumbprint ?? null,
    },
    modelId: view.modelId ?? '',
    version: twin.version,
  }
  const after = {
    capabilities: { iotEdge: view.capabilities.iotEdge },
    ...(view.deviceScope === undefined ? {} : { deviceScope: view.deviceScope }),
    ...(view.parentScopes === undefined ? {} : { parentScopes: view.parentScopes }),
  }
  const properties = `{"desired":${sectionWithMetadata(twin.desired)},"reported":${sectionWithMetadata(twin.reported)}}`
  return `${withMembers(JSON.stringify(before), `"tags":${twin.tags},"properties":${properties}`).slice(0, -1)},${JSON.stringify(after).slice(1)}`
}

/** `{"desired":{…,"$version":N},"reported":{…,"$version":M}}`: all that a device sees of its twin. */
export function formatDeviceTwin(twin: Twin): string {
  return `{"desired":${sectionForDevice(twin.desired)},"reported":${sectionForDevice(twin.reported)}}`
}

/**
 * What is pushed to a device: the patch as applied, with the version that it made.
 * @param patch JSON text of an object, as `TwinSection.properties`; nulls stand for what was taken away.
 */
export function formatDesiredPatch(patch: string, version: number): string {
  return withMembers(patch, `"$version":${version}`)
}

function sectionForDevice({ properties, version }: TwinSection): string {
  return withMembers(properties, `"$version":${version}`)
}

function sectionWithMetadata({ properties, metadata, version }: TwinSection): string {
  return withMembers(properties, `"$metadata":${metadata},"$version":${version}`)
}

/** The text of an object with more members behind its own. No key of a twin begins with `$`, so that none stands twice. */
function withMembers(object: string, members: string): string {
  return object === '{}' ? `{${members}}` : `${object.slice(0, -1)},${members}}`
}
