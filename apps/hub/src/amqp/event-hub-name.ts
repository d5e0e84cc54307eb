/** The Event Hub of a hub has the hub's name up to the first dot, as Azure has it. */
export function eventHubName(hostName: string): string {
  return hostName.split('.', 1)[0] ?? hostName
}
