/** What the pages share: asking the hub, and saying in words what came of it. */

/** A refusal of the hub, with what to do about it. */
export class Refusal extends Error {
  constructor(status, code, message) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.code = code
  }
}

/** The answer to a request; undefined where there is none. */
export async function ask(method, path, body) {
  let response
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      redirect: 'error',
      headers: {
        // No form and no other site can send it; the hub asks for it where something may change.
        'holdfast-page': '1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch {
    throw new Refusal(0, 'unreachable', 'The hub does not answer. Check your connection and try again.')
  }
  if (response.status === 204) return undefined
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  const { title = `The hub refused this (${response.status}).`, detail = '', code = 'unknown' } = answer
  throw new Refusal(response.status, code, sentence(title) + (detail === '' ? '' : ` ${sentence(detail)}`))
}

export function byId(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no ${id}`)
  return element
}

export function show(id, isShown) {
  byId(id).hidden = !isShown
}

export function say(text) {
  byId('alert').textContent = ''
  byId('status').textContent = text
}

export function complain(error) {
  byId('status').textContent = ''
  byId('alert').textContent = wordsFor(error)
}

/** Does something for a press of a button, once at a time, and says what went wrong. */
export async function doing(button, work) {
  if (button.disabled) return
  button.disabled = true
  try {
    await work()
  } catch (error) {
    complain(error)
  } finally {
    button.disabled = false
  }
}

function wordsFor(error) {
  if (error instanceof Refusal) return error.message
  // The names are those of WebAuthn §5.1.3 and §5.1.4.
  switch (error?.name) {
    case 'NotAllowedError':
      return 'Nothing happened: it was cancelled, took too long, or this device has no passkey for this hub.'
    case 'InvalidStateError':
      return 'This authenticator is enrolled already. Use another one.'
    case 'SecurityError':
      return 'The browser refuses passkeys at this address. Open the hub by its own name, over HTTPS, with its certificate trusted.'
    case 'NotSupportedError':
      return 'This authenticator cannot do what is asked for. Use another one.'
    default:
      return 'Something went wrong in the browser. Reload the page and try again.'
  }
}

function sentence(text) {
  const begun = text.slice(0, 1).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}
