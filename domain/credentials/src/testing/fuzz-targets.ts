/** Each target takes any bytes and throws only when a rule is broken. */

import { CredentialError } from '../errors.ts'
import { identityKeyOf, parseEstAuthorization } from '../est/authorization.ts'
import { decodeEstBody, encodeEstBody } from '../est/body.ts'
import { isEstPath, parseEstPath } from '../est/path.ts'
import { isProfileName } from '../profile.ts'
import { parseProfiles } from '../profile-text.ts'

export interface FuzzTarget {
  readonly name: string
  /** Inputs to start from. */
  readonly seeds: readonly Uint8Array[]
  /** @throws anything at all when a rule is broken; refusals of the input are not thrown. */
  run(bytes: Uint8Array): void
}

const seeds = (...texts: readonly string[]): readonly Uint8Array[] => texts.map((text) => Buffer.from(text, 'latin1'))

function must(claim: boolean, rule: string): void {
  if (!claim) throw new Error(rule)
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'est-body',
    seeds: seeds(
      'MIIBAA==\r\n',
      '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n',
      '0\x82\x01',
    ),
    run(bytes) {
      let der: Uint8Array
      try {
        der = decodeEstBody(bytes)
      } catch (error) {
        if (error instanceof CredentialError && error.code === 'bad-request') return
        throw error
      }
      const text = encodeEstBody(der)
      must(
        text.split('\r\n').every((line) => line.length <= 76),
        'lines have 76 characters at most',
      )
      if (der.length > 0 && der[0] !== 0x30) {
        must(Buffer.compare(decodeEstBody(Buffer.from(text)), der) === 0, 'what was decoded encodes to itself')
      }
    },
  },
  {
    name: 'est-path',
    seeds: seeds(
      '/.well-known/est/cacerts',
      '/.well-known/est/gateway/simplereenroll',
      '/.well-known/est/a/b/csrattrs',
    ),
    run(bytes) {
      const text = Buffer.from(bytes).toString('latin1')
      const path = parseEstPath(text)
      if (path === undefined) return
      must(isEstPath(text), 'an address of EST is under its root')
      must(path.label === undefined || isProfileName(path.label), 'a label is the name of a profile')
      const label = path.label === undefined ? '' : `${path.label}/`
      must(`/.well-known/est/${label}${path.operation}` === text, 'one address, one reading')
    },
  },
  {
    name: 'est-authorization',
    seeds: seeds(
      'SharedAccessSignature sr=h%2Fdevices%2Fd&sig=c2ln&se=1',
      `Basic ${Buffer.from('d/m:SharedAccessSignature sr=h&sig=c2ln&se=1').toString('base64')}`,
    ),
    run(bytes) {
      const authorization = parseEstAuthorization(Buffer.from(bytes).toString('latin1'))
      if (authorization === undefined) return
      must(/^SharedAccessSignature /i.test(authorization.token), 'only signatures are taken for tokens')
      must(authorization.user?.includes(':') !== true, 'a user has no colon')
      const key = identityKeyOf(authorization.user ?? '')
      must(key === undefined || !key.deviceId.includes('/'), 'ids hold no slash')
    },
  },
  {
    name: 'certificate-profiles',
    seeds: seeds(
      '[{"name":"gateway","keyKinds":["P-256"],"lifetimeMs":1000,"graceMs":0,"overlapMs":0,"isServer":true,"domain":"plant.example","isOpen":false,"mayReplaceKeys":true}]',
    ),
    run(bytes) {
      try {
        const profiles = parseProfiles(Buffer.from(bytes).toString('utf8'))
        must(JSON.stringify(parseProfiles(JSON.stringify(profiles))) === JSON.stringify(profiles), 'read as written')
      } catch (error) {
        const isRefusal = error instanceof CredentialError || error instanceof TypeError || error instanceof SyntaxError
        if (!isRefusal) throw error
      }
    },
  },
]
