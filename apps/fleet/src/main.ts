/** `holdfast fleet …`; also the child process of `holdfast up --demo`. */

import { run } from './run.ts'

const interruption = new AbortController()
const leave = (): void => interruption.abort()
process.once('SIGINT', leave)
process.once('SIGTERM', leave)
// A child of the hub goes when the hub goes, however it went: its channel closes, or it is handed to another parent.
process.once('disconnect', leave)
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) leave()
}, 2_000).unref()
process.stdout.on('error', (error: Error & { readonly code?: string }) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: interruption.signal,
})
// An IPC channel to the hub would keep the process alive.
if (process.connected) process.disconnect?.()
