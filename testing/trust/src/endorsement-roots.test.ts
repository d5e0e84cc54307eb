/** Certificates of endorsement keys as openssl makes them: which of them count, and why the others do not. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { AttestationError, EndorsementRoots } from '@holdfast/attestation'
import { MemoryEndorsementRootStore } from '@holdfast/attestation/testing'
import { instantOf, type Timestamp, timestampOf } from '@holdfast/base'
import { requireTool } from '@holdfast/testing-tidy'
import { RSA_ENDORSEMENT_TEMPLATE, type TpmPublic } from '@holdfast/tpm'

const run = promisify(execFile)
const skip = requireTool('openssl')
const DAY_MS = 86_400_000

const EKU = 'extendedKeyUsage = 2.23.133.8.1'
const USAGE = 'keyUsage = critical, keyEncipherment'
const LEAF = 'basicConstraints = critical, CA:FALSE'
const NAME = 'subjectAltName = critical, dirName:maker'

suite('certificates of endorsement keys', { skip }, () => {
  let folder: string
  let key: TpmPublic
  let otherKey: TpmPublic
  const actor = 'operator/test'

  const openssl = (line: string): Promise<unknown> => run('openssl', line.split(' '), { cwd: folder })

  async function areaOf(name: string): Promise<TpmPublic> {
    const jwk = createPublicKey(await readFile(join(folder, `${name}.key`))).export({ format: 'jwk' })
    return { ...RSA_ENDORSEMENT_TEMPLATE, modulus: Buffer.from(jwk.n ?? '', 'base64url') }
  }

  /** A certificate of `ek.key` by `issuer`, in DER. */
  async function certified(extensions: readonly string[], issuer = 'root'): Promise<Buffer> {
    // The number before the first point is openssl's own and left out.
    const maker = '[maker]\n0.2.23.133.2.1 = id:41434D45\n1.2.23.133.2.2 = roadrunner\n2.2.23.133.2.3 = id:0001\n'
    await writeFile(join(folder, 'ek.ext'), `[ext]\n${extensions.join('\n')}\n${maker}`)
    await openssl('req -new -key ek.key -subj /CN=ek -out ek.csr')
    const signed = `-CA ${issuer}.pem -CAkey ${issuer}.key -CAcreateserial -extfile ek.ext -extensions ext`
    await openssl(`x509 -req -in ek.csr ${signed} -days 30 -outform der -out ek.der`)
    return readFile(join(folder, 'ek.der'))
  }

  async function authority(name: string, issuer: string | undefined, more = ''): Promise<void> {
    await writeFile(
      join(folder, `${name}.ext`),
      `[ext]\nbasicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\n${more}`,
    )
    await openssl(`genrsa -out ${name}.key 2048`)
    await openssl(`req -new -key ${name}.key -subj /CN=${name} -out ${name}.csr`)
    const by = issuer === undefined ? `-signkey ${name}.key` : `-CA ${issuer}.pem -CAkey ${issuer}.key -CAcreateserial`
    await openssl(`x509 -req -in ${name}.csr ${by} -extfile ${name}.ext -extensions ext -days 60 -out ${name}.pem`)
    await openssl(`x509 -in ${name}.pem -outform der -out ${name}.der`)
  }

  /** @param now days from the present. */
  async function rootsOf(trusted: readonly string[], now = 0): Promise<EndorsementRoots> {
    const wall = (): Timestamp => timestampOf(Date.now() + now * DAY_MS + 1_000)
    const store = new MemoryEndorsementRootStore()
    for (const name of trusted) {
      const certificate = await readFile(join(folder, `${name}.der`))
      await store.writeEndorsementRoot({ name, certificate, addedTime: wall() })
    }
    const clock = { wall, monotonic: () => instantOf(0) }
    return EndorsementRoots.open({
      store,
      clock,
      damaged: (_what, error) => assert.fail(String(error)),
    })
  }

  const why = (roots: EndorsementRoots, certificates: Uint8Array | undefined, of = key): string => {
    const verdict = roots.vouch(of, certificates)
    return verdict.kind === 'vouched' ? verdict.manufacturer : verdict.why
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-endorsement-'))
    for (const name of ['ek', 'other']) await openssl(`genrsa -out ${name}.key 2048`)
    key = await areaOf('ek')
    otherKey = await areaOf('other')
    await authority('root', undefined)
    await authority('below', 'root')
    await authority('stranger', undefined)
    await authority('web', 'root', 'extendedKeyUsage = serverAuth\n')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  test('one that holds names the manufacturer, model and version', async () => {
    const roots = await rootsOf(['root'])
    assert.equal(why(roots, await certified([EKU, USAGE, LEAF, NAME])), 'id:41434D45 roadrunner id:0001')
  })

  test('what lies between it and the root comes with it, or is trusted itself', async () => {
    const leaf = await certified([EKU, USAGE, LEAF, NAME], 'below')
    const between = await readFile(join(folder, 'below.der'))
    assert.match(why(await rootsOf(['root']), leaf), /no manufacturer that is trusted/)
    assert.match(why(await rootsOf(['root']), Buffer.concat([leaf, between])), /^id:41434D45/)
    assert.match(why(await rootsOf(['below']), leaf), /^id:41434D45/)
  })

  test('each thing that is wrong with one is a reason of its own', async () => {
    const roots = await rootsOf(['root', 'web'])
    const good = await certified([EKU, USAGE, LEAF, NAME])
    for (const [certificates, expected] of [
      [undefined, /no certificate/],
      [new Uint8Array(0), /cannot be read/],
      [Buffer.from('302a', 'hex'), /cannot be read/],
      [Buffer.concat([good, Uint8Array.of(0)]), /cannot be read/],
      [Buffer.concat(Array.from({ length: 9 }, () => good)), /cannot be read \(too-large\)/],
      [await certified([USAGE, LEAF, NAME]), /extended-key-usage/],
      [await certified(['extendedKeyUsage = clientAuth', USAGE, LEAF, NAME]), /extended-key-usage/],
      [await certified(['extendedKeyUsage = anyExtendedKeyUsage', USAGE, LEAF, NAME]), /extended-key-usage/],
      [await certified([EKU, 'keyUsage = critical, digitalSignature', LEAF, NAME]), /\(key-usage\)/],
      [await certified([EKU, 'keyUsage = keyCertSign', 'basicConstraints = CA:TRUE', NAME]), /that of an authority/],
      [await certified([EKU, USAGE, LEAF]), /does not name a manufacturer/],
      [await certified([EKU, USAGE, LEAF, 'subjectAltName = DNS:tpm.example']), /does not name a manufacturer/],
      [await certified([EKU, USAGE, LEAF, NAME, '1.2.3.4 = critical, ASN1:NULL']), /critical-extension/],
      [await certified([EKU, USAGE, LEAF, NAME], 'stranger'), /no manufacturer that is trusted/],
      [await certified([EKU, USAGE, LEAF, NAME], 'web'), /extended-key-usage/],
    ] as const) {
      assert.match(why(roots, certificates), expected)
    }
    assert.match(why(roots, good, otherKey), /not of this endorsement key/)
    assert.match(why(await rootsOf(['root'], 31), good), /\(expired\)/)
    assert.match(why(await rootsOf(['root'], -1), good), /\(not-yet-valid\)/)
    // A signature of another: the last byte changed.
    const forged = Uint8Array.from(good, (byte, at) => (at === good.length - 1 ? byte ^ 1 : byte))
    assert.match(why(roots, forged), /bad-signature/)
  })

  test('a root is a CA in its time, has a name that nobody has, and is gone when it is removed', async () => {
    const roots = await rootsOf([])
    const good = await certified([EKU, USAGE, LEAF, NAME])
    const root = await readFile(join(folder, 'root.der'))
    const isRefused = (code: string) => (error: unknown) => error instanceof AttestationError && error.code === code
    await assert.rejects(roots.add('acme', good, actor), isRefused('invalid'))
    await assert.rejects(roots.add('acme', new Uint8Array(3), actor), isRefused('invalid'))
    await assert.rejects(roots.add('a b', root, actor), isRefused('invalid'))
    await assert.rejects((await rootsOf([], 61)).add('acme', root, actor), isRefused('invalid'))
    await roots.add('acme', root, actor)
    await assert.rejects(roots.add('acme', root, actor), isRefused('exists'))
    assert.match(why(roots, good), /^id:41434D45/)
    await roots.remove('acme', actor)
    assert.match(why(roots, good), /no manufacturer that is trusted/)
    await assert.rejects(roots.remove('acme', actor), isRefused('missing'))
  })
})
