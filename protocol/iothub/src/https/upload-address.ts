/** The container that uploaded blobs are in: first segment of their addresses, where bodies are streams. */
export const UPLOAD_CONTAINER = 'device-uploads'

/** Segments that a URL library takes out of a path: behind them it may be another address. */
const DOTS = /\/(?:\.|%2e){1,2}(?:[/?#]|$)/i

/** Whether the body of a request is a blob's, or a part of one. `target` is the path and query as received. */
export function isBlobUpload(method: string, target: string): boolean {
  return method === 'PUT' && target.startsWith(`/${UPLOAD_CONTAINER}/`) && !DOTS.test(target) && !target.includes('\\')
}
