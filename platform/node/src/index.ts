export type { Remote } from './remote.ts'
export { connect, RemoteError, serve } from './remote.ts'
