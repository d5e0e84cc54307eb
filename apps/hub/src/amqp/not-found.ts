/** Clients of Event Hubs know that something is not there by these words alone (`@azure/core-amqp`, `errors`). */
export function notFound(which: string, hint: string): string {
  return `The messaging entity ${which} could not be found: ${hint}.`
}
