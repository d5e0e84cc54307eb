/** Our structures and commands against swtpm, with tpm2-tools for a second opinion. */

import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { SoftwareTpm } from '@holdfast/testing-hub'
import { requireTool } from '@holdfast/testing-tidy'
import {
  ECC_ENDORSEMENT_TEMPLATE,
  ECC_STORAGE_TEMPLATE,
  HIERARCHY,
  RSA_ENDORSEMENT_TEMPLATE,
  RSA_STORAGE_TEMPLATE,
  TpmError,
  TpmRefusal,
  createPrimary,
  decodePublic,
  duplicateObject,
  encodePublic,
  flushContext,
  hmac,
  hmacObject,
  importObject,
  load,
  makeCredential,
  nameOf,
  publicKeyOf,
  readPublicOf,
} from '@holdfast/tpm'
import { TpmTransport, systemSeedSource } from '@holdfast/tpm-device'

const skip = requireTool('swtpm') || requireTool('tpm2_createek')
const AES_128_CFB = { algorithm: 'aes', keyBits: 128, mode: 'cfb' } as const

suite('the TPM codec and a TPM', { skip }, () => {
  let tpm: SoftwareTpm
  let folder: string
  const file = (name: string): Promise<Buffer> => readFile(join(folder, name))
  const withTransport = async <T>(use: (transport: TpmTransport) => Promise<T>): Promise<T> => {
    const transport = await TpmTransport.open({ kind: 'tcp', host: '127.0.0.1', port: tpm.port })
    try {
      return await use(transport)
    } finally {
      await transport.close()
    }
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-tpm-'))
    tpm = await SoftwareTpm.start(folder)
    await tpm.tools('tpm2_createek -c 0x81010001 -G rsa -u ek-rsa.pub')
    await tpm.tools('tpm2_createek -c 0x81010002 -G ecc -u ek-ecc.pub')
    await tpm.tools('tpm2_createak -C 0x81010001 -c ak.ctx -u ak.pub -n ak.name -r ak.priv')
    await tpm.tools(
      'tpm2_createprimary -C o -G rsa2048 -c srk.ctx',
      'tpm2_evictcontrol -C o -c srk.ctx 0x81000001',
      'tpm2_readpublic -c 0x81000001 -o srk-rsa.pub -n srk-rsa.name',
    )
    await tpm.tools(
      'tpm2_createprimary -C o -G ecc256 -c srk.ctx',
      'tpm2_evictcontrol -C o -c srk.ctx 0x81000002',
      'tpm2_readpublic -c 0x81000002 -o srk-ecc.pub -n srk-ecc.name',
    )
  })
  after(async () => {
    await tpm.stop()
    await rm(folder, { recursive: true, force: true })
  })

  test("public areas of tpm2-tools decode, encode to the same bytes, and have the TPM's own names", async () => {
    for (const [name, kind] of [
      ['ek-rsa', 'rsa'],
      ['ek-ecc', 'ecc'],
      ['ak', 'rsa'],
      ['srk-rsa', 'rsa'],
      ['srk-ecc', 'ecc'],
    ] as const) {
      const bytes = await file(`${name}.pub`)
      const area = decodePublic(bytes)
      assert.equal(area.kind, kind)
      assert.deepEqual(Buffer.from(encodePublic(area)), bytes)
      assert.equal(publicKeyOf(area).asymmetricKeyType, kind === 'rsa' ? 'rsa' : 'ec')
    }
    for (const name of ['ak', 'srk-rsa', 'srk-ecc']) {
      assert.deepEqual(Buffer.from(nameOf(decodePublic(await file(`${name}.pub`)))), await file(`${name}.name`))
    }
  })

  test('the standard templates make the keys that tpm2-tools make', async () => {
    for (const [template, hierarchy, name] of [
      [RSA_ENDORSEMENT_TEMPLATE, HIERARCHY.endorsement, 'ek-rsa'],
      [ECC_ENDORSEMENT_TEMPLATE, HIERARCHY.endorsement, 'ek-ecc'],
    ] as const) {
      const made = await withTransport(async (transport) => {
        const primary = await transport.execute(createPrimary({ hierarchy, template }))
        await transport.execute(flushContext(primary.handle))
        return primary
      })
      assert.deepEqual(Buffer.from(encodePublic(made.publicArea)), await file(`${name}.pub`))
      assert.deepEqual(made.name, nameOf(made.publicArea))
    }
  })

  for (const [kind, handle] of [
    ['rsa', '0x81010001'],
    ['ecc', '0x81010002'],
  ] as const) {
    test(`tpm2_activatecredential finds the secret of our credential (${kind} EK)`, async () => {
      const secret = randomBytes(32)
      const endorsementKey = decodePublic(await file(`ek-${kind}.pub`))
      const name = await file('ak.name')
      const made = makeCredential({ endorsementKey, name, secret, source: systemSeedSource })
      // The file of tpm2-tools: a magic number, a version, then the two structures.
      const header = Buffer.from('badcc0de00000001', 'hex')
      await writeFile(join(folder, 'credential'), Buffer.concat([header, made.credential, made.secret]))
      await tpm.tools(
        'tpm2_flushcontext -t',
        'tpm2_startauthsession --policy-session -S session.ctx',
        'tpm2_policysecret -S session.ctx -c e',
        `tpm2_activatecredential -c ak.ctx -C ${handle} -i credential -o secret -P session:session.ctx`,
        'tpm2_flushcontext session.ctx',
      )
      assert.deepEqual(await file('secret'), secret)
    })

    test(`a TPM imports, loads and signs with an HMAC key that we wrapped (${kind} parent)`, async () => {
      const key = randomBytes(32)
      const innerKey = randomBytes(16)
      const parentHandle = kind === 'rsa' ? 0x8100_0001 : 0x8100_0002
      const object = hmacObject({ hash: 'sha256', key, obfuscation: randomBytes(32) })
      await withTransport(async (transport) => {
        const parent = (await transport.execute(readPublicOf(parentHandle))).publicArea
        const made = duplicateObject({ parent, object, innerKey, source: systemSeedSource })
        const input = { parent: parentHandle, encryptionKey: innerKey, symmetric: AES_128_CFB }
        const privateArea = await transport.execute(importObject({ ...input, ...made }))
        const publicArea = decodePublic(made.publicArea)
        const { handle, name } = await transport.execute(load({ parent: parentHandle, privateArea, publicArea }))
        assert.deepEqual(name, nameOf(publicArea))
        const data = Buffer.from('what is signed')
        const signed = await transport.execute(hmac({ key: handle, data, hash: 'sha256' }))
        assert.deepEqual(Buffer.from(signed), createHmac('sha256', key).update(data).digest())
        await transport.execute(flushContext(handle))
        // A bit of the wrapping changed, another inner key: the TPM sees it.
        const wounded = Uint8Array.from(made.duplicate)
        wounded[40] = (wounded[40] ?? 0) ^ 1
        await assert.rejects(
          transport.execute(importObject({ ...input, ...made, duplicate: wounded })),
          (error) => error instanceof TpmRefusal && error.reason === 'INTEGRITY',
        )
        await assert.rejects(
          transport.execute(importObject({ ...input, ...made, encryptionKey: randomBytes(16) })),
          TpmRefusal,
        )
      })
    })
  }

  test('tpm2_import takes what we wrapped, and the key signs as ours does', async () => {
    const key = randomBytes(32)
    const parent = decodePublic(await file('srk-rsa.pub'))
    const innerKey = randomBytes(16)
    const object = hmacObject({ hash: 'sha256', key, obfuscation: randomBytes(32) })
    const made = duplicateObject({ parent, object, innerKey, source: systemSeedSource })
    await writeFile(join(folder, 'dup.pub'), made.publicArea)
    await writeFile(join(folder, 'dup.priv'), made.duplicate)
    // The tool wants the seed without its length in front.
    await writeFile(join(folder, 'dup.seed'), made.encryptedSeed)
    await writeFile(join(folder, 'dup.key'), innerKey)
    await writeFile(join(folder, 'data'), 'what is signed')
    await tpm.tools(
      'tpm2_import -C 0x81000001 -u dup.pub -i dup.priv -r imported.priv -k dup.key -s dup.seed',
      'tpm2_load -C 0x81000001 -u dup.pub -r imported.priv -c imported.ctx',
      'tpm2_hmac -c imported.ctx -g sha256 -o signed data',
    )
    assert.deepEqual(await file('signed'), createHmac('sha256', key).update('what is signed').digest())
  })

  test('nothing is wrapped for a key that signs, or for one that is no parent', async () => {
    const ak = decodePublic(await file('ak.pub'))
    const input = { name: await file('ak.name'), secret: randomBytes(16), source: systemSeedSource }
    assert.throws(
      () => makeCredential({ ...input, endorsementKey: ak }),
      (error) => error instanceof TpmError && error.code === 'unsuitable',
    )
    const object = hmacObject({ hash: 'sha256', key: randomBytes(32), obfuscation: randomBytes(32) })
    assert.throws(
      () => duplicateObject({ parent: object.publicArea, object, innerKey: randomBytes(16), source: systemSeedSource }),
      (error) => error instanceof TpmError && error.code === 'unsuitable',
    )
  })

  test('templates of storage keys are parents too', async () => {
    for (const template of [RSA_STORAGE_TEMPLATE, ECC_STORAGE_TEMPLATE]) {
      await withTransport(async (transport) => {
        const primary = await transport.execute(createPrimary({ hierarchy: HIERARCHY.owner, template }))
        assert.deepEqual(primary.name, nameOf(primary.publicArea))
        await transport.execute(flushContext(primary.handle))
      })
    }
  })
})
