/** What anybody may send or type: links, cookies, tokens, codes, statements of workstations. */

import { strict as assert } from 'node:assert'
import { NO_SESSION_COOKIE, readSessionCookie, SESSION_COOKIE } from '../cookie.ts'
import { isOneLine } from '../operator.ts'
import { isLinkSecret, isSessionToken, parseCode } from '../secret.ts'
import { formatStatement, readStatement } from '../statement.ts'

const TOKEN = `hfs_${'A'.repeat(43)}_00000000`
const STATEMENT = {
  purpose: 'report',
  hub: 'hub.example',
  workstation: 'w',
  time: '2026-11-25T00:00:00.000Z',
  subject: '',
  nonce: '',
  report: {
    os: 'Debian',
    patchAgeDays: 3,
    diskEncryption: 'on',
    screenLock: 'off',
    firewall: 'unknown',
    secureBoot: 'on',
    antiMalware: 'on',
  },
}
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

export const fuzzTargets = [
  {
    name: 'operator-link',
    seeds: [Buffer.from('A'.repeat(27)), Buffer.from(TOKEN)],
    run(bytes: Uint8Array): void {
      const secret = text(bytes)
      if (isLinkSecret(secret)) assert.match(secret, /^[\w-]{27}$/)
      if (isSessionToken(secret)) assert.match(secret, /^hfs_[\w-]{43}_[0-9a-f]{8}$/)
    },
  },
  {
    name: 'session-cookie',
    seeds: [
      Buffer.from(`${SESSION_COOKIE}=${TOKEN}; theme=dark`),
      Buffer.from(`${SESSION_COOKIE}=a; ${SESSION_COOKIE}=b`),
      Buffer.from(NO_SESSION_COOKIE),
    ],
    run(bytes: Uint8Array): void {
      const header = text(bytes)
      const value = readSessionCookie(header)
      if (value === undefined) return
      assert.ok(!value.includes(';') && header.includes(`${SESSION_COOKIE}=${value}`))
      // A second one beside it, and neither counts.
      assert.equal(readSessionCookie(`${header}; ${SESSION_COOKIE}=x`), undefined)
    },
  },
  {
    name: 'operator-code',
    seeds: [Buffer.from('BCDF-GHJK'), Buffer.from('bcdf ghjk'), Buffer.from(' b-c-d-f-g-h-j-k ')],
    run(bytes: Uint8Array): void {
      const code = parseCode(text(bytes))
      if (code === undefined) return
      assert.match(code, /^[B-Z]{4}-[B-Z]{4}$/)
      assert.equal(parseCode(code), code)
      assert.equal(parseCode(code.toLowerCase()), code)
    },
  },
  {
    name: 'workstation-statement',
    seeds: [
      Buffer.from(JSON.stringify(STATEMENT)),
      Buffer.from(JSON.stringify({ ...STATEMENT, purpose: 'vouch', subject: 's', nonce: 'n' })),
      Buffer.from(JSON.stringify({ ...STATEMENT, report: { ...STATEMENT.report, patchAgeDays: -1 } })),
    ],
    run(bytes: Uint8Array): void {
      const statement = readStatement(text(bytes))
      if (statement === undefined) return
      assert.ok(isOneLine(statement.report.os))
      assert.deepEqual(readStatement(formatStatement(statement)), statement)
    },
  },
] as const
