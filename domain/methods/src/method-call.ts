/** A call of a direct method as the back end asks for it, and what becomes of it (azure-iot.md §3.5, §8). */

import {
  METHOD_CONNECT_SECONDS_MAX,
  METHOD_PAYLOAD_BYTES_MAX,
  METHOD_RESPONSE_SECONDS_MAX,
  METHOD_RESPONSE_SECONDS_MIN,
} from '@holdfast/iothub'
import { METHOD_NAME_CHARACTERS_MAX } from './limits.ts'

export interface MethodCall {
  /** 1 to 100 characters, none of them a control character. */
  readonly name: string
  /** JSON text, at most 128 KiB of UTF-8; goes to the device as it is. */
  readonly payload: Uint8Array
  /** How long the device may take to answer once it has been asked, 5 to 300 seconds. */
  readonly responseTimeoutSeconds: number
  /** How long to wait for a device that is not there, 0 to 300 seconds. */
  readonly connectTimeoutSeconds: number
}

/** What is wrong with a call; undefined when nothing is. */
export type CallFault = 'name' | 'payload-too-large' | 'response-timeout' | 'connect-timeout'

export function faultOf(call: MethodCall): CallFault | undefined {
  if (!isMethodName(call.name)) return 'name'
  if (call.payload.length > METHOD_PAYLOAD_BYTES_MAX) return 'payload-too-large'
  const { responseTimeoutSeconds: response, connectTimeoutSeconds: connect } = call
  if (!isWithin(response, METHOD_RESPONSE_SECONDS_MIN, METHOD_RESPONSE_SECONDS_MAX)) return 'response-timeout'
  if (!isWithin(connect, 0, METHOD_CONNECT_SECONDS_MAX)) return 'connect-timeout'
  return undefined
}

function isWithin(seconds: number, least: number, most: number): boolean {
  return Number.isInteger(seconds) && seconds >= least && seconds <= most
}

/** A name can stand in a topic, encoded, and in a log line. */
export function isMethodName(name: string): boolean {
  return name.length <= METHOD_NAME_CHARACTERS_MAX && /^[^\p{Cc}\p{Cs}]+$/u.test(name)
}

/** What a device said: `payload` is JSON text as it came, `null` for an empty one. */
export interface MethodAnswer {
  /** As the device gave it, -2147483648 to 2147483647. */
  readonly status: number
  readonly payload: string
}

export type MethodOutcome =
  | ({ readonly kind: 'answered' } & MethodAnswer)
  /** The device was not there, or did not listen to methods, all the time that was given for it: 404103. */
  | { readonly kind: 'not-online' }
  /** Its connection ended while it was to answer: 404104. */
  | { readonly kind: 'closed' }
  /** 504101. */
  | { readonly kind: 'no-answer' }
  /** What it answered cannot be passed on: 502. */
  | { readonly kind: 'bad-answer'; readonly why: 'status' | 'too-large' | 'not-json' }
  /** Too many calls are under way: to this device, of this actor, or in all. */
  | { readonly kind: 'busy'; readonly of: 'identity' | 'actor' | 'hub' }
  /** The device or module was deleted meanwhile: what is made anew under its id is another one, and not asked. */
  | { readonly kind: 'deleted' }
  /** Who called does not wait any more, so that nobody is left to be told. */
  | { readonly kind: 'left' }
  /** The hub stops. */
  | { readonly kind: 'ended' }

/** Who called, where that one may go before the call has ended. */
export interface MethodWaiter {
  /** Has `left` called once when that one is gone; at once, if it is gone already. */
  onLeft(left: () => void): void
}
