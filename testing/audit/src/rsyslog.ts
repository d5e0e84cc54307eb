/** Debian's rsyslog as a receiver: RFC 5424 over TLS with GnuTLS, each message written down field by field. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Certificates } from '@holdfast/egress/testing'
import { findTool, requireFolder, requireTool } from '@holdfast/testing-tidy'

/** What rsyslog has read of one message. */
export interface SyslogLine {
  readonly pri: string
  readonly version: string
  readonly timestamp: string
  readonly hostname: string
  readonly app: string
  readonly procid: string
  readonly msgid: string
  readonly sd: string
  readonly msg: string
  /** The name in the certificate of whoever sent it. */
  readonly raw: string
}

const READY_MS_MAX = 10_000

/** For the `skip` of a test. */
export function requireRsyslog(): string | false {
  return requireTool('rsyslogd') || requireFolder('/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so', 'rsyslog-gnutls')
}

export class Rsyslog {
  readonly port: number
  readonly #file: string
  readonly #configuration: string
  #child: ChildProcess | undefined

  private constructor(port: number, file: string, configuration: string) {
    this.port = port
    this.#file = file
    this.#configuration = configuration
  }

  /** It takes clients alone that have a certificate of this authority. */
  static async start(
    folder: string,
    { port, certificates }: { readonly port: number; readonly certificates: Certificates },
  ): Promise<Rsyslog> {
    const file = join(folder, 'received.jsonl')
    const configuration = join(folder, 'rsyslog.conf')
    const { server } = certificates
    writeFileSync(
      configuration,
      `
global(workDirectory="${folder}" defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="${join(certificates.folder, 'ca.pem')}"
  defaultNetstreamDriverCertFile="${server.certificateFile}"
  defaultNetstreamDriverKeyFile="${server.keyFile}"
  parser.escapeControlCharactersOnReceive="off")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
input(type="imtcp" port="${port}" address="127.0.0.1")
template(name="fields" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="raw" name="rawmsg" format="jsonf")
}
action(type="omfile" file="${file}" template="fields" asyncWriting="off" flushOnTXEnd="on")
`,
    )
    const rsyslog = new Rsyslog(port, file, configuration)
    await rsyslog.run()
    return rsyslog
  }

  /** Starts it, also again. */
  async run(): Promise<void> {
    const program = findTool('rsyslogd')
    if (program === undefined) throw new Error('there is no rsyslogd')
    const child = spawn(program, ['-n', '-f', this.#configuration, '-i', `${this.#configuration}.pid`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_096)))
    this.#child = child
    const end = Date.now() + READY_MS_MAX
    while (!(await isListening(this.port))) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`rsyslogd did not start: ${said}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    const gone = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    await gone
  }

  get received(): readonly SyslogLine[] {
    if (!existsSync(this.#file)) return []
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as SyslogLine)
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
