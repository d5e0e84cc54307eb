/** From a one-time link to a passkey. The secret stands behind the hash, which browsers send to nobody. */

import { ask, byId, complain, doing, say, show } from './page.js'
import { makePasskey } from './passkey.js'

const secret = location.hash.slice(1)
// Neither the history nor a screenshot keeps it.
history.replaceState(null, '', '/enrol')

try {
  const { needs, name } = await ask('POST', '/enrol/look', { secret })
  byId('who').textContent = name === undefined ? 'You are the first.' : `This link is for ${name}.`
  show('name-field', needs === 'name')
  show('code-field', needs === 'code')
  byId('name').required = needs === 'name'
  byId('code').required = needs === 'code'
  byId('key-name').required = true
  show('enrol', true)
  const first = needs === 'name' ? 'name' : needs === 'code' ? 'code' : 'key-name'
  byId(first).focus()
  byId('enrol').addEventListener('submit', (event) => {
    event.preventDefault()
    void doing(byId('go'), () => enrol(needs))
  })
} catch (error) {
  complain(error)
}

async function enrol(needs) {
  say('Your browser asks you to make a passkey.')
  const keyName = byId('key-name').value.trim()
  const offer = await ask('POST', '/enrol/begin', {
    secret,
    ...(needs === 'name' && { name: byId('name').value.trim() }),
    ...(needs === 'code' && { code: byId('code').value.trim() }),
  })
  const answer = await makePasskey(offer)
  await ask('POST', '/enrol/finish', { ceremony: offer.ceremony, keyName, answer })
  location.replace('/session')
}
