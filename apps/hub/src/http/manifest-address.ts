/** Where manifests come in: the one address of the management API whose bodies are streams. */

const MANIFESTS = '/api/v1/manifests'

/** Whether the body of a request is a manifest. `target` is the path, with or without a query, as received. */
export function isManifestUpload(method: string, target: string): boolean {
  return method === 'POST' && (target === MANIFESTS || target.startsWith(`${MANIFESTS}?`))
}
