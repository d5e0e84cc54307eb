/** One's own session: presence, programs that want to sign in, the workstation, the passkeys. */

import { ask, byId, complain, doing, Refusal, say, show } from './page.js'
import { makePasskey, usePasskey } from './passkey.js'

const ALLOWS = { all: 'everything that your roles allow', read: 'read, and change nothing', nothing: 'do nothing yet' }

const code = location.hash.slice(1)
history.replaceState(null, '', '/session')

let login

try {
  await showSession(await ask('GET', '/api/v1/session'))
  await showPasskeys()
  if (code !== '') {
    byId('login-code').value = code
    byId('login-code').focus()
  }
} catch (error) {
  if (error instanceof Refusal && error.status === 401) location.replace(`/sign-in${code === '' ? '' : `#${code}`}`)
  else {
    show('signed-in', true)
    complain(error)
  }
}

on('step-up', 'click', async () => {
  await stepUp()
  say('Thank you. For five minutes you may do what asks for you to be here.')
})
on('sign-out', 'click', async () => {
  await ask('DELETE', '/api/v1/session')
  location.replace('/sign-in')
})
on('find-login', 'submit', async () => {
  login = await ask('POST', '/api/v1/session/logins', { code: byId('login-code').value.trim() })
  byId('login-address').textContent = login.address
  byId('login-agent').textContent = login.agent
  byId('login-workstation').textContent = login.workstation ?? 'none vouches for it'
  byId('login-wish').textContent = login.isStepUp ? 'to know that you are here' : 'to sign in as you'
  show('login', true)
  say('Confirm only what you have started yourself.')
  byId('confirm-login').focus()
})
on('confirm-login', 'click', async () => {
  const path = `/api/v1/session/logins/${login.id}`
  const offer = await ask('POST', path)
  const answer = await usePasskey(offer)
  await ask('POST', `${path}/confirm/${offer.ceremony}`, { answer })
  show('login', false)
  say('Confirmed. You can go back to the program.')
})
on('deny-login', 'click', async () => {
  await ask('DELETE', `/api/v1/session/logins/${login.id}`)
  show('login', false)
  say('Refused. The program does not come in.')
})
on('vouch', 'click', async () => {
  const { code: vouchCode, seconds } = await ask('POST', '/api/v1/session/vouch')
  byId('vouch-text').textContent = vouchCode
  byId('vouch-command').textContent = vouchCode
  byId('vouch-url').textContent = location.origin
  show('vouch-code', true)
  say(`The code counts for ${Math.round(seconds / 60)} minutes. Reload this page when the workstation has vouched.`)
})
on('add-passkey', 'submit', async () => {
  const name = byId('passkey-name').value.trim()
  const offer = await withPresence(() => ask('POST', '/api/v1/session/passkeys'))
  const answer = await makePasskey(offer)
  await ask('POST', `/api/v1/session/passkeys/${offer.ceremony}`, { name, answer })
  byId('passkey-name').value = ''
  await showPasskeys()
  say(`The passkey ${name} opens this hub from now on.`)
})

function on(id, type, work) {
  const element = byId(id)
  element.addEventListener(type, (event) => {
    event.preventDefault()
    void doing(element instanceof HTMLFormElement ? element.querySelector('button') : element, work)
  })
}

async function stepUp() {
  const offer = await ask('POST', '/api/v1/session/step-up')
  const answer = await usePasskey(offer)
  await showSession(await ask('POST', `/api/v1/session/step-up/${offer.ceremony}`, { answer }))
}

/** Does what asks for presence; where it was long ago, the person is asked for it first. */
async function withPresence(work) {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'presence-required') throw error
    say('Your browser asks for your passkey, since this asks for you to be here.')
    await stepUp()
    return work()
  }
}

async function showSession({ operator, allows, because, presentUntil, expires }) {
  byId('operator').textContent = operator
  byId('allows').textContent = ALLOWS[allows] + (because === undefined ? '' : `: ${because}`)
  const until = new Date(presentUntil)
  byId('presence').textContent = until > new Date() ? `until ${until.toLocaleTimeString()}` : 'not shown lately'
  byId('expires').textContent = new Date(expires).toLocaleString()
  show('signed-in', true)
}

async function showPasskeys() {
  const { items } = await ask('GET', '/api/v1/session/passkeys')
  byId('passkeys').replaceChildren(...items.map(itemOf))
}

function itemOf({ id, name, createdTime, lastUsedTime, suspected }) {
  const item = document.createElement('li')
  const used =
    lastUsedTime === undefined ? 'never used to sign in' : `last used ${new Date(lastUsedTime).toLocaleString()}`
  const text = document.createElement('span')
  text.textContent = `${name}, made ${new Date(createdTime).toLocaleDateString()}, ${used}. `
  if (suspected) text.textContent += 'It may have been copied, and opens nothing. '
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'second'
  button.textContent = `Remove ${name}`
  button.addEventListener('click', () => {
    void doing(button, async () => {
      await withPresence(() => ask('DELETE', `/api/v1/session/passkeys/${id}`))
      await showPasskeys()
      say(`The passkey ${name} is removed.`)
    })
  })
  item.append(text, button)
  return item
}
