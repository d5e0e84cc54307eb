/**
 * What is asked before anybody is known, outside `/api/v1`: links, signing in, logins of programs, and statements of
 * workstations, which prove themselves by their signatures. All of it is POST with JSON.
 */

import Type from 'typebox'
import { AssertionAnswer, RegistrationAnswer } from './people.ts'
import { closed } from './shape.ts'

const secret = Type.String({ minLength: 1, maxLength: 128 })
const ceremony = Type.String({ minLength: 1, maxLength: 64 })
const label = Type.String({ minLength: 1, maxLength: 64 })
const code = Type.String({ minLength: 1, maxLength: 32 })
const statement = {
  /** JSON text, as it was signed. */
  statement: Type.String({ minLength: 1, maxLength: 4_096 }),
  /** Ed25519, base64url. */
  signature: Type.String({ minLength: 86, maxLength: 86, pattern: '^[A-Za-z0-9_-]+$' }),
}

export const Empty = closed({})
export const LinkLook = closed({ secret })
export const EnrolBegin = closed({
  secret,
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  code: Type.Optional(code),
})
export const EnrolFinish = closed({ ceremony, keyName: label, answer: RegistrationAnswer })
export const SignInFinish = closed({ ceremony, answer: AssertionAnswer })

export const LoginBegin = closed({ agent: Type.String({ minLength: 1, maxLength: 160 }) })
export interface LoginBegun {
  id: string
  code: string
  secret: string
  nonce: string
  /** Where the code is to be typed. */
  page: string
  seconds: number
}
export const LoginVouch = closed({ secret, ...statement })
export const LoginFetch = closed({ secret })
export type LoginFetched =
  | { state: 'pending' }
  | { state: 'denied' }
  | { state: 'present'; operator: string }
  | { state: 'signed-in'; operator: string; token: string; expires: string }

export const PostureReported = closed(statement)
/** What the hub made of a report. */
export interface PostureVerdict {
  workstation: string
  approved: boolean
  green: boolean
  lacking: string[]
  /** How long it counts. */
  minutes: number
}
export const VouchBegin = closed({ code })
export interface VouchBegun {
  session: string
  nonce: string
}
export const VouchFinish = closed({ code, ...statement })
