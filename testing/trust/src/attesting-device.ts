/**
 * A device that attests: its TPM is swtpm, everything it does with it is done by tpm2-tools, and its firmware's log is
 * written beside the PCRs that it extends. What it shows the hub goes over HTTPS as the device's own.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { type Ready, SoftwareTpm } from '@holdfast/testing-hub'
import { formatSasToken } from '@holdfast/tokens'
import { writeEventLog, type WrittenEvent, measurementOf } from '@holdfast/tpm/testing'

/** What tpm2_activatecredential puts before a credential: its magic and version. */
const CREDENTIAL_HEADER = Buffer.from('badcc0de00000001', 'hex')

export interface DeviceAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface EvidenceDocument {
  readonly quote: string
  readonly signature: string
  readonly pcrs: { readonly sha256: Readonly<Record<string, string>> }
  readonly eventLog?: string
}

export interface AttestingDeviceOptions {
  readonly id: string
  readonly key: string
  /** Folder of its own. */
  readonly folder: string
  readonly ready: Ready
  /** PEM of the hub's root. */
  readonly authority: string
}

export class AttestingDevice {
  readonly id: string
  readonly #options: AttestingDeviceOptions
  /** The client certificate that it shows instead of a token. */
  #certificate: { readonly key: Buffer; readonly cert: Buffer } | undefined
  #tpm: SoftwareTpm
  #algorithm: 'rsa' | 'ecc' = 'rsa'
  #scheme = 'rsassa'
  /** Its boot since the last start. */
  #boot: readonly WrittenEvent[] = []

  private constructor(options: AttestingDeviceOptions, tpm: SoftwareTpm) {
    this.id = options.id
    this.#options = options
    this.#tpm = tpm
  }

  static async start(options: AttestingDeviceOptions): Promise<AttestingDevice> {
    return new AttestingDevice(options, await SoftwareTpm.start(options.folder))
  }

  get folder(): string {
    return this.#options.folder
  }

