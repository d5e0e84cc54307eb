/** The container that uploaded blobs are in: first segment of their addresses, where bodies are streams. */
export const UPLOAD_CONTAINER = 'device-uploads'

/** Whether the body of a request is a blob's, or a part of one. */
export function isBlobUpload(method: string, target: string): boolean {
  return method === 'PUT' && target.startsWith(`/${UPLOAD_CONTAINER}/`)
}
