/** Passkeys in the browser (WebAuthn §5.1): offers of the hub go in, answers for the hub come out. */

/** Milliseconds that the browser may wait for the person; the hub waits no longer. */
const TIMEOUT_MS = 300_000

/** ES256, EdDSA and RS256, as the hub takes them. */
const ALGORITHMS = [-8, -7, -257]

export async function makePasskey({ challenge, relyingParty, user, exclude, attestation }) {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(challenge),
      rp: relyingParty,
      user: { id: bytesOf(user.id), name: user.name, displayName: user.name },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
      excludeCredentials: exclude.map(descriptorOf),
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation,
      timeout: TIMEOUT_MS,
    },
  })
  const { response } = credential
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: 'public-key',
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      attestationObject: textOf(response.attestationObject),
      transports: response.getTransports(),
    },
  }
}

export async function usePasskey({ challenge, relyingPartyId, allow }) {
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: bytesOf(challenge),
      rpId: relyingPartyId,
      allowCredentials: allow.map(descriptorOf),
      userVerification: 'required',
      timeout: TIMEOUT_MS,
    },
  })
  const { response } = credential
  const { userHandle } = response
  return {
    id: credential.id,
    rawId: textOf(credential.rawId),
    type: 'public-key',
    response: {
      clientDataJSON: textOf(response.clientDataJSON),
      authenticatorData: textOf(response.authenticatorData),
      signature: textOf(response.signature),
      ...(userHandle !== null && userHandle.byteLength > 0 && { userHandle: textOf(userHandle) }),
    },
  }
}

function descriptorOf({ id, transports }) {
  return { type: 'public-key', id: bytesOf(id), ...(transports.length > 0 && { transports }) }
}

function bytesOf(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

function textOf(buffer) {
  let binary = ''
  for (const byte of new Uint8Array(buffer)) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
