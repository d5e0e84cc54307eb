import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { askSecret, KeyError, readSecretFile } from './secret-input.ts'

function fileWith(context: TestContext, content: string | Uint8Array, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-secret-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'secret')
  writeFileSync(path, content, { mode })
  return path
}

const refused = (code: string) => (error: unknown) => error instanceof KeyError && error.code === code

test('a secret is the content of its file without one line end', async (context) => {
  for (const [content, secret] of [
    ['word', 'word'],
    ['word\n', 'word'],
    ['word\r\n', 'word'],
    ['word\n\n', 'word\n'],
    [' two words ', ' two words '],
  ] as const) {
    assert.equal(Buffer.from(await readSecretFile(fileWith(context, content))).toString(), secret)
  }
  const bytes = Uint8Array.of(0, 255, 10, 13)
  assert.deepEqual(await readSecretFile(fileWith(context, bytes)), bytes)
})

test('a file that is empty, too long, not there, or open to others is refused, and its content is not told', async (context) => {
  await assert.rejects(readSecretFile(fileWith(context, '')), refused('refused'))
  await assert.rejects(readSecretFile(fileWith(context, '\n')), refused('refused'))
  await assert.rejects(readSecretFile(fileWith(context, 'x'.repeat(1_025))), refused('refused'))
  await assert.rejects(readSecretFile(fileWith(context, 'x'.repeat(1_000_000))), refused('refused'))
  assert.equal((await readSecretFile(fileWith(context, `${'x'.repeat(1_024)}\r\n`))).length, 1_024)
  await assert.rejects(readSecretFile('/nowhere/secret'), refused('secret-missing'))
  const path = fileWith(context, 'hunter2')
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode)
    await assert.rejects(readSecretFile(path), (error) => {
      assert.ok(error instanceof KeyError && error.code === 'exposed' && !error.message.includes('hunter2'))
      return true
    })
    assert.equal((await readSecretFile(path, true)).length, 7, 'where the folder is closed the mode does not matter')
  }
})

/** A terminal whose user types this; with what it showed. */
function terminal(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => modes.push(isRaw) })
  const modes: boolean[] = []
  let shown = ''
  const output = Object.assign(new PassThrough(), { isTTY: true })
  output.on('data', (chunk: Buffer) => {
    shown += String(chunk)
  })
  input.write(typed)
  return { input, output, modes, shown: () => shown }
}

async function answer(typed: string): Promise<{ readonly secret: string | undefined; readonly shown: string }> {
  const { input, output, modes, shown } = terminal(typed)
  // As much of a terminal as is asked for.
  const secret = await askSecret('PIN', { input, output } as unknown as Parameters<typeof askSecret>[1])
  assert.deepEqual(modes, [true, false], 'the terminal is left as it was')
  return { secret: secret && Buffer.from(secret).toString(), shown: shown() }
}

test('what is typed is not shown, can be corrected, and ends with Enter', async () => {
  assert.deepEqual(await answer('1234\r'), { secret: '1234', shown: 'PIN: \n' })
  assert.deepEqual(await answer('12x\u007f34\n'), { secret: '1234', shown: 'PIN: \n' })
  assert.deepEqual(await answer('aü\u007f\u007f\u007fb\r'), { secret: 'b', shown: 'PIN: \n' })
})

test('giving up is no secret', async () => {
  for (const typed of ['\r', '12\u0003', '12\u0004']) assert.equal((await answer(typed)).secret, undefined)
  const { input, output } = terminal('1234\r')
  Object.assign(input, { isTTY: false })
  assert.equal(await askSecret('PIN', { input, output } as unknown as Parameters<typeof askSecret>[1]), undefined)
})
