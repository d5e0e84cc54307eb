/** What every HTTP handler can know of a request besides the request itself. */

import type { PeerFacts } from '@holdfast/messaging'

export interface HttpEnvironment {
  Bindings: {
    /** `transport` is `local` on the socket in the data folder, whose file mode is the authorisation. */
    readonly peer: PeerFacts
    /** As received, with the case of their names; absent where nobody but a test stands between. */
    readonly headers?: readonly (readonly [string, string])[]
    /** Aborted when whoever asked has gone; absent where a body is a stream, and in tests. */
    readonly signal?: AbortSignal
  }
}
