/**
 * The process that holds the token. A vendor's module runs in here and nowhere else: when it crashes, hangs or writes where
 * it should not, the hub goes on and starts another. Everything comes over file descriptor 3; when that ends, so does this.
 */

import { Socket } from 'node:net'
import { LineReader, parseRequest, type TokenAnswer, type TokenReply, type TokenRequest } from './messages.ts'
import { loadNative, NOT_BUILT } from './native.ts'
import { Token, TokenError, wordsOf } from './token.ts'

let token: Token | undefined

// A report would hold the PIN's whereabouts, and where it is written is for others to read.
process.report.reportOnFatalError = false
process.report.reportOnUncaughtException = false
process.report.excludeEnv = true

const pipe = new Socket({ fd: 3, readable: true, writable: true })
const reader = new LineReader(take)
pipe.on('data', (chunk: Buffer) => {
  if (!reader.push(chunk)) process.exit(1)
})
pipe.on('end', () => process.exit(0))
pipe.on('error', () => process.exit(1))

function take(line: string): void {
  const asked = parseRequest(line)
  // The hub speaks no nonsense; what does is no hub.
  if (asked === undefined) process.exit(1)
  const { id, request } = asked
  try {
    reply({ id, answer: answer(request) })
  } catch (error) {
    if (error instanceof TokenError) {
      reply({ id, fault: error.fault, message: error.message })
    } else {
      reply({ id, fault: 'unavailable', message: `the token does not do it: ${wordsOf(error)}` })
      // A session that is gone does not come back; a new process logs in anew.
      if (token?.isLost(error) === true) pipe.end(() => process.exit(0))
    }
  }
}

function answer(request: TokenRequest): TokenAnswer {
  if (request.op === 'login') {
    const native = loadNative()
    if (native === undefined) throw new TokenError('unavailable', NOT_BUILT)
    token = Token.open(native, request)
    return {}
  }
  if (token === undefined) throw new TokenError('unavailable', 'nobody has logged in')
  switch (request.op) {
    case 'make-wrapping-key':
      return { algorithm: token.makeWrappingKey(hex(request.id), request.label, request.algorithm) }
    case 'list-wrapping-keys':
      return { ids: token.listWrappingKeys(hex(request.prefix)) }
    case 'encrypt':
      return { data: base64(token.encrypt(hex(request.id), gcmOf(request))) }
    case 'decrypt':
      return { data: base64(token.decrypt(hex(request.id), gcmOf(request))) }
    case 'public-key':
      return { data: base64(token.publicKey(hex(request.id))) }
    case 'make-signing-key':
      token.makeSigningKey(hex(request.id), request.label)
      return {}
    case 'sign':
      return { data: base64(token.sign(hex(request.id), bytes(request.data))) }
    case 'destroy':
      token.destroy(hex(request.id))
      return {}
  }
}

function gcmOf({ nonce, aad, data }: { readonly nonce: string; readonly aad: string; readonly data: string }): {
  readonly nonce: Buffer
  readonly aad: Buffer
  readonly data: Buffer
} {
  return { nonce: bytes(nonce), aad: bytes(aad), data: bytes(data) }
}

function reply(message: TokenReply): void {
  pipe.write(`${JSON.stringify(message)}\n`)
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

function bytes(text: string): Buffer {
  return Buffer.from(text, 'base64')
}

function base64(value: Buffer): string {
  return value.toString('base64')
}
