/**
 * Debian's Chromium with a virtual authenticator (WebAuthn §11.2, by the DevTools protocol), which holds real keys and
 * signs as an authenticator does. The browser trusts the certificates given by name, since it shows no passkeys on pages
 * whose certificate it does not trust.
 */

import { createHash, X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { findTool } from '@holdfast/testing-tidy'
import { type Browser, type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core'

/** Of a credential in the virtual authenticator (WebAuthn domain of the DevTools protocol). */
export interface VirtualCredential {
  readonly credentialId: string
  readonly isResidentCredential: boolean
  readonly rpId?: string
  readonly privateKey: string
  readonly userHandle?: string
  readonly signCount: number
}

export class People {
  readonly #browser: Browser

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  /** @param ports of servers on localhost whose certificates are trusted. */
  static async open(ports: readonly number[]): Promise<People> {
    const executablePath = findTool('chromium')
    if (executablePath === undefined) throw new Error('chromium is not installed')
    const trusted = await Promise.all(ports.map(spkiOf))
    const browser = await chromium.launch({
      executablePath,
      args: ['--no-sandbox', '--disable-gpu', `--ignore-certificate-errors-spki-list=${trusted.join(',')}`],
    })
    return new People(browser)
  }

  /** Somebody with a browser profile and an authenticator of their own. */
  async person(options: { readonly verifies?: boolean; readonly canBeBackedUp?: boolean } = {}): Promise<Person> {
    const context = await this.#browser.newContext({ viewport: { width: 320, height: 640 } })
    const page = await context.newPage()
    const devTools = await context.newCDPSession(page)
    await devTools.send('WebAuthn.enable')
    const { verifies = true, canBeBackedUp = false } = options
    const { authenticatorId } = await devTools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: verifies,
        automaticPresenceSimulation: true,
        defaultBackupEligibility: canBeBackedUp,
        defaultBackupState: canBeBackedUp,
      },
    })
    return new Person(context, page, devTools, authenticatorId)
  }

  close(): Promise<void> {
    return this.#browser.close()
  }
}

export class Person {
  readonly page: Page
  readonly context: BrowserContext
  /** What the pages complained of: scripts that the policy refused, errors. */
  readonly complaints: string[] = []
  readonly #devTools: CDPSession
  readonly #authenticatorId: string

  constructor(context: BrowserContext, page: Page, devTools: CDPSession, authenticatorId: string) {
    this.context = context
    this.page = page
    this.#devTools = devTools
    this.#authenticatorId = authenticatorId
    page.setDefaultTimeout(15_000)
    page.on('pageerror', (error) => this.complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text())
    })
  }

  /** Whether the authenticator finds that it is its owner who touches it. */
  async verifies(isVerified: boolean): Promise<void> {
    const authenticatorId = this.#authenticatorId
    await this.#devTools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: isVerified })
  }

  async credentials(): Promise<readonly VirtualCredential[]> {
    const authenticatorId = this.#authenticatorId
    const { credentials } = await this.#devTools.send('WebAuthn.getCredentials', { authenticatorId })
    return credentials
  }

  /** Puts a credential into the authenticator: a copy of another's, say. */
  async add(credential: VirtualCredential): Promise<void> {
    const authenticatorId = this.#authenticatorId
    await this.#devTools.send('WebAuthn.addCredential', { authenticatorId, credential })
  }

  async forget(): Promise<void> {
    await this.#devTools.send('WebAuthn.clearCredentials', { authenticatorId: this.#authenticatorId })
  }

  /** Enrols by a link, as its page asks. */
  async enrol(
    link: string,
    { name, code, key = 'laptop' }: { readonly name?: string; readonly code?: string; readonly key?: string } = {},
  ): Promise<void> {
    await this.page.goto('about:blank')
    await this.page.goto(link)
    if (name !== undefined) await this.page.getByLabel('Your name').fill(name)
    if (code !== undefined) await this.page.getByLabel('Code').fill(code)
    await this.page.getByLabel('Name of this passkey').fill(key)
    await this.page.getByRole('button', { name: 'Make the passkey' }).click()
  }

  async signIn(origin: string): Promise<void> {
    await this.page.goto(`${origin}/sign-in`)
    await this.page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  }

  /** Resolves when the session's page stands. */
  async isIn(name: string): Promise<void> {
    await this.page.locator('#operator', { hasText: name }).waitFor()
  }

  /** What the page complains of, in words. */
  async alert(): Promise<string> {
    const alert = this.page.getByRole('alert')
    await alert.waitFor()
    return (await alert.textContent()) ?? ''
  }

  async stepUp(): Promise<void> {
    await this.page.getByRole('button', { name: 'Show that you are here' }).click()
    await this.page.getByRole('status').filter({ hasText: 'Thank you' }).waitFor()
  }

  /** A request of the page's own, with its cookie. */
  ask(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: unknown }> {
    return this.page.evaluate(
      async ([method, path, body]) => {
        const response = await fetch(path, {
          method,
          headers: { 'holdfast-page': '1', ...(body !== null && { 'content-type': 'application/json' }) },
          ...(body !== null && { body }),
        })
        const text = await response.text()
        return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
      },
      [method, path, body === undefined ? null : JSON.stringify(body)] as const,
    )
  }

  /** Value of the session's cookie, as a thief would have it. */
  async cookie(): Promise<string | undefined> {
    const cookies = await this.context.cookies()
    return cookies.find(({ name }) => name === '__Host-holdfast')?.value
  }

  close(): Promise<void> {
    return this.context.close()
  }
}

/** SHA-256 of the public key of whoever listens there, as Chromium's option names it. */
function spkiOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // Only the key's digest is taken from this connection; what is told to it is nothing.
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      const { raw } = socket.getPeerCertificate()
      socket.end()
      const spki = new X509Certificate(raw).publicKey.export({ type: 'spki', format: 'der' })
      resolve(createHash('sha256').update(spki).digest('base64'))
    })
    socket.once('error', reject)
  })
}
