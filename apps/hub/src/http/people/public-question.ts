/** What was asked before anybody is known, as it was read and checked, and who sent it as far as that is known. */
export interface PublicQuestion<B> {
  readonly body: B
  readonly address: string
  readonly headers: Headers
}