  get log(): Uint8Array {
    return writeEventLog(['sha256'], this.#boot)
  }

  /** As `SoftwareTpm.tools`; a tool that fails leaves nothing in the TPM either. */
  async tools(...lines: readonly string[]): Promise<string> {
    try {
      return await this.#tpm.tools(...lines)
    } catch (error) {
      for (const kind of ['-t', '-l', '-s']) await this.#tpm.tools(`tpm2_flushcontext ${kind}`)
      throw error
    }
  }

  /** Makes its endorsement and attestation keys. @param scheme of tpm2_createak. */
  async makeKeys(scheme: 'rsassa' | 'rsapss' | 'ecdsa' = 'rsassa'): Promise<void> {
    this.#scheme = scheme
    this.#algorithm = scheme === 'ecdsa' ? 'ecc' : 'rsa'
    await this.tools(`tpm2_createek -c ek.ctx -G ${this.#algorithm} -u ek.pub`)
    await this.tools(
      `tpm2_createak -C ek.ctx -c ak.ctx -G ${this.#algorithm} -g sha256 -s ${scheme} -u ak.pub -n ak.name -r ak.priv`,
    )
  }

  /** Boots: extends what its firmware measures, and keeps the log. */
  async boot(events: readonly WrittenEvent[]): Promise<void> {
    this.#boot = events
    for (const event of events) {
      const digest = Buffer.from(measurementOf(event, 'sha256')).toString('hex')
      await this.tools(`tpm2_pcrextend ${event.pcr}:sha256=${digest}`)
    }
  }

  /** Power off and on. Keys that were loaded are loaded anew from their files. */
  async restart(): Promise<void> {
    await this.stopTpm()
    await this.startTpm()
  }

  /** In good order: a TPM that loses its power counts that as an attack on what is protected against guessing. */
  async stopTpm(): Promise<void> {
    await this.tools('tpm2_shutdown -c')
    await this.#tpm.stop()
  }

  async startTpm(): Promise<void> {
    this.#tpm = await SoftwareTpm.start(this.folder)
    await this.tools(`tpm2_createek -c ek.ctx -G ${this.#algorithm} -u ek.pub`)
    await this.tools(
      'tpm2_startauthsession --policy-session -S session.ctx',
      'tpm2_policysecret -S session.ctx -c e',
      'tpm2_load -C ek.ctx -P session:session.ctx -u ak.pub -r ak.priv -c ak.ctx',
      'tpm2_flushcontext session.ctx',
    )
  }

  /** Shows keys; the other device's where they are given. */
  async showKeys(other: { readonly ek?: Buffer; readonly ak?: Buffer } = {}): Promise<DeviceAnswer> {
    const endorsementKey = (other.ek ?? (await this.file('ek.pub'))).toString('base64')
    const attestationKey = (other.ak ?? (await this.file('ak.pub'))).toString('base64')
    return this.call('attestation/keys', { endorsementKey, attestationKey })
  }

  /** Has the TPM open the credential, which it does for its own keys alone. @returns the secret. @throws if it does not. */
  async openCredential(shown: DeviceAnswer): Promise<string> {
    const parts = [shown.body.credentialBlob, shown.body.encryptedSecret].map((part) =>
      Buffer.from(String(part), 'base64'),
    )
    await writeFile(join(this.folder, 'credential'), Buffer.concat([CREDENTIAL_HEADER, ...parts]))
    await this.tools(
      'tpm2_startauthsession --policy-session -S session.ctx',
      'tpm2_policysecret -S session.ctx -c e',
      'tpm2_activatecredential -c ak.ctx -C ek.ctx -i credential -o secret -P session:session.ctx',
      'tpm2_flushcontext session.ctx',
    )
    return (await this.file('secret')).toString('base64')
  }

  /** From showing keys to a certified one. */
  async enrol(): Promise<DeviceAnswer> {
    const shown = await this.showKeys()
    if (shown.status !== 200) return shown
    return this.call('attestation/keys/activate', { secret: await this.openCredential(shown) })
  }

  challenge(): Promise<DeviceAnswer> {
    return this.call('attestation/challenge')
  }

  /** A quote over a nonce in base64, with its values and log. */
  async evidence(nonce: unknown, pcrs: readonly number[]): Promise<EvidenceDocument> {
    const hexNonce = Buffer.from(String(nonce), 'base64').toString('hex')
    await this.tools(
      `tpm2_quote -c ak.ctx -l sha256:${pcrs.join(',')} -q ${hexNonce} -m quote -s signature -o values -F values -g sha256${this.#scheme === 'rsapss' ? ' --scheme=rsapss' : ''}`,
    )
    const values = await this.file('values')
    const sha256 = Object.fromEntries(
      pcrs.map((pcr, at) => [String(pcr), values.subarray(at * 32, at * 32 + 32).toString('hex')]),
    )
    return {
      quote: (await this.file('quote')).toString('base64'),
      signature: (await this.file('signature')).toString('base64'),
      pcrs: { sha256 },
      eventLog: Buffer.from(this.log).toString('base64'),
    }
  }

  submit(evidence: object): Promise<DeviceAnswer> {
    return this.call('attestation/evidence', evidence)
  }

  /** A fresh challenge, answered. `change` does to the evidence what an attacker would. */
  async attest(change: (evidence: EvidenceDocument) => object = (evidence) => evidence): Promise<DeviceAnswer> {
    const { status, body } = await this.challenge()
    if (status !== 200) return { status, body }
    return this.submit(change(await this.evidence(body.nonce, body.pcrs as readonly number[])))
  }

  /** From now on it proves itself by a certificate. @param pair paths of PEM files. */
  async useCertificate(pair: { readonly key: string; readonly certificate: string }): Promise<void> {
    this.#certificate = { key: await readFile(pair.key), cert: await readFile(pair.certificate) }
  }

  call(path: string, body?: object): Promise<DeviceAnswer> {
    const { key, ready, authority } = this.#options
    const expirySeconds = Math.floor(Date.now() / 1000) + 3_600
    const resource = `localhost/devices/${this.id}`
    const payload = body === undefined ? '' : JSON.stringify(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(payload),
      ...(this.#certificate === undefined ? { authorization: formatSasToken({ resource, key, expirySeconds }) } : {}),
    }
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port: ready.httpsPort,
      ca: authority,
      agent: false,
      method: 'POST',
      path: `/devices/${this.id}/${path}?api-version=2021-04-12`,
      headers,
      ...this.#certificate,
    }
    return new Promise((resolve, reject) => {
      const call = request(options, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        answer.on('error', reject)
        answer.on('end', () => {
          const found = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
          resolve({ status: answer.statusCode ?? 0, body: found })
        })
      })
      call.once('error', reject)
      call.end(payload)
    })
  }

  file(name: string): Promise<Buffer> {
    return readFile(join(this.folder, name))
  }

  async stop(): Promise<void> {
    await this.#tpm.stop()
  }
}
