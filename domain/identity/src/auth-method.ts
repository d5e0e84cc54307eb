/** `iothub-connection-auth-method`: how a connection proved itself, as readers of its messages see it (azure-iot.md §5.6). */

import type { Basis } from './credential.ts'

/** JSON text in the member order of IoT Hub. A policy speaks for the whole hub, hence its scope. */
export function authMethodOf(basis: Basis, isModule: boolean): string {
  switch (basis.kind) {
    case 'policy':
      return METHODS.hubSas
    case 'device-key':
      return METHODS.deviceSas
    case 'module-key':
      return METHODS.moduleSas
    case 'thumbprint':
    case 'authority':
    case 'issued':
      return isModule ? METHODS.moduleX509 : METHODS.deviceX509
  }
}

// Made once: every message of a connection carries one.
const METHODS = {
  hubSas: text('hub', 'sas'),
  deviceSas: text('device', 'sas'),
  moduleSas: text('module', 'sas'),
  deviceX509: text('device', 'x509'),
  moduleX509: text('module', 'x509'),
}

function text(scope: 'hub' | 'device' | 'module', type: 'sas' | 'x509'): string {
  return JSON.stringify({ scope, type, issuer: 'iothub', acceptingIpFilterRule: null })
}
