/**
 * What lapses when.
 *
 *   GET /api/v1/credentials/calendar?from=&to=&after=&limit=   Page<Lapse>, by time
 */

export interface Lapse {
  /** When it ends. */
  at: string
  kind: 'customer-authority' | 'device-certificate' | 'enrollment' | 'hub' | 'revocation-list'
  /** Whose it is: `device/pump-1`, `authority/acme`, `certificate/server-certificate`. */
  subject: string
  /** SHA-256 of a certificate, or a name; tells it from all others of its kind. */
  id: string
  /** `lapsed`: it has ended. `due`: it should be renewed. `ahead`: neither. */
  state: 'lapsed' | 'due' | 'ahead'
  /** From when on it is renewed; absent where somebody has to think of it. */
  renewal?: string
}
