/** Signing in: the browser offers the passkeys that it has for this hub. */

import { ask, byId, doing, say } from './page.js'
import { usePasskey } from './passkey.js'

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault()
  void doing(byId('go'), async () => {
    say('Your browser asks for your passkey.')
    const offer = await ask('POST', '/sign-in/begin', {})
    const answer = await usePasskey(offer)
    await ask('POST', '/sign-in/finish', { ceremony: offer.ceremony, answer })
    // A code that was brought along goes on to where it is used.
    location.replace(`/session${location.hash}`)
  })
})
