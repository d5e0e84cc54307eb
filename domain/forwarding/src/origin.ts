/** From where events come, for those who hear of several hubs. */
export interface Origin {
  /** The hub's first name. */
  readonly hub: string
  /** Of the hub's software. */
  readonly version: string
}
