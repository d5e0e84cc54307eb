export { Outbox } from './outbox.ts'
export type { ConnectOptions, Remote, ServeOptions } from './remote.ts'
export { connect, RemoteError, serve } from './remote.ts'
export { startThread } from './thread.ts'
